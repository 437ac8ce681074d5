//! Every route asks for a token and its permission, and shows nothing of another account.

use crisp_http::routes::{Access, Route};
use serde_json::{Value, json};
use testkit::simulator::{Options, WebsiteOptions};
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

/// A world in which two accounts are full of look-alike data: a website each, with the same people and the same
/// conversations, and a directory with the same external ids. The ids are those of the account of `world.token`, and of
/// the one of `world.stranger`.
async fn furnished() -> (World, Ids, Ids) {
    let website = WebsiteOptions::of_size(5, 20).seed(7);
    let options = Options { websites: vec![website.clone(), website], ..Options::default() };
    let world = World::of(options).await;
    let websites = world.crisp.website_ids();
    let own = furnish(&world, &world.token, websites[0]).await;
    let theirs = furnish(&world, &world.stranger, websites[1]).await;
    (world, own, theirs)
}

async fn furnish(world: &World, token: &str, website: Uuid) -> Ids {
    let path = world.imported_as(token, website).await;
    let get = async |path: &str| world.call("GET", path, token, None).await;
    let contact = json!({"email": "ana@northwind.example", "companies": ["northwind"]});
    assert_eq!(world.call("PUT", "/v1/contacts/k-1", token, Some(contact)).await.status, 200);
    let skipped = get(&format!("{path}/skipped")).await;
    let mut ids = Ids {
        integration: path.rsplit('/').next().unwrap().to_owned(),
        sync: get(&path).await.json["last_sync"]["id"].as_str().unwrap().to_owned(),
        contact: String::new(),
        conversation: String::new(),
        session: skipped.items()[0]["external_id"].as_str().unwrap().to_owned(),
    };
    for contact in get("/v1/contacts?source=crisp&limit=200").await.items() {
        let theirs = get(&format!("/v1/contacts/{}/conversations", contact["id"].as_str().unwrap())).await;
        if let Some(row) = theirs.items().first() {
            contact["id"].as_str().unwrap().clone_into(&mut ids.contact);
            row["id"].as_str().unwrap().clone_into(&mut ids.conversation);
        }
    }
    assert!(!ids.conversation.is_empty());
    ids
}

#[tokio::test]
async fn every_route_but_a_few_asks_for_a_token_and_one_permission() {
    let (world, ids, _) = furnished().await;
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
    let (world, ids, theirs) = furnished().await;
    let nobody = Uuid::new_v4().to_string();
    let none = Ids {
        integration: nobody.clone(),
        sync: nobody.clone(),
        contact: nobody.clone(),
        conversation: nobody,
        session: "session_of_nobody".to_owned(),
    };
    // The directory's ids are each account's own: writing one makes it there, and both have a company `northwind`.
    let own = |route: &Route| {
        let is_object = route.path.contains("/integrations/");
        (route.method == "PUT" && !is_object) || route.path.starts_with("/v1/companies/")
    };
    let named = |route: &&Route| route.path.starts_with("/v1/") && route.path.contains('{') && !own(route);
    let mut walked = 0;
    for route in world.table.iter().filter(named) {
        for (asking, ids) in [(&world.stranger, &ids), (&world.token, &theirs)] {
            let answer = world.call(&route.method, &address(route, ids), asking, body(route)).await;
            assert_eq!(answer.outcome(), (404, "not_found"), "{route:?}");
            let absent = world.call(&route.method, &address(route, &none), asking, body(route)).await;
            assert_eq!(answer.text, absent.text, "{route:?}");
        }
        walked += 1;
    }
    assert!(walked >= 18, "{walked}");
    // An id of one account behind an id of the other, and whatever is no id at all.
    let mixed = Ids { session: theirs.session.clone(), ..ids };
    for route in world.table.iter().filter(|route| route.path.contains("/skipped/")) {
        let answer = world.call("GET", &address(route, &mixed), &world.stranger, None).await;
        assert_eq!(answer.outcome(), (404, "not_found"), "{route:?}");
    }
    for route in world.table.iter().filter(named).filter(|route| route.path.contains("{id}")) {
        let odd = world.call(&route.method, &route.path, &world.stranger, body(route)).await;
        assert_eq!(odd.status, 404, "{route:?}");
    }
}

/// Everything that any route shows the one, by its own ids, names nothing of the other's.
#[tokio::test]
async fn two_accounts_full_of_the_same_data_see_their_own_alone() {
    let (world, ids, theirs) = furnished().await;
    let mut seen = 0;
    for (asking, own, other) in [(&world.token, &ids, &theirs), (&world.stranger, &theirs, &ids)] {
        let shown = |route: &&Route| {
            matches!(route.access, Access::Permission(_))
                && route.method == "GET"
                && !route.path.ends_with("/events")
        };
        for route in world.table.iter().filter(shown) {
            let answer = world.call("GET", &address(route, own), asking, None).await;
            assert_ne!(answer.status, 500, "{route:?}");
            for id in [&other.integration, &other.sync, &other.contact, &other.conversation] {
                assert!(!answer.text.contains(id.as_str()), "{route:?} shows {id}");
            }
            seen += usize::from(answer.status == 200 && answer.text.len() > 40);
        }
    }
    assert!(seen >= 30, "only {seen} answers had anything to show");
}

#[tokio::test]
async fn anothers_lists_are_empty_and_anothers_writes_stay_with_them() {
    let (world, ids, _) = furnished().await;
    let nobody = token(Uuid::new_v4(), &ALL);
    let before = world.walk("/v1/contacts", 200).await;
    for route in world.table.iter().filter(|route| route.method == "GET" && !route.path.contains('{')) {
        if let Access::Permission(_) = route.access {
            let list = world.call("GET", &address(route, &ids), &nobody, None).await;
            assert!(list.items().is_empty(), "{route:?}");
        }
    }
    let same = json!({"email": "ana@northwind.example", "name": "Eve", "companies": ["northwind"]});
    let written = world.call("PUT", "/v1/contacts/k-1", &world.stranger, Some(same)).await;
    assert_eq!(written.status, 200);
    let erased = world.call("DELETE", "/v1/people?email=ana@northwind.example", &world.stranger, None).await;
    assert_eq!(erased.json["contacts"], 1);
    assert_eq!(world.walk("/v1/contacts", 200).await, before);
    let company = world.call("GET", "/v1/companies/northwind/conversations", &nobody, None).await;
    assert_eq!(company.outcome(), (404, "not_found"));
}

/// Shown or refused: no cache, no frame and no guess at the type, and no address goes along to anywhere else.
#[tokio::test]
async fn whatever_is_answered_is_kept_nowhere_and_framed_nowhere() {
    let (world, ids, theirs) = furnished().await;
    let mut shown = 0;
    for route in world.table.iter().filter(|route| route.method == "GET") {
        for (asking, ids) in [(world.token.as_str(), &ids), (&world.token, &theirs), ("nonsense", &ids)] {
            let answer = world.call("GET", &address(route, ids), asking, None).await;
            assert_eq!(answer.header("cache-control"), "no-store", "{route:?}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{route:?}");
            assert_eq!(answer.header("x-frame-options"), "DENY", "{route:?}");
            assert_eq!(answer.header("referrer-policy"), "no-referrer", "{route:?}");
            assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin", "{route:?}");
            let policy = answer.header("content-security-policy");
            assert!(policy.contains("frame-ancestors 'none'"), "{route:?}: {policy}");
            shown += usize::from(answer.status == 200);
        }
    }
    assert!(shown >= 20, "only {shown} answers had anything to show");
}
