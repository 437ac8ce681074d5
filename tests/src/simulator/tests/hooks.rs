//! Hooks arrive signed, or go astray as ordered.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};

use super::Reader;
use crate::simulator::{
    HookOptions, NewMessage, Options, Side, State as Resolution, StormOptions, signature,
};

#[derive(Clone, Default)]
struct Inbox {
    got: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    /// So many are refused first.
    refuse: Arc<Mutex<u32>>,
}

impl Inbox {
    async fn open() -> (Self, String) {
        let inbox = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let router = Router::new().route("/hooks", post(take)).with_state(inbox.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (inbox, url)
    }

    fn events(&self) -> Vec<Value> {
        self.got.lock().unwrap().iter().map(|(_, body)| serde_json::from_slice(body).unwrap()).collect()
    }
}

async fn take(State(inbox): State<Inbox>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut refuse = inbox.refuse.lock().unwrap();
    if *refuse > 0 {
        *refuse -= 1;
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    inbox.got.lock().unwrap().push((headers, body));
    StatusCode::OK
}

async fn set_up(options: HookOptions) -> (Reader, Inbox) {
    let reader = Reader::start(Options::of_size(50, 50)).await;
    let (inbox, url) = Inbox::open().await;
    reader.crisp.hooks_to(&url, options);
    (reader, inbox)
}

#[tokio::test]
async fn every_change_is_told_signed_and_in_order() {
    let (reader, inbox) = set_up(HookOptions { concurrency: 1, ..HookOptions::default() }).await;
    let change = reader.crisp.change(reader.website);
    let row = reader.crisp.truth(reader.website).conversations().next().unwrap();
    let session = row.session_id.as_str();
    change.set_state(session, Resolution::Resolved).unwrap();
    let fingerprint = change.send(session, NewMessage::text(Side::User, "é €")).unwrap();
    change.edit(session, fingerprint, json!("better")).unwrap();
    change.remove(session, fingerprint).unwrap();
    change.uninstall();
    change.set_state(session, Resolution::Pending).unwrap();
    reader.crisp.hooks_idle().await;

    let events = inbox.events();
    let names: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    let expected = [
        "session:set_state",
        "message:send",
        "session:set_state",
        "message:updated",
        "message:removed",
        "plugin:subscription:updated",
    ];
    assert_eq!(names, expected);
    assert!(events.iter().all(|event| event["data"]["website_id"] == json!(reader.website)));
    assert_eq!(events[3]["data"].as_object().unwrap().len(), 5, "neither type nor author: {}", events[3]);
    let got = inbox.got.lock().unwrap();
    for (headers, body) in got.iter() {
        let text = |name: &str| headers[name].to_str().unwrap().to_owned();
        let secret = reader.crisp.plugin().hooks_secret;
        assert_eq!(text("x-crisp-signature"), signature(&secret, &text("x-crisp-request-timestamp"), body));
        assert_eq!(text("x-delivery-attempt-count"), "1");
    }
}

#[tokio::test]
async fn what_is_refused_comes_again_and_is_given_up_in_the_end() {
    let options = HookOptions { retries: 2, backoff_ms: 5, ..HookOptions::default() };
    let (reader, inbox) = set_up(options).await;
    let change = reader.crisp.change(reader.website);
    let session = reader.crisp.truth(reader.website).conversations().next().unwrap().session_id;
    *inbox.refuse.lock().unwrap() = 2;
    change.set_subject(&session, "once").unwrap();
    reader.crisp.hooks_idle().await;
    assert_eq!((inbox.events().len(), reader.crisp.hook_counts().attempts), (1, 3));
    *inbox.refuse.lock().unwrap() = 3;
    change.set_subject(&session, "twice").unwrap();
    reader.crisp.hooks_idle().await;
    let counts = reader.crisp.hook_counts();
    assert_eq!((inbox.events().len(), counts.given_up, counts.delivered), (1, 1, 1));
}

#[tokio::test]
async fn hooks_are_dropped_doubled_and_shuffled_by_seed() {
    let astray = HookOptions { drop: 0.1, duplicate: 0.2, reorder_ms: 60, ..HookOptions::default() };
    let (reader, inbox) = set_up(astray).await;
    let storm = StormOptions { operations: 400, ..StormOptions::default() };
    reader.crisp.storm(reader.website, storm).await;
    reader.crisp.hooks_idle().await;
    let counts = reader.crisp.hook_counts();
    assert_eq!(counts.emitted - counts.dropped + counts.duplicated, counts.delivered);
    assert!((20..70).contains(&counts.dropped) && counts.duplicated > 40, "{counts:?}");
    let times: Vec<i64> = inbox.events().iter().map(|event| event["timestamp"].as_i64().unwrap()).collect();
    assert!(!times.is_sorted());
    assert_eq!(u64::try_from(times.len()).unwrap(), counts.delivered);
}
