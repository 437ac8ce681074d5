//! The request budget, against a Crisp that counts for itself.

use std::time::Duration;

use crisp_sync::syncs::SyncKind;
use testkit::simulator::{MessageCount, Options, Quota};

use crate::comparison::differences;
use crate::stage::{Setup, Stage};

const QUOTA: u32 = 200;
const WINDOW: Duration = Duration::from_secs(10);
/// Whole windows that the import takes at least.
const WINDOWS: u32 = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_workers_never_overrun_the_budget_and_leave_little_of_it_unused() -> anyhow::Result<()> {
    let window_ms = u64::try_from(WINDOW.as_millis())?;
    let options = Options::of_size(100, 620)
        .each_website(|mut website| {
            website.messages = MessageCount::Exactly(3);
            website
        })
        .behaving(|behaviour| behaviour.quota = Some(Quota::of(u64::from(QUOTA), window_ms)));
    let setup = Setup { quota: Some(QUOTA), window: WINDOW, workers: 4, ..Setup::default() };
    let stage = Stage::connected(options, setup).await?;
    tokio::time::sleep(WINDOW).await;
    stage.sim.forget_requests();
    let run = stage.sync(SyncKind::Full).await?;
    assert_eq!(run.state, "succeeded", "{run:?}");
    assert_eq!(stage.sim.requests().quota_overruns, 0);
    let differing = differences(&stage).await?;
    assert!(differing.is_empty(), "{differing:#?}");

    // Utilisation over the whole windows in which there was always more to do.
    let log = stage.sim.log();
    let first = log[0].at_ms;
    let spent = log.iter().filter(|entry| entry.at_ms - first < window_ms * u64::from(WINDOWS)).count();
    let percent = spent * 100 / usize::try_from(QUOTA * WINDOWS)?;
    println!("utilisation over {WINDOWS} windows: {percent} %");
    assert!(percent >= 95, "{percent} % of the budget was used");
    stage.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_waits_for_the_budget_says_so_and_goes_on_by_itself() -> anyhow::Result<()> {
    let options = Options::of_size(50, 60);
    let setup = Setup { quota: Some(30), window: Duration::from_secs(6), ..Setup::default() };
    let stage = Stage::connected(options, setup).await?;
    let run = crisp_sync::syncs::trigger(
        &stage.engine,
        stage.account,
        stage.integration,
        "tester",
        SyncKind::Full,
        crisp_sync::syncs::Messages::WhereNew,
    )
    .await?;
    stage
        .eventually("the sync waits", async |stage: &Stage| {
            let run = crisp_sync::syncs::get(&stage.engine, stage.account, run.sync_id()).await?;
            assert!(run.state != "failed");
            Ok(run.state == "waiting_for_quota"
                && run.resumes_at.is_some()
                && run.expected_finish_at.is_some())
        })
        .await?;
    assert_eq!(stage.ended(run.sync_id()).await?.state, "succeeded");
    stage.close().await
}
