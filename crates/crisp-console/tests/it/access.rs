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

/// A token whose time is up.
const OVER: &str = "eyJhbGciOiJIUzI1NiJ9.e30.AAAA";

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_over_is_said_to_be_and_only_a_page_is_gone_back_to() {
    let world = World::of(Options::of_size(1, 1)).await;
    let sync = format!("/syncs/{}", Uuid::nil());
    let send = async |method: &str, path: &str, headers: &[(&str, &str)]| {
        let sent = headers
            .iter()
            .fold(request(method, path, OVER), |sent, (name, value)| sent.header(*name, *value));
        world.send(sent.body(Body::empty()).unwrap()).await
    };
    let page = [("sec-fetch-mode", "navigate"), ("accept", "text/html,application/xhtml+xml")];
    let asked = send("GET", &sync, &page).await;
    assert_eq!((asked.status.as_u16(), asked.texts("h1")), (401, vec!["Your session has ended".to_owned()]));
    assert!(asked.header("set-cookie").contains("%2Fsyncs%2F"), "{asked:?}");

    // A part of a page does not become the sign-in page: the whole page is loaded anew.
    let part = [("hx-request", "true"), ("sec-fetch-mode", "cors"), ("accept", "text/html")];
    for path in [format!("{sync}/live"), "/integrations".to_owned()] {
        let asked = send("GET", &path, &part).await;
        assert_eq!((asked.status.as_u16(), asked.header("hx-refresh")), (401, "true"), "{path}");
        assert_eq!(asked.header("set-cookie"), "", "{path}");
    }
    assert_eq!(
        send("GET", &format!("{sync}/live"), &part[1..]).await.header("set-cookie"),
        "",
        "a script asked"
    );

    // Who sent a form comes back to the page that it stands on.
    let form = |referer| [page[0], page[1], ("referer", referer)];
    let cancel = format!("{sync}/cancel");
    let asked = send("POST", &cancel, &form("http://127.0.0.1:8080/contacts?search=a")).await;
    assert!(asked.header("set-cookie").contains("%2Fcontacts%3Fsearch"), "{asked:?}");
    assert_eq!(send("POST", &cancel, &form("http://evil.example/contacts")).await.header("set-cookie"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_shown_keeps_the_way_to_everything_else() {
    let world = World::of(Options::of_size(1, 1)).await;
    let reader = token(world.account, &[READ]);
    let send = async |method: &str, path: &str, token: &str| {
        let sent = request(method, path, token)
            .header("accept", "text/html")
            .header("sec-fetch-site", "same-origin");
        world.send(sent.body(Body::empty()).unwrap()).await
    };
    for (method, path, status) in [
        ("GET", "/integrations", 403),
        ("GET", "/contacts/00000000-0000-0000-0000-000000000000", 404),
        ("GET", "/no/such/page", 404),
        ("DELETE", "/contacts", 405),
        ("GET", "/crisp/callback", 400),
        ("GET", "/contacts?cursor=nonsense", 422),
    ] {
        let refused = send(method, path, &reader).await;
        assert_eq!(refused.status.as_u16(), status, "{path}: {}", refused.text);
        assert_eq!(refused.texts("nav a"), ["Contacts", "Companies"], "{path}");
        assert_eq!(refused.texts(".card [role=button]").len(), 1, "{path} has a way back");
        assert!(refused.header("content-security-policy").contains("default-src 'none'"), "{path}");
    }
    let stranger = send("GET", "/no/such/page", "").await;
    assert_eq!(
        (stranger.status.as_u16(), stranger.texts("h1")),
        (404, vec!["There is nothing here".to_owned()])
    );
    let program = world.get("/no/such/page").await;
    assert_eq!(program.header("content-type"), "application/problem+json");
}
