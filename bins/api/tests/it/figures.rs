//! What `/metrics` says while hooks and a sync wait, and what becomes of it when they are worked on.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::metrics::Scrape;
use testkit::simulator::Options;

use crate::socket::{answer, delivery, send};
use crate::working::Working;
use crate::world::{Serving, World};

const PATIENCE: Duration = Duration::from_mins(1);

/// Scrapes until everything is as it should be.
async fn scraped(server: &Serving, is_so: impl Fn(&Scrape) -> Option<bool>) -> Scrape {
    let begun = Instant::now();
    loop {
        let scrape = Scrape::of(&server.get("/metrics").await.body);
        if is_so(&scrape) == Some(true) {
            return scrape;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain:\n{scrape}");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

async fn post_hook(world: &World, server: &Serving, number: i64) {
    let website = world.crisp.website_ids()[0];
    let data = json!({"website_id": website, "session_id": "session_of_nobody", "state": "resolved"});
    let at = crisp_http::now().timestamp_millis() + number;
    let envelope =
        json!({"website_id": website, "event": "session:set_state", "data": data, "timestamp": at});
    let hook = world.crisp.signed_hook(&envelope);
    let mut stream = tokio::net::TcpStream::connect(&server.address).await.unwrap();
    send(&mut stream, delivery(&server.address, &hook).as_bytes()).await;
    assert_eq!(answer(&mut stream).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_backlog_and_who_asked_crisp_are_seen_and_an_unlimited_budget_is_counted_too() {
    let world = World::with(Options::of_size(60, 40)).await;
    let server = world.serve(&[], &[("CRISP_DAILY_QUOTA", "0")]).await;
    let account = world.account.to_string();
    let sync = world.queued_sync(&server).await;
    for number in 0..3 {
        post_hook(&world, &server, number).await;
    }
    let clicks = [("account", account.as_str()), ("purpose", "interactive")];
    let waiting = scraped(&server, |scrape| {
        let pending = scrape.value("crisp_hooks_pending", &[])?;
        let hooks = scrape.value("crisp_queue_age_seconds", &[("lane", "hooks")])?;
        let syncs = scrape.value("crisp_queue_age_seconds", &[("lane", "sync")])?;
        Some((pending - 3.0).abs() < 0.5 && hooks > 0.0 && syncs > 0.0)
    })
    .await;
    assert_eq!(waiting.value("crisp_hooks_received_total", &[("outcome", "stored")]), Some(3.0), "{waiting}");
    assert!(
        waiting.value("crisp_budget_used_by_account", &clicks).is_some_and(|used| used >= 2.0),
        "{waiting}"
    );
    assert!(waiting.sum("crisp_requests_total", &[("purpose", "interactive")]) >= 2.0, "{waiting}");
    assert!(waiting.value("crisp_budget_limit", &[]).is_none(), "nothing is limited: {waiting}");
    assert!(waiting.sum("http_requests_total", &[("status", "200")]) >= 4.0, "{waiting}");
    assert!(waiting.sum("http_connections", &[]) >= 1.0, "{waiting}");

    let _working = Working::beside(&world).await;
    let lag = [("account", account.as_str())];
    let backfill = [("account", account.as_str()), ("purpose", "backfill")];
    let done = scraped(&server, |scrape| {
        let pending = scrape.value("crisp_hooks_pending", &[])?;
        scrape.value("crisp_sync_lag_seconds", &lag)?;
        Some(pending < 0.5 && scrape.value("crisp_budget_used_by_account", &backfill)? > 10.0)
    })
    .await;
    assert_eq!(server.get(&format!("/v1/syncs/{sync}")).await.json()["state"], "succeeded");
    assert_eq!(done.value("crisp_queue_age_seconds", &[("lane", "hooks")]), Some(0.0), "{done}");
    assert!(done.value("crisp_sync_lag_seconds", &lag).is_some_and(|lag| lag < 300.0), "{done}");
}
