//! The console's cookie.

use axum::body::Body;
use testkit::simulator::Options;
use uuid::Uuid;

use crate::world::{Answer, World, request, token};

async fn begin(world: &World, headers: &[(&str, &str)], body: &str) -> Answer {
    let builder = headers
        .iter()
        .fold(request("POST", "/session"), |builder, (name, value)| builder.header(*name, *value));
    world.send(builder.body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn a_bearer_token_becomes_a_cookie_and_ends_again() {
    let world = World::of(Options::of_size(1, 1)).await;
    let bearer = format!("Bearer {}", world.token);
    let answer = begin(&world, &[("authorization", &bearer)], "").await;
    assert_eq!(answer.status, 204);
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with(&format!("crisp_session={}; Path=/; Max-Age=", world.token)), "{cookie}");
    assert!(cookie.ends_with("; HttpOnly; SameSite=Lax"), "{cookie}");
    let ended = world.send(request("DELETE", "/session").body(Body::empty()).unwrap()).await;
    assert_eq!(ended.status, 204);
    assert!(ended.header("set-cookie").starts_with("crisp_session=; Path=/; Max-Age=0"));
}

#[tokio::test]
async fn a_form_signs_in_without_a_script_and_says_when_it_cannot() {
    let world = World::of(Options::of_size(1, 1)).await;
    let form = ("content-type", "application/x-www-form-urlencoded");
    let good = begin(&world, &[form], &format!("token={}", world.token)).await;
    assert_eq!((good.status.as_u16(), good.header("location")), (303, "/"));
    assert!(good.header("set-cookie").contains(&world.token));
    for odd in ["token=x", "", "token=", "password=x"] {
        let refused = begin(&world, &[form], odd).await;
        assert_eq!((refused.status.as_u16(), refused.header("location")), (303, "/?sign_in=refused"));
        assert_eq!(refused.header("set-cookie"), "");
    }
}

#[tokio::test]
async fn what_is_not_accepted_begins_no_session_nor_does_another_site() {
    let world = World::of(Options::of_size(1, 1)).await;
    assert_eq!(begin(&world, &[], "").await.outcome(), (401, "unauthenticated"));
    let forged = format!("Bearer {}x", token(Uuid::new_v4(), &[]));
    assert_eq!(begin(&world, &[("authorization", &forged)], "").await.outcome(), (401, "unauthenticated"));
    let bearer = format!("Bearer {}", world.token);
    let cross = [("authorization", bearer.as_str()), ("sec-fetch-site", "cross-site")];
    assert_eq!(begin(&world, &cross, "").await.outcome(), (403, "cross_origin"));
}

/// Whoever has no token yet must not be able to hold the places of those who have.
#[tokio::test]
async fn a_form_that_does_not_arrive_is_given_up_and_one_that_is_too_long_is_not_read() {
    let world = World::of(Options::of_size(1, 1)).await;
    let form = || request("POST", "/session").header("content-type", "application/x-www-form-urlencoded");
    let never = futures::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let began = std::time::Instant::now();
    let slow = world.send(form().body(Body::from_stream(never)).unwrap()).await;
    assert_eq!(slow.outcome(), (408, "request_timed_out"));
    assert!(began.elapsed().as_secs() < 15);
    let long = format!("token={}", "x".repeat(70_000));
    let long = world.send(form().header("content-length", long.len()).body(Body::from(long)).unwrap()).await;
    assert_eq!(long.outcome(), (413, "body_too_large"));
}
