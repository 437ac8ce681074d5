//! A small account beside one that is fifty times its size.

use std::time::{Duration, Instant};

use testkit::simulator::{Options, WebsiteOptions};
use tokio::time::sleep;

use crate::crowd;
use crate::stage::{Base, Ground, Stage};

/// Imports a small website alone, then its like beside a big one. How many times as long that takes.
async fn times_as_long(
    small: u32,
    latency_ms: u64,
    settings: &[(&str, &str)],
    pause: Duration,
) -> anyhow::Result<f64> {
    let sizes = [small, small, small * 50];
    let websites = sizes.map(|size| WebsiteOptions::of_size(size, size).seed(5).exactly(1)).into();
    let options = Options { websites, ..Options::default() };
    let options = options.behaving(|behaviour| behaviour.latency_ms = latency_ms);
    let ground = Ground::open(options, Base::shared().await?, settings).await?;
    let stages = Stage::all(&ground).await?;
    let [alone, beside, big] = stages.as_slice() else { anyhow::bail!("three websites were asked for") };
    sleep(pause).await;
    let _worker = ground.worker()?;
    let time_alone = import(alone).await?;
    sleep(pause).await;
    let under_way = big.trigger().await?;
    big.reaches(under_way, "come far", |run| run.people_read >= 500).await?;
    let time_beside = import(beside).await?;
    assert!(big.run(under_way).await?.is_under_way(), "the big one had ended before the small one did");
    let times = time_beside.as_secs_f64() / time_alone.as_secs_f64();
    println!("alone {time_alone:.1?}, beside a big one {time_beside:.1?}: {times:.1} times as long");
    Ok(times)
}

async fn import(stage: &Stage) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let sync = stage.trigger().await?;
    assert_eq!(stage.ended(sync).await?.state, "succeeded");
    Ok(began.elapsed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_account_is_done_in_thrice_its_time_alone_however_big_its_neighbour() -> anyhow::Result<()> {
    let _machine = crowd::alone().await;
    let times = times_as_long(100, 20, &[], Duration::ZERO).await?;
    assert!(times <= 3.0, "{times}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_account_gets_its_share_of_a_scarce_budget() -> anyhow::Result<()> {
    let _machine = crowd::alone().await;
    let settings = [("CRISP_DAILY_QUOTA", "100"), ("CRISP_QUOTA_WINDOW_SECONDS", "4")];
    let times = times_as_long(180, 5, &settings, Duration::from_secs(5)).await?;
    assert!(times <= 3.0, "{times}");
    Ok(())
}
