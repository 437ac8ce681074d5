//! A sync that waits for the budget, as a customer sees it, while everything is restarted.

use std::time::{Duration, Instant};

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use testkit::caller::Caller;
use testkit::simulator::{Options, Quota, WebsiteOptions};
use tokio::time::sleep;

use crate::comparison::differences;
use crate::crowd;
use crate::served::Served;
use crate::stage::{Base, PATIENCE, Stage, by_somebody, now};

const QUOTA: u32 = 30;
const WINDOW: Duration = Duration::from_secs(10);

/// What the API says of a sync, once that is so.
async fn sync_that(
    caller: &Caller,
    path: &str,
    is_so: impl Fn(&Value) -> anyhow::Result<bool>,
) -> anyhow::Result<Value> {
    let begun = Instant::now();
    loop {
        let sync = caller.get(path).await?;
        if is_so(&sync)? {
            return Ok(sync);
        }
        anyhow::ensure!(begun.elapsed() < PATIENCE, "waited in vain: {sync}");
        sleep(Duration::from_millis(100)).await;
    }
}

fn moment(sync: &Value, field: &str) -> anyhow::Result<DateTime<Utc>> {
    let text = sync.get(field).and_then(Value::as_str).with_context(|| format!("no {field} in {sync}"))?;
    Ok(text.parse()?)
}

fn is_waiting(sync: &Value) -> anyhow::Result<bool> {
    anyhow::ensure!(!matches!(sync["state"].as_str(), Some("failed" | "cancelled")), "{sync}");
    Ok(sync["state"] == "waiting_for_quota")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_waits_for_the_budget_says_until_when_and_goes_on_although_all_is_restarted()
-> anyhow::Result<()> {
    let _machine = crowd::beside_others().await;
    let website = WebsiteOptions::of_size(50, 80).exactly(1).links(by_somebody());
    let window_ms = u64::try_from(WINDOW.as_millis())?;
    let options = Options { websites: vec![website], ..Options::default() }
        .behaving(|behaviour| behaviour.quota = Some(Quota::of(u64::from(QUOTA), window_ms)));
    let settings = [
        ("CRISP_DAILY_QUOTA", QUOTA.to_string()),
        ("CRISP_QUOTA_WINDOW_SECONDS", WINDOW.as_secs().to_string()),
    ];
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let stage = Stage::open(options, Base::shared().await?, &settings).await?;
    let served = Served::start(&stage).await?;
    // What connecting has cost is forgotten, here and there.
    sleep(WINDOW).await;
    let sync = stage.trigger().await?;
    let path = format!("/v1/syncs/{sync}");
    let mut worker = stage.worker()?;
    let caller = served.caller(&stage)?;
    let first =
        sync_that(&caller, &path, |sync| Ok(is_waiting(sync)? && sync["phase"] == "messages")).await?;
    let (resumes, finishes) = (moment(&first, "resumes_at")?, moment(&first, "expected_finish_at")?);
    assert!(resumes <= finishes && resumes > now() - TimeDelta::seconds(1), "{first}");
    assert!(resumes < now() + TimeDelta::from_std(WINDOW * 2)?, "{first}");

    // Everything dies while the sync waits.
    worker.kill()?;
    served.end().await?;
    let asked = stage.sim.requests().total;
    let served = Served::start(&stage).await?;
    let caller = served.caller(&stage)?;
    let again = caller.get(&path).await?;
    assert!(is_waiting(&again)? && moment(&again, "resumes_at")? == resumes, "{again}");
    let _worker = stage.worker()?;
    sync_that(&caller, &path, |_| Ok(stage.sim.requests().total > asked)).await?;
    let done = sync_that(&caller, &path, |sync| Ok(sync["finished_at"].is_string())).await?;
    assert_eq!(done["state"], "succeeded", "{done}");
    let off = (moment(&done, "finished_at")? - finishes).num_milliseconds();
    println!("ended {off} ms after what was told two windows before");
    assert!(off.abs() <= i64::try_from(window_ms)?, "told {finishes}, off by {off} ms");
    assert_eq!(stage.sim.requests().quota_overruns, 0);
    let differing = differences(&stage).await?;
    assert!(differing.is_empty(), "{differing:#?}");
    Ok(())
}
