use axum::body::Body;
use crisp_http::routes::Access;
use testkit::simulator::Options;
use uuid::Uuid;

use crate::world::{MANAGE, READ, World, request, token};

/// A path with its parameters filled in.
fn filled(path: &str) -> String {
    path.replace("{id}", &Uuid::nil().to_string()).replace("{external_id}", "x")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_but_the_first_asks_for_a_session_and_its_permission() {
    let world = World::of(Options::of_size(1, 1)).await;
    let powerless = token(world.account, &[]);
    for route in &world.table {
        if route.access == Access::Public {
            continue;
        }
        let path = filled(&route.path);
        let sent = request(&route.method, &path, "").body(Body::empty()).unwrap();
        let stranger = world.send(sent).await;
        assert_eq!(stranger.status, 401, "{path}");
        assert_eq!(stranger.texts("h1"), ["Sign in"], "{path}");
        if let Access::Page(_) = route.access {
            let sent = request(&route.method, &path, &powerless).body(Body::empty()).unwrap();
            let refused = world.send(sent).await;
            assert_eq!(
                (refused.status.as_u16(), refused.texts("h1")),
                (403, vec!["This page is not for you".to_owned()])
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_site_sends_is_refused_and_changes_nothing() {
    let world = World::of(Options::of_size(1, 1)).await;
    let path = world.connected().await;
    for (name, value) in
        [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example"), ("origin", "null")]
    {
        for route in world.table.iter().filter(|route| route.method == "POST") {
            let own =
                route.path.replace("/integrations/{id}", &path).replace("{id}", &Uuid::nil().to_string());
            let form = request("POST", &own, &world.admin).header(name, value);
            let body = "imported=purge&name=Custify+Demo+Support";
            let form =
                form.header("content-type", "application/x-www-form-urlencoded").body(Body::from(body));
            assert_eq!(world.send(form.unwrap()).await.status, 403, "{own}");
        }
    }
    assert_eq!(world.page(&path).await.texts(".page-head .badge"), ["Connected"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_keeps_the_browser_from_everything_that_is_not_ours() {
    let world = World::of(Options::of_size(1, 1)).await;
    for path in ["/", "/integrations", "/contacts", "/companies", "/contacts/nothing", "/assets/console.css"]
    {
        let answer = world.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(
            answer.attributes("[style], [onclick], script:not([src]), style", "id"),
            Vec::<String>::new()
        );
    }
    assert!(world.get("/assets/console.css").await.header("cache-control").contains("immutable"));
    assert_eq!(world.get("/assets/../Cargo.toml").await.status, 404);
    assert_eq!(world.page("/integrations").await.header("cache-control"), "no-store");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_signs_in_goes_on_to_where_they_wanted_and_sees_what_they_may() {
    let world = World::of(Options::of_size(1, 1)).await;
    let wanted = world.get_as("", "/companies?search=a").await;
    let next = wanted.header("set-cookie").split(';').next().unwrap().to_owned();
    let reader = token(world.account, &[READ]);
    let arrived = request("GET", "/", "").header("cookie", format!("crisp_session={reader}; {next}"));
    let arrived = world.send(arrived.body(Body::empty()).unwrap()).await;
    assert_eq!(arrived.leads_to(), "/companies?search=a");
    assert_eq!(world.get_as(&reader, "/").await.leads_to(), "/contacts");
    assert_eq!(world.get_as(&reader, "/contacts").await.texts("nav a"), ["Contacts", "Companies"]);
    let manager = token(world.account, &[MANAGE]);
    assert_eq!(world.get_as(&manager, "/integrations").await.texts("nav a"), ["Integrations"]);
    assert!(world.post("/sign-out", &[]).await.header("set-cookie").contains("Max-Age=0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_accounts_integration_is_not_there() {
    let world = World::of(Options::of_size(3, 2)).await;
    let (path, sync) = world.imported().await;
    let stranger = token(Uuid::new_v4(), &[MANAGE, READ]);
    for page in ["", "/settings", "/mapping", "/import", "/syncs", "/checks", "/skipped", "/disconnect"] {
        assert_eq!(world.get_as(&stranger, &format!("{path}{page}")).await.status, 404, "{page}");
    }
    assert_eq!(world.get_as(&stranger, &sync).await.status, 404);
    assert_eq!(world.get_as(&stranger, &format!("{sync}/live")).await.status, 404);
}
