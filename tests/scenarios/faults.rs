//! Crisp and the network at their worst.

use std::time::Duration;

use testkit::simulator::{Fault, FaultRule, Kind, ListEnd, Options, RetryAfter};

use crate::comparison::differences;
use crate::stage::{Setup, Stage};

fn impatient() -> Setup {
    Setup { request_timeout: Duration::from_millis(800), ..Setup::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_resets_hangs_and_cut_off_answers_are_ridden_out() -> anyhow::Result<()> {
    let options = Options::of_size(200, 150).behaving(|behaviour| {
        behaviour.faults = vec![
            FaultRule::by_chance(0.04, Fault::Internal),
            FaultRule::by_chance(0.03, Fault::BadGateway),
            FaultRule::by_chance(0.03, Fault::Reset),
            FaultRule::by_chance(0.03, Fault::Truncated),
            FaultRule::by_chance(0.01, Fault::Hang(2_000)),
            FaultRule::by_chance(0.01, Fault::SlowDrip(2_000)),
            FaultRule::by_chance(0.01, Fault::Limited { status: 429, retry_after: RetryAfter::Seconds(1) }),
        ];
    });
    let (stage, run) = Stage::imported(options, impatient()).await?;
    assert_eq!(run.state, "succeeded", "{run:?}");
    let differing = differences(&stage).await?;
    assert!(differing.is_empty(), "{differing:#?}");
    stage.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_at_any_moment_is_waited_out() -> anyhow::Result<()> {
    let options = Options::of_size(120, 80)
        .behaving(|behaviour| behaviour.faults = vec![FaultRule::scripted(20, 60, Fault::BadGateway)]);
    let (stage, run) = Stage::imported(options, impatient()).await?;
    assert_eq!(run.state, "succeeded", "{run:?}");
    let differing = differences(&stage).await?;
    assert!(differing.is_empty(), "{differing:#?}");
    stage.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_may_end_in_any_way_and_bounds_may_be_inclusive() -> anyhow::Result<()> {
    for (end, inclusive) in
        [(ListEnd::EmptyPageEnds, true), (ListEnd::AlwaysMore, false), (ListEnd::NeverMore, true)]
    {
        let options = Options::of_size(100, 100).behaving(|behaviour| {
            behaviour.people_end = end;
            behaviour.conversations_end = end;
            // For messages the meaning of 206 is documented; only what it says at the very end is not.
            behaviour.messages_end = if end == ListEnd::NeverMore { ListEnd::Exact } else { end };
            behaviour.timestamp_bounds_inclusive = inclusive;
            behaviour.batch = 7;
        });
        let (stage, run) = Stage::imported(options, Setup::default()).await?;
        assert_eq!(run.state, "succeeded", "{end:?}: {run:?}");
        let differing = differences(&stage).await?;
        assert!(differing.is_empty(), "{end:?}: {differing:#?}");
        stage.close().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transcript_that_never_reads_is_set_aside_and_listed() -> anyhow::Result<()> {
    let options = Options::of_size(60, 40).behaving(|behaviour| {
        behaviour.faults = vec![FaultRule::by_chance(0.1, Fault::Garbage).only(Kind::Messages)];
    });
    let (stage, run) = Stage::imported(options, impatient()).await?;
    assert!(matches!(run.state.as_str(), "succeeded" | "partial"), "{run:?}");
    let listed: i64 = stage
        .sql()
        .await?
        .query_one("select count(*) from unreadable_records where kind = 'message'", &[])
        .await?
        .get(0);
    assert_eq!(run.messages_failed, listed);
    stage.close().await
}
