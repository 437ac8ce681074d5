//! SIGTERM in the middle of work.

use std::time::{Duration, Instant};

use testkit::process::Process;
use testkit::simulator::{Fault, FaultRule, Kind, Options, WebsiteOptions};

use crate::comparison::differences;
use crate::crowd;
use crate::stage::{Base, Ground, Stage, by_somebody};

/// The contract's.
const TIME_TO_END: Duration = Duration::from_secs(10);

async fn ends_in_good_order(mut worker: Process) -> anyhow::Result<()> {
    let asked = Instant::now();
    worker.ask_to_end()?;
    let status = worker.ended(TIME_TO_END).await?;
    println!("ended {:.2?} after SIGTERM", asked.elapsed());
    assert_eq!(status.code(), Some(0), "{}", worker.log());
    Ok(())
}

async fn nothing_is_held(ground: &Ground) -> anyhow::Result<()> {
    let held = "select count(*) from work_items where lease_token is not null";
    assert_eq!(ground.number(held).await?, 0, "leases were handed back");
    let due = "select count(*) from work_items where lane = 'sync' and due_at <= clock_timestamp() + interval '1 second'";
    let under_way = "select count(*) from sync_runs where finished_at is null";
    assert_eq!(ground.number(due).await?, ground.number(under_way).await?, "anybody may go on at once");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asked_to_end_a_worker_hands_back_what_it_holds_and_nothing_is_asked_for_twice() -> anyhow::Result<()>
{
    let _machine = crowd::beside_others().await;
    let websites =
        (1..=3).map(|seed| WebsiteOptions::of_size(300, 150).seed(seed).links(by_somebody())).collect();
    let options = Options { websites, ..Options::default() };
    let options = options.behaving(|behaviour| behaviour.latency_ms = 120);
    let ground = Ground::open(options, Base::shared().await?, &[]).await?;
    let stages = Stage::all(&ground).await?;
    let mut syncs = Vec::new();
    for stage in &stages {
        syncs.push(stage.trigger().await?);
    }
    for _ in 0..4 {
        let come_to = stages[0].run(syncs[0]).await?.crisp_requests;
        let worker = ground.worker()?;
        stages[0].reaches(syncs[0], "gone on", |run| run.crisp_requests > come_to).await?;
        ends_in_good_order(worker).await?;
        nothing_is_held(&ground).await?;
    }
    let _last = ground.worker()?;
    for (stage, sync) in stages.iter().zip(&syncs) {
        assert_eq!(stage.ended(*sync).await?.state, "succeeded");
        let differing = differences(stage).await?;
        assert!(differing.is_empty(), "{differing:#?}");
    }
    assert_eq!(ground.number("select sum(takeovers)::bigint from work_items").await?, 0);
    let least: u64 = stages.iter().map(|stage| stage.least_possible() + 6).sum();
    let spent = ground.sim.requests().total;
    assert!(spent <= least, "{spent} requests, {least} without any end");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crisp_that_hangs_does_not_keep_a_worker_from_ending_in_good_order() -> anyhow::Result<()> {
    let _machine = crowd::beside_others().await;
    let options = Options::of_size(60, 60).behaving(|behaviour| {
        behaviour.faults = vec![FaultRule::by_chance(1.0, Fault::Hang(60_000)).only(Kind::Messages)];
    });
    let settings = [("CRISP_REQUEST_TIMEOUT_SECONDS", "30")];
    let stage = Stage::open(options, Base::shared().await?, &settings).await?;
    let sync = stage.trigger().await?;
    let worker = stage.worker()?;
    stage.reaches(sync, "come to the messages", |run| run.phase.as_deref() == Some("messages")).await?;
    while stage.sim.requests().of(Kind::Messages) == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    ends_in_good_order(worker).await?;
    nothing_is_held(&stage).await?;

    stage.sim.behave(|behaviour| behaviour.faults.clear());
    let _next = stage.worker()?;
    assert_eq!(stage.ended(sync).await?.state, "succeeded");
    let differing = differences(&stage).await?;
    assert!(differing.is_empty(), "{differing:#?}");
    Ok(())
}
