//! Crisp and the network at their worst.

use std::collections::BTreeSet;
use std::time::Duration;

use crisp_sync::syncs::{Messages, SyncKind};
use testkit::simulator::{Fault, FaultRule, Kind, ListEnd, NewMessage, Options, RetryAfter, Side};

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
            FaultRule::by_chance(0.01, Fault::Garbage),
            FaultRule::by_chance(0.01, Fault::Hang(2_000)),
            FaultRule::by_chance(0.01, Fault::SlowDrip(2_000)),
            FaultRule::by_chance(0.01, Fault::Limited { status: 429, retry_after: RetryAfter::Seconds(1) }),
        ];
    });
    let (stage, run) = Stage::imported(options, impatient()).await?;
    assert_eq!(run.state, "succeeded", "{run:?}");
    let differing = differences(&stage).await?;
    assert!(differing.is_empty(), "{differing:#?}");

    // The same with what is only looked for now and then: news, and what vanished.
    let (change, truth) = (stage.sim.change(stage.website), stage.sim.truth(stage.website));
    let sessions: Vec<String> = truth.conversations().map(|one| one.session_id).collect();
    for session in sessions.iter().take(12) {
        change.send(session, NewMessage::text(Side::User, "Are you there?"))?;
    }
    for session in sessions.iter().rev().take(9) {
        change.remove_conversation(session)?;
    }
    for run in [stage.sync(SyncKind::Incremental).await?, stage.reconcile().await?] {
        assert_eq!(run.state, "succeeded", "{run:?}");
    }
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
    let ends = [ListEnd::Exact, ListEnd::EmptyPageEnds, ListEnd::AlwaysMore, ListEnd::NeverMore];
    for (end, inclusive) in ends.into_iter().flat_map(|end| [(end, true), (end, false)]) {
        let options = Options::of_size(100, 60).behaving(|behaviour| {
            behaviour.people_end = end;
            behaviour.conversations_end = end;
            // For messages the meaning of 206 is documented; only what it says at the very end is not.
            behaviour.messages_end = if end == ListEnd::NeverMore { ListEnd::Exact } else { end };
            behaviour.timestamp_bounds_inclusive = inclusive;
            behaviour.batch = 7;
        });
        let (stage, run) = Stage::imported(options, Setup::default()).await?;
        assert_eq!(run.state, "succeeded", "{end:?}, inclusive {inclusive}: {run:?}");
        let differing = differences(&stage).await?;
        assert!(differing.is_empty(), "{end:?}, inclusive {inclusive}: {differing:#?}");
        stage.close().await?;
    }
    Ok(())
}

/// Conversations that are shown, with messages.
fn shown(stage: &Stage) -> Vec<String> {
    let truth = stage.sim.truth(stage.website);
    let shown = truth.conversations().filter(|one| one.people_id.is_some() && one.messages > 0);
    shown.map(|one| one.session_id).collect()
}

/// Sessions whose messages are listed as unreadable.
async fn set_aside(stage: &Stage) -> anyhow::Result<BTreeSet<String>> {
    let statement = "select external_id from unreadable_records where kind = 'message'";
    Ok(stage.sql().await?.query(statement, &[]).await?.iter().map(|row| row.get(0)).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transcript_that_never_reads_is_set_aside_and_listed_and_costs_nobody_else_anything()
-> anyhow::Result<()> {
    let stage = Stage::connected(Options::of_size(60, 60), impatient()).await?;
    let sessions = shown(&stage);
    let never: BTreeSet<String> =
        [&sessions[0], &sessions[7], sessions.last().expect("one")].map(Clone::clone).into();
    let faults =
        [Fault::Garbage, Fault::NotFound, Fault::Status { status: 400, reason: "invalid_data".to_owned() }];
    let rules = never.iter().zip(faults);
    let rules: Vec<FaultRule> =
        rules.map(|(session, fault)| FaultRule::always(fault).only(Kind::Messages).about(session)).collect();
    stage.sim.behave(|behaviour| behaviour.faults = rules);

    let run = stage.sync(SyncKind::Full).await?;
    assert_eq!((run.state.as_str(), run.messages_failed), ("partial", 3), "{run:?}");
    assert_eq!(set_aside(&stage).await?, never);
    let of_others = |sentence: &String| !never.iter().any(|session| sentence.contains(session.as_str()));
    let differing: Vec<String> = differences(&stage).await?.into_iter().filter(of_others).collect();
    assert!(differing.is_empty(), "everything else arrived: {differing:#?}");
    let tries = stage
        .sim
        .log()
        .iter()
        .filter(|one| one.object.as_ref().is_some_and(|name| never.contains(name)))
        .count();
    assert!(tries <= 3 * 10, "{tries} requests for three transcripts that never read");

    // Neither a schedule nor a sweep tries them again for ever; a person may.
    stage.sim.behave(|behaviour| behaviour.faults.clear());
    let again = stage.sync_with(SyncKind::Full, Messages::All).await?;
    assert_eq!(again.state, "succeeded", "{again:?}");
    assert!(set_aside(&stage).await?.is_empty(), "what was read at last is not listed any more");
    let differing = differences(&stage).await?;
    assert!(differing.is_empty(), "{differing:#?}");
    stage.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_404_for_what_was_just_listed_is_asked_again() -> anyhow::Result<()> {
    let options = Options::of_size(60, 60).behaving(|behaviour| {
        behaviour.faults = vec![FaultRule::by_chance(0.15, Fault::NotFound).only(Kind::Messages)];
    });
    let (stage, run) = Stage::imported(options, impatient()).await?;
    assert_eq!(run.state, "succeeded", "{run:?}");
    let struck = stage.sim.requests().with_status(404);
    assert!(struck > 0, "nothing was struck");
    let differing = differences(&stage).await?;
    assert!(differing.is_empty(), "{differing:#?}");
    stage.close().await
}
