//! Faults, quota, latency, scopes.

use std::time::{Duration, Instant};

use reqwest::Method;

use super::Reader;
use crate::simulator::{Fault, FaultRule, Kind, Options, Quota, RetryAfter};

const STATS: &str = "website/{w}/people/stats";
const PAGE: &str = "website/{w}/people/profiles/1";

async fn struck_by(fault: Fault) -> Reader {
    let reader = Reader::start(Options::of_size(100, 10)).await;
    reader.crisp.behave(|behaviour| behaviour.faults = vec![FaultRule::scripted(0, 1, fault)]);
    reader
}

#[tokio::test]
async fn scripted_faults_strike_as_often_as_scripted() {
    let reader = Reader::start(Options::of_size(10, 10)).await;
    let script = FaultRule::scripted(1, 2, Fault::BadGateway).only(Kind::PeopleStats);
    reader.crisp.behave(|behaviour| behaviour.faults = vec![script]);
    let mut statuses = Vec::new();
    for _ in 0..4 {
        assert_eq!(reader.get(PAGE).await.0, 200);
        statuses.push(reader.send(Method::GET, STATS).await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [200, 502, 502, 200]);
    assert_eq!(reader.crisp.log().iter().filter(|entry| entry.faulty).count(), 2);
}

#[tokio::test]
async fn broken_connections_break() {
    let reader = struck_by(Fault::Reset).await;
    assert!(reader.send(Method::GET, PAGE).await.is_err());
    assert_eq!(reader.get(PAGE).await.0, 206);
    let reader = struck_by(Fault::Truncated).await;
    let response = reader.send(Method::GET, PAGE).await.unwrap();
    assert!(response.content_length().unwrap() > 1_000);
    assert!(response.bytes().await.is_err());
    let reader = struck_by(Fault::Hang(200)).await;
    let started = Instant::now();
    assert!(reader.send(Method::GET, PAGE).await.is_err());
    assert!(started.elapsed() >= Duration::from_millis(200));
    assert_eq!(reader.crisp.requests().with_status(0), 1);
}

#[tokio::test]
async fn a_slow_drip_arrives_in_the_end() {
    let reader = struck_by(Fault::SlowDrip(300)).await;
    let started = Instant::now();
    assert_eq!(reader.list(PAGE).await.1.len(), 20);
    assert!(started.elapsed() >= Duration::from_millis(250));
}

#[tokio::test]
async fn a_limiter_may_say_when_to_come_back() {
    let reader = struck_by(Fault::Limited { status: 420, retry_after: RetryAfter::Seconds(7) }).await;
    let response = reader.send(Method::GET, PAGE).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (420, &"7".parse().unwrap())
    );
    let reader = struck_by(Fault::Limited { status: 429, retry_after: RetryAfter::Date(60) }).await;
    let response = reader.send(Method::GET, PAGE).await.unwrap();
    let date = response.headers()["retry-after"].to_str().unwrap();
    assert!(date.starts_with("Thu, 01 Jan 2026 00:0") && date.ends_with("GMT"), "{date}");
}

#[tokio::test]
async fn floods_and_redirects_come_as_ordered() {
    let reader = struck_by(Fault::Flood { megabytes: 3, gzip: false }).await;
    assert!(reader.send(Method::GET, PAGE).await.unwrap().bytes().await.unwrap().len() > 3 << 20);
    let reader = struck_by(Fault::Flood { megabytes: 3, gzip: true }).await;
    let request = reader.http.get(format!("{}/plugin/connect/account", reader.crisp.api_url()));
    let plugin = reader.crisp.plugin();
    let request = request.basic_auth(plugin.identifier, Some(plugin.key)).header("X-Crisp-Tier", "plugin");
    let answer = request.header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(answer.headers()["content-encoding"], "gzip");
    assert!(answer.bytes().await.unwrap().len() < 1 << 20);
    reader.crisp.behave(|behaviour| behaviour.gzip = true);
    let plain = reader.send(Method::GET, PAGE).await.unwrap();
    assert!(!plain.headers().contains_key("content-encoding"), "only for those who accept it");
    let reader = struck_by(Fault::Redirect("http://127.0.0.1:9/".to_owned())).await;
    assert_eq!(reader.send(Method::GET, PAGE).await.unwrap().headers()["location"], "http://127.0.0.1:9/");
}

#[tokio::test]
async fn the_quota_is_counted_exactly_and_overruns_are_remembered() {
    let reader = Reader::start(Options::of_size(10, 10)).await;
    reader.crisp.behave(|behaviour| behaviour.quota = Some(Quota::of(5, 400)));
    let mut statuses = Vec::new();
    for _ in 0..7 {
        statuses.push(reader.get(STATS).await.0);
    }
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429, 429]);
    tokio::time::sleep(Duration::from_millis(450)).await;
    assert_eq!(reader.get(STATS).await.0, 200);
    let requests = reader.crisp.requests();
    assert_eq!((requests.quota_overruns, requests.busiest_window), (2, 5));
}

#[tokio::test]
async fn missing_scopes_and_latency() {
    let reader = Reader::start(Options::of_size(10, 10)).await;
    reader.crisp.behave(|behaviour| {
        behaviour.missing_scopes.insert("website:people:profiles".to_owned());
        behaviour.latency_ms = 100;
    });
    let started = Instant::now();
    let (status, envelope) = reader.get(PAGE).await;
    assert_eq!((status, envelope["reason"].as_str()), (403, Some("not_allowed")));
    assert!(started.elapsed() >= Duration::from_millis(100));
    assert_eq!(reader.get("website/{w}/conversations/1").await.0, 200);
}
