//! Every route asks for a token and its permission, and shows nothing of another account.

use crisp_http::routes::{Access, Route};
use serde_json::{Value, json};
use testkit::simulator::Options;
use uuid::Uuid;

use crate::world::{ALL, World, token};

/// What may be asked without a token: it is no secret, or verifies by itself who asks.
const PUBLIC: [&str; 7] =
    ["/crisp/callback", "/crisp/hooks", "/healthz", "/metrics", "/openapi.json", "/readyz", "/session"];

/// Whose objects stand in the addresses of a walk.
struct Ids {
    integration: String,
    sync: String,
    contact: String,
    conversation: String,
    session: String,
}

/// A body that the route would take.
fn body(route: &Route) -> Option<Value> {
    match (route.method.as_str(), route.path.as_str()) {
        ("PUT", path) if path.ends_with("/website") => {
            Some(json!({"website_id": "8c842203-7ed8-4e29-a608-7cf78a7d2fcc"}))
        }
        ("POST", path) if path.ends_with("/syncs") => Some(json!({"kind": "full"})),
        ("POST", path) if path.ends_with("/cancel") => None,
        ("PUT" | "POST", _) => Some(json!({})),
        _ => None,
    }
}

fn address(route: &Route, ids: &Ids) -> String {
    let id = match route.path.split('/').nth(2).unwrap_or_default() {
        "integrations" => &ids.integration,
        "syncs" => &ids.sync,
        "contacts" => &ids.contact,
        "conversations" => &ids.conversation,
        _ => "",
    };
    let external_id = if route.path.contains("/skipped/") { ids.session.as_str() } else { "northwind" };
    let path = route.path.replace("{id}", id).replace("{external_id}", external_id);
    match (route.method.as_str(), path.as_str()) {
        ("GET", "/v1/conversations") => format!("{path}?external_id={}", ids.session),
        ("DELETE", "/v1/people") => format!("{path}?email=ana@northwind.example"),
        _ => path,
    }
}

/// A world with objects of the account of `world.token`, and their ids.
async fn furnished() -> (World, Ids) {
    let world = World::of(Options::of_size(5, 20)).await;
    let path = world.imported().await;
    let contact = json!({"email": "ana@northwind.example", "companies": ["northwind"]});
    assert_eq!(world.put("/v1/contacts/k-1", contact).await.status, 200);
    let skipped = world.get(&format!("{path}/skipped")).await;
    let mut ids = Ids {
        integration: path.rsplit('/').next().unwrap().to_owned(),
        sync: world.get(&path).await.json["last_sync"]["id"].as_str().unwrap().to_owned(),
        contact: String::new(),
        conversation: String::new(),
        session: skipped.items()[0]["external_id"].as_str().unwrap().to_owned(),
    };
    for contact in world.walk("/v1/contacts?source=crisp", 50).await {
        let theirs =
            world.get(&format!("/v1/contacts/{}/conversations", contact["id"].as_str().unwrap())).await;
        if let Some(row) = theirs.items().first() {
            contact["id"].as_str().unwrap().clone_into(&mut ids.contact);
            row["id"].as_str().unwrap().clone_into(&mut ids.conversation);
        }
    }
    assert!(!ids.conversation.is_empty());
    (world, ids)
}

#[tokio::test]
async fn every_route_but_a_few_asks_for_a_token_and_one_permission() {
    let (world, ids) = furnished().await;
    for route in &world.table {
        let Access::Permission(needed) = route.access else {
            assert!(PUBLIC.contains(&route.path.as_str()), "{route:?}");
            continue;
        };
        let path = address(route, &ids);
        let without = world.call(&route.method, &path, "nonsense", body(route)).await;
        assert_eq!(without.outcome(), (401, "unauthenticated"), "{route:?}");
        let others: Vec<&str> = ALL.into_iter().filter(|one| *one != needed.as_str()).collect();
        let lacking = world.call(&route.method, &path, &token(Uuid::new_v4(), &others), body(route)).await;
        assert_eq!(lacking.outcome(), (403, "permission_missing"), "{route:?}");
    }
}

#[tokio::test]
async fn anothers_object_is_answered_as_one_that_does_not_exist() {
    let (world, ids) = furnished().await;
    let nobody = Uuid::new_v4().to_string();
    let none = Ids {
        integration: nobody.clone(),
        sync: nobody.clone(),
        contact: nobody.clone(),
        conversation: nobody,
        session: "session_of_nobody".to_owned(),
    };
    // The directory's ids are each account's own: writing one makes it there.
    let own = |route: &Route| route.method == "PUT" && !route.path.contains("/integrations/");
    let named = |route: &&Route| route.path.starts_with("/v1/") && route.path.contains('{') && !own(route);
    let mut walked = 0;
    for route in world.table.iter().filter(named) {
        let theirs = world.call(&route.method, &address(route, &ids), &world.stranger, body(route)).await;
        assert_eq!(theirs.outcome(), (404, "not_found"), "{route:?}");
        let absent = world.call(&route.method, &address(route, &none), &world.stranger, body(route)).await;
        assert_eq!(theirs.text, absent.text, "{route:?}");
        let odd = world.call(&route.method, &route.path, &world.stranger, body(route)).await;
        assert_eq!(
            odd.status,
            if route.path.contains("{id}") { 404 } else { absent.status.as_u16() },
            "{route:?}"
        );
        walked += 1;
    }
    assert!(walked >= 20, "{walked}");
}

#[tokio::test]
async fn anothers_lists_are_empty_and_anothers_writes_stay_with_them() {
    let (world, ids) = furnished().await;
    let before = world.walk("/v1/contacts", 200).await;
    for route in world.table.iter().filter(|route| route.method == "GET" && !route.path.contains('{')) {
        if let Access::Permission(_) = route.access {
            let list = world.call("GET", &address(route, &ids), &world.stranger, None).await;
            assert!(list.items().is_empty(), "{route:?}");
        }
    }
    let same = json!({"email": "ana@northwind.example", "companies": ["northwind"]});
    let written = world.call("PUT", "/v1/contacts/k-1", &world.stranger, Some(same)).await;
    assert_eq!(written.status, 200);
    let erased = world.call("DELETE", "/v1/people?email=ana@northwind.example", &world.stranger, None).await;
    assert_eq!(erased.json["contacts"], 1);
    assert_eq!(world.walk("/v1/contacts", 200).await, before);
    let company = world.call("GET", "/v1/companies/northwind/conversations", &world.stranger, None).await;
    assert!(company.items().is_empty());
}
