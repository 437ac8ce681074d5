//! Where Crisp sends the browser after an installation.

use axum::body::Body;
use serde_json::Value;
use testkit::simulator::{Options, WebsiteOptions};
use uuid::Uuid;

use crate::world::{ALL, Answer, World, request, token};

struct Link {
    settings_page: String,
    path: String,
    payload: String,
}

async fn draft(world: &World) -> Link {
    let draft = world.draft().await;
    let id = draft["id"].as_str().unwrap();
    let (_, payload) = draft["install_url"].as_str().unwrap().split_once("payload=").unwrap();
    Link {
        settings_page: format!("http://127.0.0.1:8080/integrations/{id}"),
        path: format!("/v1/integrations/{id}"),
        payload: payload.to_owned(),
    }
}

async fn come_back(world: &World, payload: &str, website_token: &str, session: Option<&str>) -> Answer {
    let website = world.website();
    let path = format!("/crisp/callback?payload={payload}&website_id={website}&token={website_token}");
    let mut request = request("GET", &path);
    if let Some(session) = session {
        request = request.header("cookie", format!("crisp_session={session}"));
    }
    world.send(request.body(Body::empty()).unwrap()).await
}

fn is_page(answer: &Answer, status: u16) {
    assert_eq!(answer.status.as_u16(), status, "{answer:?}");
    assert!(answer.header("content-type").starts_with("text/html"));
    assert!(answer.text.contains("<p>") && answer.json == Value::Null, "{answer:?}");
}

#[tokio::test]
async fn the_browser_goes_on_to_the_settings_page_of_the_connected_integration() {
    let world = World::of(Options::of_size(1, 1)).await;
    let (link, right) = (draft(&world).await, world.crisp.truth(world.website()).token());
    // Whoever only looks where the link leads does not use it up.
    let path =
        format!("/crisp/callback?payload={}&website_id={}&token={right}", link.payload, world.website());
    assert_eq!(world.send(request("HEAD", &path).body(Body::empty()).unwrap()).await.status, 200);
    let answer = come_back(&world, &link.payload, &right, None).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, link.settings_page.as_str()));
    assert_eq!(world.get(&link.path).await.json["state"], "connected");
    // A link works once.
    is_page(&come_back(&world, &link.payload, &right, None).await, 403);
}

#[tokio::test]
async fn a_wrong_token_or_anothers_browser_gets_a_page_that_tells_nothing() {
    let world = World::of(Options::of_size(1, 1)).await;
    let (link, right) = (draft(&world).await, world.crisp.truth(world.website()).token());
    is_page(&come_back(&world, &link.payload, &right, Some(&world.stranger)).await, 403);
    let guess = come_back(&world, &link.payload, "guess", Some(&world.token)).await;
    is_page(&guess, 403);
    assert!(!guess.text.contains(&link.payload) && !guess.text.contains("guess"));
    assert_eq!(world.get(&link.path).await.json["state"], "awaiting_installation");
    // The guess spent the link, and the settings page shows another.
    let next = world.get(&link.path).await.json["install_url"].as_str().unwrap().to_owned();
    assert!(!next.ends_with(&link.payload));
    // A session that is over is no stranger.
    let over = token(Uuid::new_v4(), &ALL[..1]).replace('.', "x");
    let payload = next.split_once("payload=").unwrap().1;
    assert_eq!(come_back(&world, payload, &right, Some(&over)).await.status, 303);
}

#[tokio::test]
async fn an_address_that_lacks_something_or_names_no_website_gets_a_page() {
    let options =
        Options { websites: vec![WebsiteOptions::of_size(1, 1).not_installed()], ..Options::default() };
    let world = World::of(options).await;
    let link = draft(&world).await;
    let get = |query: String| {
        world.send(request("GET", &format!("/crisp/callback{query}")).body(Body::empty()).unwrap())
    };
    is_page(&get(String::new()).await, 400);
    is_page(&get(format!("?payload={}&website_id=x&token=t", link.payload)).await, 422);
    is_page(&get(format!("?payload=%3Cscript%3E&website_id={}&token=t", world.website())).await, 403);
    is_page(&come_back(&world, &link.payload, "t", None).await, 409);
}
