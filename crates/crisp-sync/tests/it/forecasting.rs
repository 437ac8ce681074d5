//! What an import will cost, and what it did cost.

use std::collections::HashSet;

use crisp_sync::forecast::{Forecast, forecast};
use crisp_sync::syncs::SyncKind;
use crisp_sync::{Refusal, settings};
use serde_json::json;
use testkit::simulator::{Conversation, Kind, Links, MessageCount, Options, WebsiteOptions};

use crate::world::{ACTOR, World};

/// How far a forecast lies from the truth, as a share of it.
fn off(forecast: f64, truth: f64) -> f64 {
    (forecast - truth).abs() / truth.max(1.0)
}

fn number(count: i64) -> f64 {
    f64::from(i32::try_from(count).unwrap())
}

fn number_u(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

/// Forecasts, imports, and compares.
async fn holds(website: WebsiteOptions, settings: serde_json::Value) -> (Forecast, u64) {
    let options = Options { websites: vec![website], ..Options::default() };
    let world = World::of(options).await;
    let id = world.connected().await;
    settings::put(&world.engine, world.account, id, ACTOR, settings).await.unwrap();
    world.crisp.forget_requests();
    let told = forecast(&world.engine, world.account, id).await.unwrap();
    let asked = world.crisp.requests().total;
    let sync = world.sync(id, SyncKind::Full).await;
    assert!(off(number_u(told.people), number(sync.people_read)) <= 0.15, "{told:?} {sync:?}");
    assert!(off(number_u(told.conversations), number(sync.conversations_read)) <= 0.15, "{told:?} {sync:?}");
    assert!(
        off(number_u(told.requests), number(sync.crisp_requests)) <= 0.15,
        "{told:?} {}",
        sync.crisp_requests
    );
    let matched = number(sync.conversations_created) / number(sync.conversations_read);
    assert!((told.matched_share - matched).abs() <= 0.15, "{told:?} {matched}");
    (told, asked)
}

/// Forecasts without importing, and compares with what the simulator knows.
async fn is_close(seed: u64, website: WebsiteOptions) {
    let world = World::of(Options { seed, websites: vec![website.clone()], ..Options::default() }).await;
    let id = world.connected().await;
    world.crisp.forget_requests();
    let told = forecast(&world.engine, world.account, id).await.unwrap();
    let asked = world.crisp.requests().total;
    let truth = world.crisp.truth(world.website());
    let emails: HashSet<String> = truth.people().filter_map(|person| person.email).collect();
    let matches = |row: &Conversation| {
        row.people_id.is_some() || row.email.as_ref().is_some_and(|email| emails.contains(email))
    };
    let least = truth.least_possible(matches);
    assert!(
        off(number_u(told.requests), number_u(least)) <= 0.15,
        "seed {seed}, {website:?}: {told:?}, {least} in truth"
    );
    assert!(asked <= 160, "seed {seed}: {asked} requests");
}

#[tokio::test]
async fn workspaces_of_many_kinds_are_forecast_within_15_percent() {
    let strangers = Links { people_id: 0.3, email: 0.2, stranger: 0.3 };
    for seed in 1..=3 {
        is_close(seed, WebsiteOptions::of_size(1_000, 1_000)).await;
        is_close(seed, WebsiteOptions::of_size(40, 700)).await;
        is_close(seed, WebsiteOptions::of_size(3_000, 2_600).links(strangers)).await;
        is_close(seed, WebsiteOptions::of_size(100, 900).exactly(100).links(Links::all_by_people_id())).await;
        let mixed =
            WebsiteOptions { messages: MessageCount::Between(10, 90), ..WebsiteOptions::of_size(500, 800) };
        is_close(seed, mixed).await;
    }
}

#[tokio::test]
async fn an_import_costs_what_was_forecast() {
    let (told, asked) = holds(WebsiteOptions::of_size(300, 400), json!({})).await;
    assert!(asked <= 40, "{asked}");
    assert_eq!((told.people, told.requests_today_left), (300, None));
}

#[tokio::test]
async fn the_settings_count() {
    let data = json!({"backfill_days": 90, "mapping": [
        {"from": "email", "to": "email", "policy": "overwrite"},
        {"from": "data.plan", "to": "attributes.plan", "policy": "overwrite"},
    ]});
    holds(WebsiteOptions::of_size(120, 300), data).await;
}

#[tokio::test]
async fn a_small_quota_takes_days() {
    let options =
        Options { websites: vec![WebsiteOptions::of_size(100, 300).exactly(3)], ..Options::default() };
    let world = World::with_quota(options, Some(100)).await;
    let id = world.connected().await;
    let told = forecast(&world.engine, world.account, id).await.unwrap();
    assert!(told.requests_today_left.is_some_and(|left| left < 100));
    assert!(told.requests > 200);
    let minutes = (told.done_by - crate::world::now()).num_minutes();
    assert!((110..=240).contains(&minutes), "{minutes} minutes, in windows of an hour");
    assert_eq!(world.crisp.requests().of(Kind::Write), 0);
}

#[tokio::test]
async fn nothing_is_forecast_before_a_website_is_connected() {
    let world = World::of(Options::of_size(1, 1)).await;
    let draft = crisp_sync::connect::create(&world.engine, world.account, ACTOR, None).await.unwrap().row;
    let refused = forecast(&world.engine, world.account, draft.integration_id()).await;
    assert!(matches!(refused, Err(Refusal::NotConnected)));
}

#[tokio::test]
async fn many_who_ask_at_once_cost_one_survey() {
    let world = World::of(Options::of_size(20, 20)).await;
    let id = world.connected().await;
    world.crisp.forget_requests();
    let first = forecast(&world.engine, world.account, id).await.unwrap();
    let asked = world.crisp.requests().total;
    let others = (0..10).map(|_| forecast(&world.engine, world.account, id));
    for other in futures::future::join_all(others).await {
        assert_eq!(other.unwrap().requests, first.requests);
    }
    assert_eq!(world.crisp.requests().total, asked);
    settings::put(&world.engine, world.account, id, ACTOR, json!({"import_people": false})).await.unwrap();
    forecast(&world.engine, world.account, id).await.unwrap();
    assert!(world.crisp.requests().total > asked, "other settings are another question");
}
