//! Triggered, watched, cancelled; and what they will cost.

use std::time::{Duration, Instant};

use axum::body::{Body, BodyDataStream};
use futures::StreamExt as _;
use serde_json::{Value, json};
use testkit::simulator::Options;
use tower::ServiceExt as _;

use crate::world::{World, request};

#[tokio::test]
async fn one_sync_at_a_time_and_the_refusal_names_it() {
    let world = World::of(Options::of_size(3, 3)).await;
    let path = format!("{}/syncs", world.connected().await);
    let first = world.post(&path, json!({"kind": "full"})).await;
    assert_eq!(first.status, 202, "{first:?}");
    let sync = &first.json;
    assert_eq!((&sync["kind"], &sync["trigger"]), (&json!("full"), &json!("first_import")));
    assert_eq!(sync["state"], "queued");
    assert_eq!(sync["expected"], json!({"people": null, "conversations": null}));
    assert_eq!(sync["conversations"]["skipped"], 0);
    let second = world.post(&path, json!({"kind": "full", "reread_messages": true})).await;
    assert_eq!((second.outcome(), &second.json["sync_id"]), ((409, "sync_in_progress"), &sync["id"]));
    let one = format!("/v1/syncs/{}", sync["id"].as_str().unwrap());
    let cancelled = world.post(&format!("{one}/cancel"), json!({})).await;
    assert_eq!((cancelled.status.as_u16(), &cancelled.json["state"]), (200, &json!("cancelled")));
    assert_eq!(world.post(&path, json!({"kind": "full"})).await.status, 202);
    let states: Vec<Value> = world.walk(&path, 1).await.iter().map(|row| row["state"].clone()).collect();
    assert_eq!(states, ["queued", "cancelled"]);
}

#[tokio::test]
async fn syncs_that_make_no_sense_are_refused() {
    let world = World::of(Options::of_size(3, 3)).await;
    let draft = format!("/v1/integrations/{}/syncs", world.draft().await["id"].as_str().unwrap());
    assert_eq!(world.post(&draft, json!({"kind": "full"})).await.outcome(), (409, "not_connected"));
    let path = format!("{}/syncs", world.connected().await);
    assert_eq!(world.post(&path, json!({"kind": "incremental"})).await.outcome(), (409, "not_imported"));
    assert_eq!(world.post(&path, json!({"kind": "reconcile"})).await.fields(), [("kind", "invalid")]);
    assert_eq!(world.post(&path, json!({})).await.fields(), [("kind", "required")]);
    let reread = json!({"kind": "incremental", "reread_messages": true});
    assert_eq!(world.post(&path, reread).await.fields(), [("reread_messages", "invalid")]);
    assert!(world.get(&path).await.items().is_empty());
}

#[tokio::test]
async fn a_sync_is_told_at_least_once_a_second_and_its_last_event_is_final() {
    let world = World::of(Options::of_size(3, 3)).await;
    let sync = world.post(&format!("{}/syncs", world.connected().await), json!({"kind": "full"})).await.json;
    let one = format!("/v1/syncs/{}", sync["id"].as_str().unwrap());
    let mut events = watch(&world, &one).await;
    for _ in 0..3 {
        let begun = Instant::now();
        assert_eq!(next(&mut events).await.unwrap()["state"], "queued");
        assert!(begun.elapsed() < Duration::from_secs(1));
    }
    assert_eq!(world.post(&format!("{one}/cancel"), json!({})).await.status, 200);
    let mut last = Value::Null;
    while let Some(event) = next(&mut events).await {
        last = event;
    }
    assert_eq!((&last["state"], &last["id"]), (&json!("cancelled"), &sync["id"]));
    // Of one that has ended, the only event is the last.
    let mut events = watch(&world, &one).await;
    assert_eq!(next(&mut events).await.unwrap(), last);
    assert_eq!(next(&mut events).await, None);
}

#[tokio::test]
async fn watching_ends_when_the_process_is_asked_to_stop() {
    let world = World::of(Options::of_size(3, 3)).await;
    let sync = world.post(&format!("{}/syncs", world.connected().await), json!({"kind": "full"})).await.json;
    let mut events = watch(&world, &format!("/v1/syncs/{}", sync["id"].as_str().unwrap())).await;
    next(&mut events).await.unwrap();
    world.state.shutdown.cancel();
    while next(&mut events).await.is_some() {}
}

#[tokio::test]
async fn watching_is_never_silent_for_a_second_while_the_database_is_slow() {
    let world = World::of(Options::of_size(3, 3)).await;
    let sync = world.post(&format!("{}/syncs", world.connected().await), json!({"kind": "full"})).await.json;
    let mut events = watch(&world, &format!("/v1/syncs/{}", sync["id"].as_str().unwrap())).await;
    let first = next(&mut events).await.unwrap();
    // All connections are taken: whoever wants one waits.
    let account = crisp_domain::AccountId::new(uuid::Uuid::new_v4());
    let mut taken = Vec::new();
    for _ in 0..10 {
        taken.push(world.engine.database().read_primary(account).await.unwrap());
    }
    for _ in 0..4 {
        let event = tokio::time::timeout(Duration::from_secs(1), next(&mut events)).await;
        assert_eq!(event.expect("within a second").unwrap(), first);
    }
    drop(taken);
    let path = format!("/v1/syncs/{}/cancel", sync["id"].as_str().unwrap());
    assert_eq!(world.post(&path, json!({})).await.status, 200);
    while next(&mut events).await.is_some() {}
}

async fn watch(world: &World, sync: &str) -> BodyDataStream {
    let authorization = format!("Bearer {}", world.token);
    let request = request("GET", &format!("{sync}/events")).header("authorization", authorization);
    let request = request.header("accept-encoding", "gzip").body(Body::empty()).unwrap();
    let response = world.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert!(!response.headers().contains_key("content-encoding"));
    response.into_body().into_data_stream()
}

async fn next(events: &mut BodyDataStream) -> Option<Value> {
    let piece = tokio::time::timeout(Duration::from_secs(5), events.next()).await.unwrap()?.unwrap();
    let text = String::from_utf8(piece.to_vec()).unwrap();
    Some(serde_json::from_str(text.strip_prefix("data: ").unwrap().trim_end()).unwrap())
}

#[tokio::test]
async fn what_an_import_will_cost_is_told_before_and_after() {
    let world = World::of(Options::of_size(120, 60)).await;
    let path = world.connected().await;
    let forecast = world.get(&format!("{path}/forecast")).await;
    assert_eq!(forecast.status, 200, "{forecast:?}");
    let names: Vec<_> = forecast.json.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = ["people", "conversations", "matched_share", "requests", "requests_today_left", "done_by"];
    assert_eq!(names, expected);
    assert_eq!(forecast.json["people"], 120);
    let draft = format!("/v1/integrations/{}/forecast", world.draft().await["id"].as_str().unwrap());
    assert_eq!(world.get(&draft).await.outcome(), (409, "not_connected"));
}

#[tokio::test]
async fn the_checks_say_what_they_found_and_what_to_do() {
    let world = World::of(Options::of_size(3, 3)).await;
    let path = world.connected().await;
    let diagnosis = world.get(&format!("{path}/diagnosis")).await.json;
    let checks = diagnosis["checks"].as_array().unwrap();
    assert!(
        checks.iter().any(|check| check["code"] == "plugin_installed" && check["state"] == "ok"),
        "{checks:?}"
    );
    for check in checks {
        assert!(["ok", "warning", "failed"].contains(&check["state"].as_str().unwrap()));
        assert!(check["detail"].is_string() && check["what_to_do"].is_string());
    }
}
