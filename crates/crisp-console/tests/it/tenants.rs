//! Every route of the console, asked by one account with the ids of another.
//!
//! The walk goes over the table of routes itself: a route whose address or form is not known here fails it.

use axum::body::Body;
use crisp_http::routes::{Access, Route};
use crisp_sync::directory::{self, CompanyChange, ContactChange, Field};
use testkit::simulator::{NewConversation, Options, WebsiteOptions};
use url::form_urlencoded;
use uuid::Uuid;

use crate::world::{Answer, MANAGE, READ, World, request, token};

/// What stands in the addresses of one account's pages, and what only its pages may show.
#[derive(Clone)]
struct Tenant {
    session: String,
    integration: String,
    sync: String,
    contact: String,
    conversation: String,
    company: String,
    skipped: String,
    /// Words of its data that the other account has nowhere.
    words: Vec<String>,
}

impl Tenant {
    /// Ids that nobody has, behind somebody's session.
    fn nobody(session: &str) -> Self {
        let id = Uuid::new_v4().to_string();
        Self {
            session: session.to_owned(),
            integration: id.clone(),
            sync: id.clone(),
            contact: id.clone(),
            conversation: id,
            company: "company-of-nobody".to_owned(),
            skipped: "session_of_nobody".to_owned(),
            words: Vec::new(),
        }
    }

    /// Ids and words that are to be seen by nobody else.
    fn marks(&self) -> impl Iterator<Item = &String> {
        let ids =
            [&self.integration, &self.sync, &self.contact, &self.conversation, &self.company, &self.skipped];
        ids.into_iter().chain(&self.words)
    }
}

/// The address of a route with these ids in it.
fn address(route: &Route, ids: &Tenant) -> String {
    let parts: Vec<&str> = route.path.split('/').collect();
    let id = match parts.get(1).copied().unwrap_or_default() {
        "integrations" => &ids.integration,
        "syncs" => &ids.sync,
        "contacts" => &ids.contact,
        "conversations" => &ids.conversation,
        "companies" => &ids.company,
        "" | "sign-out" | "assets" => "",
        _ => panic!("{route:?}: whose id stands in this address?"),
    };
    let path = match route.path.as_str() {
        "/assets/{*path}" => "/assets/console.css".to_owned(),
        "/companies/{external_id}" => format!("/companies/{id}"),
        path => path.replace("{id}", id).replace("{external_id}", &ids.skipped),
    };
    assert!(!path.contains('{'), "{route:?}: what stands in this address?");
    path
}

/// What a form of the route holds, good enough to change something.
fn form(route: &Route) -> &'static [(&'static str, &'static str)] {
    let mapping = &[("from_0", "email"), ("to_0", "email"), ("on_0", "1"), ("action", "save")];
    match route.path.as_str() {
        "/integrations/{id}/website" => &[("website_id", "8c842203-7ed8-4e29-a608-7cf78a7d2fcc")],
        "/integrations/{id}/settings" => &[("backfill", "90"), ("schedule", "default"), ("redact", "1")],
        "/integrations/{id}/mapping" | "/integrations/{id}/mapping/preview" => mapping,
        "/integrations/{id}/disconnect" => &[("imported", "purge"), ("name", "Custify Demo Support")],
        "/integrations/{id}/syncs" => &[("kind", "full")],
        "/integrations"
        | "/integrations/{id}/checks"
        | "/integrations/{id}/discard"
        | "/sign-out"
        | "/syncs/{id}/cancel" => &[],
        _ => panic!("{route:?}: what does its form hold?"),
    }
}

async fn ask(world: &World, route: &Route, session: &str, path: &str) -> Answer {
    if route.method == "POST" {
        return world.post_as(session, path, form(route)).await;
    }
    world.send(request(&route.method, path, session).body(Body::empty()).unwrap()).await
}

/// Two accounts: a website each with the same people and conversations, a directory each, and a few words of their own.
async fn furnished() -> (World, Tenant, Tenant) {
    let website = WebsiteOptions::of_size(5, 12).seed(7);
    let world = World::of(Options { websites: vec![website.clone(), website], ..Options::default() }).await;
    let websites = world.crisp.website_ids();
    let own = furnish(&world, world.account, websites[0], "walrus").await;
    let theirs = furnish(&world, Uuid::new_v4(), websites[1], "narwhal").await;
    (world, own, theirs)
}

async fn furnish(world: &World, account: Uuid, website: Uuid, animal: &str) -> Tenant {
    let session = token(account, &[MANAGE, READ]);
    let company = format!("company-{animal}");
    let change = CompanyChange { external_id: company.clone(), name: Field::Set(format!("{animal} Inc.")) };
    directory::put_company(&world.engine, account.into(), "tester", change).await.unwrap();
    let contact = ContactChange {
        external_id: "k-1".to_owned(),
        email: Field::Set(format!("ana@{animal}.example")),
        companies: Some(vec![company.clone()]),
        ..ContactChange::default()
    };
    directory::put_contact(&world.engine, account.into(), "tester", contact).await.unwrap();
    let crisp = world.crisp.change(website);
    crisp.start_conversation(
        NewConversation::by_email(&format!("ana@{animal}.example")),
        &format!("{animal} here"),
    );
    let skipped = crisp.start_conversation(
        NewConversation::by_email(&format!("nobody@{animal}.test")),
        &format!("{animal}?"),
    );
    let (path, sync) = world.imported_as(&session, website).await;
    let contact = found(world, &session, &format!("/contacts?search=ana%40{animal}"), ".people a").await;
    let conversation = found(world, &session, &contact, ".conversations h3 a").await;
    let last = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    Tenant {
        integration: last(&path),
        sync: last(&sync),
        contact: last(&contact),
        conversation: last(&conversation),
        company,
        skipped,
        words: vec![animal.to_owned(), website.to_string()],
        session,
    }
}

/// The first address that a selector finds on a page.
async fn found(world: &World, session: &str, path: &str, selector: &str) -> String {
    world.get_as(session, path).await.attributes(selector, "href").remove(0)
}

/// Everything that an account's own pages show, by route.
async fn shown(world: &World, own: &Tenant) -> Vec<(Route, Answer)> {
    let mut pages = Vec::new();
    for route in world.table.iter().filter(|route| route.method == "GET") {
        let answer = ask(world, route, &own.session, &address(route, own)).await;
        pages.push((route.clone(), answer));
    }
    pages
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_answers_anothers_ids_as_ids_that_do_not_exist() {
    let (world, own, theirs) = furnished().await;
    let before = [states(&world, &own).await, states(&world, &theirs).await];
    let mut walked = 0;
    for (asking, other) in [(&own, &theirs), (&theirs, &own)] {
        let nobody = Tenant::nobody(&asking.session);
        for route in
            world.table.iter().filter(|route| route.path.contains('{') && route.access != Access::Public)
        {
            let answer = ask(&world, route, &asking.session, &address(route, other)).await;
            let absent = ask(&world, route, &asking.session, &address(route, &nobody)).await;
            assert_eq!(answer.status, 404, "{route:?}: {}", answer.text);
            assert_eq!((answer.status, &answer.text), (absent.status, &absent.text), "{route:?}");
            assert_eq!(answer.header("location"), absent.header("location"), "{route:?}");
            if let Some(mark) = other.marks().find(|mark| answer.text.contains(mark.as_str())) {
                panic!("{route:?} shows {mark}");
            }
            walked += 1;
        }
        // Another's record behind one's own integration.
        let mixed = Tenant { skipped: other.skipped.clone(), ..asking.clone() };
        for route in world.table.iter().filter(|route| route.path.contains("/skipped/")) {
            assert_eq!(
                ask(&world, route, &asking.session, &address(route, &mixed)).await.status,
                404,
                "{route:?}"
            );
        }
    }
    let with_ids = world
        .table
        .iter()
        .filter(|route| route.path.contains("{id}") || route.path.contains("{external_id}"));
    assert_eq!(walked, 2 * with_ids.count(), "every route with an id was walked");
    let after = [states(&world, &own).await, states(&world, &theirs).await];
    assert_eq!(before, after, "no form of the one changed anything of the other's");
}

/// What forms could have changed: state, settings, mapping and syncs of an integration.
async fn states(world: &World, own: &Tenant) -> Vec<String> {
    let mut states = Vec::new();
    for page in ["settings", "mapping", "syncs", "disconnect"] {
        let page = world.get_as(&own.session, &format!("/integrations/{}/{page}", own.integration)).await;
        assert_eq!(page.status, 200, "{}", page.text);
        states.extend(page.texts("main .badge, main tbody tr, main td"));
        states
            .extend(page.attributes("main [checked], main option[selected], main input[type=text]", "value"));
    }
    states
}

#[tokio::test(flavor = "multi_thread")]
async fn two_accounts_full_of_the_same_data_see_their_own_alone() {
    let (world, own, theirs) = furnished().await;
    for (asking, other) in [(&own, &theirs), (&theirs, &own)] {
        let mut full = 0;
        for (route, answer) in shown(&world, asking).await {
            assert!(answer.status.as_u16() < 400, "{route:?}: {}", answer.text);
            if let Some(mark) = other.marks().find(|mark| answer.text.contains(mark.as_str())) {
                panic!("{route:?} shows {mark}: {}", answer.text);
            }
            full += usize::from(asking.marks().any(|mark| answer.text.contains(mark.as_str())));
        }
        assert!(full >= 15, "only {full} pages had anything of the account to show");
    }
    // Searches and addresses that name what only the other has.
    for path in ["/contacts?search=narwhal", "/companies?search=narwhal", "/contacts?search=narwhal.example"]
    {
        let answer = world.get_as(&own.session, path).await;
        assert_eq!(answer.attributes(".people a", "href"), Vec::<String>::new(), "{path}");
    }
}

/// The routes that answer without a session, and no others: whoever adds one adds it here, and thinks about it.
const PUBLIC: [(&str, &str); 2] = [("GET", "/"), ("GET", "/assets/{*path}")];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_the_way_in_and_the_styles_answers_without_a_session() {
    let (world, own, _) = furnished().await;
    let mut public = Vec::new();
    for route in &world.table {
        let path = address(route, &own);
        let asked = request(&route.method, &path, "").header("sec-fetch-site", "same-origin");
        let body = if route.method == "POST" {
            form_urlencoded::Serializer::new(String::new()).extend_pairs(form(route)).finish()
        } else {
            String::new()
        };
        let form = asked.header("content-type", "application/x-www-form-urlencoded");
        let answer = world.send(form.body(Body::from(body)).unwrap()).await;
        if answer.status == 401 {
            assert_eq!(answer.texts("h1"), ["Sign in"], "{route:?}");
        } else {
            assert_eq!(answer.status, 200, "{route:?}");
            public.push((route.method.as_str(), route.path.as_str()));
        }
        let mark = own.marks().find(|mark| answer.text.contains(mark.as_str()));
        assert_eq!(mark, None, "{route:?}");
    }
    assert_eq!(public, PUBLIC);
    let declared = world.table.iter().filter(|route| route.access == Access::Public);
    let declared: Vec<_> = declared.map(|route| (route.method.as_str(), route.path.as_str())).collect();
    assert_eq!(declared, PUBLIC);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_kept_from_caches_frames_sniffing_and_referrers() {
    let (world, own, _) = furnished().await;
    let mut answers = shown(&world, &own).await;
    for route in world.table.iter().filter(|route| route.method == "GET") {
        // Refused for want of a session, and for ids that are not there.
        let path = address(route, &Tenant::nobody(""));
        answers.push((route.clone(), ask(&world, route, "", &path).await));
        answers.push((route.clone(), ask(&world, route, &own.session, &path).await));
    }
    for (route, answer) in answers {
        let header = |name| answer.header(name);
        assert_eq!(header("x-frame-options"), "DENY", "{route:?}");
        assert!(header("content-security-policy").contains("frame-ancestors 'none'"), "{route:?}");
        assert!(header("content-security-policy").contains("default-src 'none'"), "{route:?}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{route:?}");
        assert!(["same-origin", "no-referrer"].contains(&header("referrer-policy")), "{route:?}");
        assert_eq!(header("cross-origin-resource-policy"), "same-origin", "{route:?}");
        let kept = header("cache-control");
        let is_style = route.path.starts_with("/assets/");
        assert!(is_style || kept == "no-store", "{route:?} may be kept: {kept:?}");
    }
}
