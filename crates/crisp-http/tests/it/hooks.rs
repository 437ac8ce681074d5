//! Web hooks: taken, refused, put off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::http::Request;
use crisp_sync::hooks::{HookIntake, Received};
use futures::StreamExt as _;
use serde_json::{Value, json};
use testkit::simulator::{Options, signature};
use uuid::Uuid;

use crate::world::{World, now, request};

/// The largest body that is taken, in bytes.
const LARGEST: usize = 4 * 1024 * 1024;

fn envelope(website: Uuid) -> Value {
    let session = "session_6f0b2c1a-8d34-4e57-b1a9-0c5d7e9f1234";
    json!({"website_id": website, "event": "session:set_state", "timestamp": now().timestamp_millis(),
        "data": {"website_id": website, "session_id": session, "state": "resolved"}})
}

fn sent(headers: &[(&str, String)], body: impl Into<Body>) -> Request<Body> {
    let builder = headers
        .iter()
        .fold(request("POST", "/crisp/hooks"), |builder, (name, value)| builder.header(*name, value));
    builder.body(body.into()).unwrap()
}

/// A delivery of any bytes, signed as Crisp signs.
fn signed(world: &World, at_ms: i64, body: &str) -> Request<Body> {
    let at = at_ms.to_string();
    let signature = signature(&world.crisp.plugin().hooks_secret, &at, body.as_bytes());
    let headers = [("X-Crisp-Request-Timestamp", at), ("X-Crisp-Signature", signature)];
    sent(&headers, body.to_owned())
}

#[tokio::test]
async fn a_signed_hook_is_stored_once_and_one_of_a_stranger_is_dropped() {
    let world = World::of(Options::of_size(1, 1)).await;
    let path = world.connected().await;
    let hook = world.crisp.signed_hook(&envelope(world.website()));
    for _ in 0..2 {
        assert_eq!(world.send(sent(&hook.headers, hook.body.clone())).await.status, 200);
    }
    assert!(world.get(&path).await.json["last_hook_at"].is_string());
    assert_eq!(world.stored_hooks().await, 1);
    let unclaimed = world.crisp.signed_hook(&envelope(Uuid::new_v4()));
    assert_eq!(world.send(sent(&unclaimed.headers, unclaimed.body)).await.status, 200);
    assert_eq!(world.stored_hooks().await, 1);
    // Other bytes are another hook.
    let mut other = envelope(world.website());
    other["data"]["state"] = json!("unresolved");
    let other = world.crisp.signed_hook(&other);
    assert_eq!(world.send(sent(&other.headers, other.body)).await.status, 200);
    assert_eq!(world.stored_hooks().await, 2);
}

#[tokio::test]
async fn a_website_whose_rows_are_locked_holds_up_no_other_websites_hooks() {
    let world = World::of(Options::of_size(1, 1)).await;
    world.connected().await;
    let database = world.engine.database();
    let account = database.list_accounts().await.unwrap()[0];
    let mut session = database.write(account).await.unwrap();
    let row = crisp_storage::integrations::list(&mut session).await.unwrap().remove(0);
    crisp_storage::integrations::save(&mut session, &row).await.unwrap();

    let stuck = world.crisp.signed_hook(&envelope(world.website()));
    let free = world.crisp.signed_hook(&envelope(Uuid::new_v4()));
    let stuck = world.send(sent(&stuck.headers, stuck.body));
    let mut stuck = std::pin::pin!(stuck);
    // It waits for the row by the time the other one comes.
    let waited = tokio::time::timeout(std::time::Duration::from_millis(300), &mut stuck).await;
    assert!(waited.is_err(), "the row is locked");
    assert_eq!(world.send(sent(&free.headers, free.body)).await.status, 200);
    session.commit().await.unwrap();
    assert_eq!(stuck.await.status, 200);
}

/// A body of which so many bytes come and then nothing more, and which tells when somebody waits for the rest.
fn endless(arrives: usize, asked: &Arc<AtomicBool>) -> Body {
    let asked = Arc::clone(asked);
    let begin = futures::stream::iter((arrives > 0).then(|| Ok::<_, std::io::Error>(vec![b' '; arrives])));
    let rest = futures::stream::poll_fn(move |_| {
        asked.store(true, Ordering::SeqCst);
        std::task::Poll::Pending
    });
    Body::from_stream(begin.chain(rest))
}

/// A delivery that is said to be of the largest length, and of which so many bytes arrive.
fn begun(timestamp: &str, signature: &str, arrives: usize, asked: &Arc<AtomicBool>) -> Request<Body> {
    let builder = request("POST", "/crisp/hooks")
        .header("x-crisp-request-timestamp", timestamp)
        .header("x-crisp-signature", signature)
        .header("content-length", LARGEST);
    builder.body(endless(arrives, asked)).unwrap()
}

#[tokio::test]
async fn nothing_is_read_of_what_does_not_even_look_like_crisp() {
    let world = World::of(Options::of_size(1, 1)).await;
    let today = now().timestamp_millis();
    let long_ago = (today - 25 * 3600 * 1000).to_string();
    let (today, hex) = (today.to_string(), "ab".repeat(32));
    let short = hex.replacen("ab", "", 1);
    let upper = hex.to_uppercase();
    for (timestamp, signature) in [
        ("", hex.as_str()),
        ("now", &hex),
        (&long_ago, &hex),
        (&today, ""),
        (&today, &short),
        (&today, &upper),
    ] {
        let asked = Arc::new(AtomicBool::new(false));
        let answer = world.send(begun(timestamp, signature, 0, &asked)).await;
        assert_eq!(answer.outcome(), (403, "signature_invalid"), "{timestamp} {signature}");
        assert!(!asked.load(Ordering::SeqCst), "{timestamp} {signature}");
    }
}

#[tokio::test]
async fn bodies_under_way_have_a_bound_together_and_a_time_each() {
    let world = World::of(Options::of_size(1, 1)).await;
    let (today, hex) = (now().timestamp_millis().to_string(), "ab".repeat(32));
    let asked = Arc::new(AtomicBool::new(false));
    let began = std::time::Instant::now();
    let under_way = (0..16).map(|_| world.send(begun(&today, &hex, LARGEST, &asked)));
    let beyond = async {
        while !asked.load(Ordering::SeqCst) {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        let refused = world.send(begun(&today, &hex, LARGEST, &Arc::default())).await;
        assert_eq!(refused.outcome(), (503, "unavailable"), "there is no room for a seventeenth");
    };
    let (slow, ()) = tokio::join!(futures::future::join_all(under_way), beyond);
    for answer in slow {
        assert_eq!(answer.outcome(), (408, "request_timed_out"));
    }
    let took = began.elapsed().as_secs();
    assert!((4..15).contains(&took), "{took}");
    let hook = world.crisp.signed_hook(&envelope(world.website()));
    assert_eq!(world.send(sent(&hook.headers, hook.body)).await.status, 200, "and there is room again");
}

#[tokio::test]
async fn bodies_that_never_come_keep_no_hook_of_crisps_out() {
    let world = World::of(Options::of_size(1, 1)).await;
    let (today, hex) = (now().timestamp_millis().to_string(), "ab".repeat(32));
    let asked = Arc::new(AtomicBool::new(false));
    let never_coming = (0..100).map(|_| world.send(begun(&today, &hex, 1, &asked)));
    let meanwhile = async {
        while !asked.load(Ordering::SeqCst) {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let hook = world.crisp.signed_hook(&envelope(world.website()));
        assert_eq!(world.send(sent(&hook.headers, hook.body)).await.status, 200);
    };
    let (given_up, ()) = tokio::join!(futures::future::join_all(never_coming), meanwhile);
    assert!(given_up.iter().all(|answer| answer.status == 408));
}

#[tokio::test]
async fn what_is_not_signed_by_crisp_and_of_today_is_refused() {
    let world = World::of(Options::of_size(1, 1)).await;
    let body = envelope(world.website()).to_string();
    let today = now().timestamp_millis();
    let day = 24 * 3600 * 1000;
    let minute = 60 * 1000;
    assert_eq!(world.send(signed(&world, today - day + minute, &body)).await.status, 200);
    assert_eq!(world.send(signed(&world, today / 1000, &body)).await.status, 200, "seconds are understood");
    let without = |name: &str| {
        let mut request = signed(&world, today, &body);
        request.headers_mut().remove(name);
        request
    };
    let with = |name: &'static str, value: &str| {
        let mut request = signed(&world, today, &body);
        request.headers_mut().insert(name, value.parse().unwrap());
        request
    };
    let of_another_body = signature(&world.crisp.plugin().hooks_secret, &today.to_string(), b"{}");
    for refused in [
        sent(&[], body.clone()),
        without("x-crisp-signature"),
        without("x-crisp-request-timestamp"),
        with("x-crisp-signature", "00"),
        with("x-crisp-request-timestamp", "yesterday"),
        with("x-crisp-signature", &of_another_body),
        signed(&world, today - day - minute, &body),
        signed(&world, today + day + minute, &body),
    ] {
        let answer = world.send(refused).await;
        assert_eq!(answer.outcome(), (403, "signature_invalid"));
    }
}

#[tokio::test]
async fn what_is_no_hook_is_malformed_and_what_is_too_long_is_not_read() {
    let world = World::of(Options::of_size(1, 1)).await;
    let today = now().timestamp_millis();
    for body in ["", "{", "[]", "{}", r#"{"website_id":"x","event":"e"}"#] {
        let answer = world.send(signed(&world, today, body)).await;
        assert_eq!(answer.outcome(), (400, "malformed_request"), "{body}");
    }
    let mebibyte = 1024 * 1024;
    let padded = |length: usize| {
        let hook = envelope(world.website()).to_string();
        format!("{hook}{}", " ".repeat(length - hook.len()))
    };
    assert_eq!(world.send(signed(&world, today, &padded(4 * mebibyte))).await.status, 200);
    let answer = world.send(signed(&world, today, &padded(4 * mebibyte + 1))).await;
    assert_eq!(answer.outcome(), (413, "body_too_large"));
}

#[tokio::test]
async fn without_a_secret_hooks_are_put_off_and_taken_once_there_is_one() {
    let world = World::with_hooks(Options::of_size(1, 1), false).await;
    let hook = world.crisp.signed_hook(&envelope(world.website()));
    world.connected().await;
    let answer = world.send(sent(&hook.headers, hook.body.clone())).await;
    assert_eq!(answer.outcome(), (503, "unavailable"));
    assert_eq!(answer.header("retry-after"), "5");
    assert_eq!(world.stored_hooks().await, 0);
    let intake = HookIntake::start(world.engine.database().clone(), world.crisp.plugin().hooks_secret.into());
    let header = |name: &str| hook.headers.iter().find(|(header, _)| *header == name).unwrap().1.as_str();
    let (at, signature) = (header("X-Crisp-Request-Timestamp"), header("X-Crisp-Signature"));
    let taken = intake.receive(Some(at), Some(signature), hook.body.clone().into()).await;
    assert_eq!(taken, Ok(Received::Stored), "Crisp delivers it again");
    assert_eq!(world.stored_hooks().await, 1);
}
