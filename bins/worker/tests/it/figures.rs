//! What `/metrics` of a worker says in the middle of work.

use std::time::{Duration, Instant};

use testkit::metrics::Scrape;
use testkit::process;
use testkit::simulator::{Options, WebsiteOptions};
use tokio::time::sleep;

use crate::crowd;
use crate::stage::{Base, Ground, PATIENCE, Stage, free_address};

/// Scrapes until everything is as it should be.
async fn scraped(address: &str, is_so: impl Fn(&Scrape) -> Option<bool>) -> anyhow::Result<Scrape> {
    let begun = Instant::now();
    loop {
        let (_, text) = process::get(&format!("http://{address}/metrics")).await?;
        let scrape = Scrape::of(&text);
        if is_so(&scrape) == Some(true) {
            return Ok(scrape);
        }
        anyhow::ensure!(begun.elapsed() < PATIENCE, "waited in vain:\n{text}");
        sleep(Duration::from_millis(250)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_shows_budget_queue_takeovers_and_lag_while_it_works() -> anyhow::Result<()> {
    let _machine = crowd::beside_others().await;
    let websites =
        vec![WebsiteOptions::of_size(20, 10).exactly(1), WebsiteOptions::of_size(200, 900).exactly(1)];
    let options = Options { websites, ..Options::default() };
    let ground = Ground::open(options, Base::shared().await?, &[("CRISP_DAILY_QUOTA", "5000")]).await?;
    let stages = Stage::all(&ground).await?;
    let [small, big] = stages.as_slice() else { anyhow::bail!("two websites were asked for") };
    let mut victim = ground.worker()?;
    let done = small.trigger().await?;
    assert_eq!(small.ended(done).await?.state, "succeeded");
    ground.sim.behave(|behaviour| behaviour.latency_ms = 250);
    let under_way = big.trigger().await?;
    big.reaches(under_way, "begun to read messages", |run| run.messages_read > 0).await?;
    victim.kill()?;
    let address = free_address()?;
    let _worker = ground.worker_with(&[("WORKER_LISTEN", &address)])?;
    big.reaches(under_way, "gone on", |run| run.messages_read > 100).await?;

    let of = |stage: &Stage| stage.account.to_string();
    let (quiet, busy) = (of(small), of(big));
    let scrape = scraped(&address, |scrape| {
        let asked = scrape.value("crisp_requests_total", &[("purpose", "backfill")])?;
        let used =
            scrape.value("crisp_budget_used_by_account", &[("account", &busy), ("purpose", "backfill")])?;
        let lag = scrape.value("crisp_sync_lag_seconds", &[("account", &quiet)])?;
        let takeovers = scrape.value("crisp_lease_takeovers_total", &[])?;
        Some(asked > 0.0 && used > 100.0 && lag > 0.0 && takeovers >= 1.0)
    })
    .await?;
    assert!(big.run(under_way).await?.is_under_way(), "that was in the middle of work");
    let figure = |name: &str, labels: &[(&str, &str)]| {
        scrape.value(name, labels).unwrap_or_else(|| panic!("no {name} {labels:?} in:\n{scrape}"))
    };
    let (limit, used) = (figure("crisp_budget_limit", &[]), figure("crisp_budget_used", &[]));
    let left = |purpose| figure("crisp_budget_left", &[("purpose", purpose)]);
    assert!((limit, used + left("live")) == (5_000.0, limit), "{scrape}");
    assert!(left("backfill") < left("live") && left("backfill") > 3_000.0, "{scrape}");
    let by_account: f64 = [&quiet, &busy]
        .iter()
        .map(|account| scrape.sum("crisp_budget_used_by_account", &[("account", account)]))
        .sum();
    assert!((by_account - used).abs() < 100.0, "it is all accounted for: {scrape}");
    assert!(figure("crisp_sync_lag_seconds", &[("account", &quiet)]) < 600.0, "{scrape}");
    assert!(
        scrape.value("crisp_sync_lag_seconds", &[("account", &busy)]).is_none(),
        "nothing to be behind of yet"
    );
    for lane in ["hooks", "sync"] {
        assert!((0.0..60.0).contains(&figure("crisp_queue_age_seconds", &[("lane", lane)])), "{scrape}");
    }
    for name in ["crisp_hooks_pending", "crisp_records_wanted", "crisp_dead_letters", "crisp_budget_blocked"]
    {
        assert!(figure(name, &[]).abs() < f64::EPSILON, "{name} in:\n{scrape}");
    }
    assert!(figure("crisp_transcripts_due", &[]) > 0.0, "{scrape}");
    Ok(())
}
