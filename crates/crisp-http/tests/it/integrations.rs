//! Connect, refuse, disconnect.

use axum::body::Body;
use serde_json::{Value, json};
use testkit::simulator::{Fault, FaultRule, Options, WebsiteOptions};
use uuid::Uuid;

use crate::world::{World, request};

fn small() -> Options {
    Options::of_size(3, 3)
}

#[tokio::test]
async fn a_new_integration_is_a_draft_with_everything_that_connecting_needs() {
    let world = World::of(small()).await;
    let draft = world.draft().await;
    assert_eq!(draft["state"], "awaiting_installation");
    let install = draft["install_url"].as_str().unwrap();
    let plugin = world.crisp.plugin().id;
    assert!(
        install.starts_with(&format!("{}/initiate/plugin/{plugin}/?payload=", world.crisp.app_url())),
        "{install}"
    );
    for absent in ["website_id", "website_name", "last_sync", "last_hook_at", "problem", "synced_at"] {
        assert_eq!(draft.get(absent), Some(&Value::Null), "{absent}");
    }
    assert_eq!(draft["settings"]["incremental_interval_seconds"], 900);
    assert_eq!(
        draft["settings"]["mapping"][0],
        json!({"from": "email", "to": "email", "policy": "overwrite"})
    );
    let created = draft["created_at"].as_str().unwrap();
    assert!(created.len() == "2026-01-01T00:00:00.000Z".len() && created.ends_with('Z'), "{created}");
    let again = world.get(&format!("/v1/integrations/{}", draft["id"].as_str().unwrap())).await;
    assert_eq!(again.json, draft);
}

#[tokio::test]
async fn what_is_no_website_id_is_refused_and_says_where_to_find_one() {
    let world = World::of(small()).await;
    let path = format!("/v1/integrations/{}/website", world.draft().await["id"].as_str().unwrap());
    for wrong in ["", "northwind", "8c842203-7ed8-4e29-a608", "https://app.crisp.chat/"] {
        let answer = world.put(&path, json!({"website_id": wrong})).await;
        assert_eq!(answer.outcome(), (422, "website_id_invalid"), "{wrong}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert!(answer.json["detail"].as_str().unwrap().contains("Website Settings"), "{answer:?}");
        assert_eq!(answer.fields(), [("website_id", "invalid")]);
    }
    let answer = world.post("/v1/integrations", json!({"website_id": "northwind"})).await;
    assert_eq!(answer.outcome(), (422, "website_id_invalid"));
}

#[tokio::test]
async fn a_website_without_the_plugin_is_refused_with_the_install_link() {
    let options = Options { websites: vec![WebsiteOptions::of_size(1, 1).not_installed()], ..small() };
    let world = World::of(options).await;
    let path = format!("/v1/integrations/{}/website", world.draft().await["id"].as_str().unwrap());
    for website in [world.website(), Uuid::new_v4()] {
        let answer = world.put(&path, json!({"website_id": website})).await;
        assert_eq!(answer.outcome(), (409, "plugin_not_installed"));
        assert!(answer.json["install_url"].as_str().unwrap().contains("/initiate/plugin/"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_typed_id_needs_a_proof_and_pasted_forms_of_it_are_understood() {
    let world = World::of(small()).await;
    let draft = world.draft().await;
    let path = format!("/v1/integrations/{}", draft["id"].as_str().unwrap());
    let website = world.website().to_string();
    let unproven = world.put(&format!("{path}/website"), json!({"website_id": website})).await;
    assert_eq!(unproven.outcome(), (403, "ownership_unproven"));
    assert!(unproven.json["detail"].as_str().unwrap().contains("custify_connection_code"));
    let code = json!({"custify_connection_code": draft["connection_code"]});
    world.crisp.change(world.website()).set_settings(&code);
    let pasted = format!(" https://app.crisp.chat/website/{}/inbox/ ", website.to_uppercase());
    let connected = world.put(&format!("{path}/website"), json!({"website_id": pasted})).await;
    assert_eq!(connected.status, 200, "{connected:?}");
    assert_eq!(connected.json["state"], "connected");
    assert_eq!(connected.json["website_id"], website);
    assert_eq!(connected.json["website_name"], "Custify Demo Support");
    assert_eq!(connected.json["install_url"], Value::Null);
}

#[tokio::test]
async fn a_new_integration_of_a_website_is_made_whatever_it_still_lacks_and_says_what() {
    let options = small().website(WebsiteOptions::of_size(1, 1).not_installed());
    let world = World::of(options).await;
    let ids = world.crisp.website_ids();
    for (website, code) in [(ids[0], "ownership_unproven"), (ids[1], "plugin_not_installed")] {
        let made = world.post("/v1/integrations", json!({"website_id": website})).await;
        assert_eq!((made.status.as_u16(), &made.json["problem"]["code"]), (201, &json!(code)), "{made:?}");
        assert_eq!(made.json["state"], "awaiting_installation");
        assert!(made.json["install_url"].as_str().unwrap().contains("?payload="));
        assert!(made.json["connection_code"].as_str().unwrap().len() > 20);
        assert!(!made.json["problem"]["what_to_do"].as_str().unwrap().is_empty());
        let stored = world.get(&format!("/v1/integrations/{}", made.json["id"].as_str().unwrap())).await;
        assert_eq!(stored.json["problem"], Value::Null);
    }
    let before = world.get("/v1/integrations").await.items().len();
    let odd = world.post("/v1/integrations", json!({"website_id": "northwind"})).await;
    assert_eq!(odd.outcome(), (422, "website_id_invalid"));
    world.connected().await;
    let taken = world.post("/v1/integrations", json!({"website_id": ids[0]})).await;
    assert_eq!(taken.outcome(), (409, "website_already_connected"));
    world.crisp.behave(|behaviour| behaviour.faults = vec![FaultRule::by_chance(1.0, Fault::Internal)]);
    let away = world.post("/v1/integrations", json!({"website_id": ids[1]})).await;
    assert_eq!(away.outcome(), (503, "crisp_unavailable"));
    // What was refused left nothing; the one more is the connected one.
    assert_eq!(world.get("/v1/integrations").await.items().len(), before + 1);
}

#[tokio::test]
async fn a_crisp_that_hangs_is_crisp_being_away_before_anybody_stops_waiting() {
    let world = World::of(small()).await;
    let path = world.connected().await;
    let draft = format!("/v1/integrations/{}/website", world.draft().await["id"].as_str().unwrap());
    world.crisp.behave(|behaviour| behaviour.faults = vec![FaultRule::by_chance(1.0, Fault::Hang(60_000))]);
    let typed = json!({"website_id": Uuid::new_v4()});
    let began = std::time::Instant::now();
    let diagnosis = format!("{path}/diagnosis");
    let (put, post, checks) = tokio::join!(
        world.put(&draft, typed.clone()),
        world.post("/v1/integrations", typed.clone()),
        world.get(&diagnosis),
    );
    assert!(began.elapsed() < std::time::Duration::from_secs(15), "{:?}", began.elapsed());
    assert_eq!(put.outcome(), (503, "crisp_unavailable"));
    assert_eq!(post.outcome(), (503, "crisp_unavailable"));
    let silent = checks.json["checks"].as_array().unwrap().iter();
    let silent =
        silent.filter(|check| check["detail"] == "Crisp does not answer." && check["state"] == "failed");
    assert_eq!(silent.count(), 4, "{checks:?}");
}

#[tokio::test]
async fn a_connected_website_is_nobody_elses_and_the_refusal_names_nobody() {
    let world = World::of(small()).await;
    world.connected().await;
    let theirs = world.call("POST", "/v1/integrations", &world.stranger, Some(json!({}))).await.json;
    let code = json!({"custify_connection_code": theirs["connection_code"]});
    world.crisp.change(world.website()).set_settings(&code);
    let path = format!("/v1/integrations/{}/website", theirs["id"].as_str().unwrap());
    let body = json!({"website_id": world.website()});
    let answer = world.call("PUT", &path, &world.stranger, Some(body)).await;
    assert_eq!(answer.outcome(), (409, "website_already_connected"));
    let members: Vec<_> = answer.json.as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["status", "title", "detail", "code"]);
}

#[tokio::test]
async fn crisp_being_away_is_told_with_a_time_to_try_again() {
    let world = World::of(small()).await;
    let path = format!("/v1/integrations/{}/website", world.draft().await["id"].as_str().unwrap());
    world.crisp.behave(|behaviour| behaviour.faults = vec![FaultRule::by_chance(1.0, Fault::Internal)]);
    let answer = world.put(&path, json!({"website_id": world.website()})).await;
    assert_eq!(answer.outcome(), (503, "crisp_unavailable"));
    assert!(answer.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
}

#[tokio::test]
async fn bodies_that_cannot_be_taken_are_refused_by_what_is_wrong_with_them() {
    let world = World::of(small()).await;
    let unknown = world.post("/v1/integrations", json!({"website": 1})).await;
    assert_eq!(
        (unknown.outcome(), unknown.fields()),
        ((422, "validation_failed"), vec![("website", "unknown_field")])
    );
    let path = format!("/v1/integrations/{}/website", world.draft().await["id"].as_str().unwrap());
    assert_eq!(world.put(&path, json!({})).await.fields(), [("website_id", "required")]);
    assert_eq!(world.put(&path, json!({"website_id": 7})).await.fields(), [("website_id", "wrong_type")]);
    let send = |body: String, content_type: &'static str| {
        let authorization = format!("Bearer {}", world.token);
        let request = request("POST", "/v1/integrations").header("authorization", authorization);
        world.send(request.header("content-type", content_type).body(Body::from(body)).unwrap())
    };
    assert_eq!(send("{".to_owned(), "application/json").await.outcome(), (400, "malformed_request"));
    assert_eq!(send("{}".to_owned(), "text/plain").await.outcome(), (415, "unsupported_media_type"));
    let oversize = format!("{{{}}}", " ".repeat(1024 * 1024));
    assert_eq!(send(oversize, "application/json").await.outcome(), (413, "body_too_large"));
}

#[tokio::test]
async fn integrations_are_listed_newest_first_page_by_page() {
    let world = World::of(small()).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(world.draft().await["id"].clone());
    }
    ids.reverse();
    let listed: Vec<Value> =
        world.walk("/v1/integrations", 2).await.iter().map(|row| row["id"].clone()).collect();
    assert_eq!(listed, ids);
    assert_eq!(world.get("/v1/integrations").await.json["next_cursor"], Value::Null);
    for odd in ["limit=0", "limit=201", "cursor=x"] {
        assert_eq!(world.get(&format!("/v1/integrations?{odd}")).await.outcome(), (422, "validation_failed"));
    }
}

#[tokio::test]
async fn a_disconnect_frees_the_website_and_keeps_or_purges_what_was_imported() {
    let world = World::of(small()).await;
    let path = world.imported().await;
    let odd = world.delete(&format!("{path}?imported=burn")).await;
    assert_eq!((odd.outcome(), odd.fields()), ((422, "validation_failed"), vec![("imported", "invalid")]));
    assert_eq!(world.delete(&format!("{path}?imported=keep")).await.status, 204);
    let kept = world.get(&path).await.json;
    assert_eq!(
        (kept["state"].as_str(), kept["disconnect_reason"].as_str()),
        (Some("disconnected"), Some("disconnected_by_user"))
    );
    assert_eq!(world.walk("/v1/contacts?source=crisp", 50).await.len(), 3);
    assert_eq!(world.delete(&format!("{path}?imported=purge")).await.status, 204);
    world.work_until(async || world.get("/v1/contacts?source=crisp").await.items().is_empty()).await;
    let actions: Vec<Value> =
        world.walk("/v1/audit", 2).await.iter().map(|row| row["action"].clone()).collect();
    assert_eq!(actions.last().unwrap(), "integration.created");
    assert_eq!(actions.iter().filter(|action| *action == "integration.disconnected").count(), 2);
}
