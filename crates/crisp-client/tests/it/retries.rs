use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use crisp_client::{Error, Gate, Outcome, PeopleQuery, Refused, Remedy};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::setting::{answering, client, json, website, writing};

/// A gate that lets a few requests pass and remembers what it saw.
#[derive(Default)]
struct Counting {
    left: AtomicU32,
    seen: Mutex<Vec<Outcome>>,
}

#[async_trait]
impl Gate for Counting {
    async fn admit(&self) -> Result<(), Refused> {
        let taken = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        taken.map(drop).map_err(|_empty| Refused { until: None })
    }

    async fn observe(&self, outcome: &Outcome) {
        self.seen.lock().unwrap().push(outcome.clone());
    }
}

fn gate(left: u32) -> Arc<Counting> {
    Arc::new(Counting { left: AtomicU32::new(left), ..Counting::default() })
}

async fn failing_once_with(failure: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(failure).up_to_n_times(1).mount(&server).await;
    Mock::given(any()).respond_with(json(200, r#"{"data":[]}"#)).mount(&server).await;
    server
}

#[tokio::test]
async fn a_failure_is_retried_and_every_attempt_passes_the_gate() {
    let server = failing_once_with(ResponseTemplate::new(502)).await;
    let gate = gate(5);
    let client = client(&server.uri()).with_gate(gate.clone());
    client.people_page(website(), &PeopleQuery::default()).await.unwrap();
    assert_eq!(
        *gate.seen.lock().unwrap(),
        [Outcome::Answered { status: 502 }, Outcome::Answered { status: 200 }]
    );
    assert_eq!(gate.left.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_gate_that_closes_between_two_attempts_ends_the_request() {
    let server = answering(ResponseTemplate::new(500)).await;
    let gate = gate(2);
    let error = client(&server.uri()).with_gate(gate).connect_account().await.unwrap_err();
    assert!(matches!(error, Error::Refused(Refused { until: None })), "{error:?}");
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn attempts_are_counted() {
    let server = answering(ResponseTemplate::new(500)).await;
    let error = client(&server.uri()).connect_account().await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }));
    assert_eq!(server.received_requests().await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_body_that_was_cut_is_asked_for_again() {
    let server = failing_once_with(json(200, r#"{"data":[{"people_id":"#)).await;
    client(&server.uri()).people_page(website(), &PeopleQuery::default()).await.unwrap();
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_limit_is_told_to_the_gate_and_never_answered_with_another_request() {
    for status in [420, 422, 429] {
        let server = answering(ResponseTemplate::new(status).insert_header("retry-after", "9")).await;
        let gate = gate(5);
        let error = client(&server.uri()).with_gate(gate.clone()).connect_account().await.unwrap_err();
        let retry_after = Some(Duration::from_secs(9));
        assert_eq!(error.remedy(), Remedy::WaitForQuota(retry_after), "{status}");
        assert_eq!(*gate.seen.lock().unwrap(), [Outcome::RateLimited { retry_after }], "{status}");
    }
}

#[tokio::test]
async fn a_limit_whose_words_break_off_is_told_to_the_gate_as_a_limit() {
    let base_url = writing(b"HTTP/1.1 429 Slow\r\nretry-after: 9\r\ncontent-length: 500\r\n\r\n{").await;
    let gate = gate(5);
    let _ = client(&base_url).with_gate(gate.clone()).connect_account().await;
    let retry_after = Some(Duration::from_secs(9));
    assert_eq!(*gate.seen.lock().unwrap(), [Outcome::RateLimited { retry_after }]);
}

#[tokio::test]
async fn silence_is_told_to_the_gate() {
    let gate = gate(3);
    let _ = client("http://127.0.0.1:1").with_gate(gate.clone()).connect_account().await;
    assert_eq!(*gate.seen.lock().unwrap(), [Outcome::NoAnswer, Outcome::NoAnswer, Outcome::NoAnswer]);
}

#[tokio::test]
async fn the_wait_that_crisp_asks_for_is_kept() {
    let server = failing_once_with(ResponseTemplate::new(503).insert_header("retry-after", "1")).await;
    let started = Instant::now();
    client(&server.uri()).people_page(website(), &PeopleQuery::default()).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_left_to_the_caller() {
    let server = answering(ResponseTemplate::new(503).insert_header("retry-after", "3600")).await;
    let error = client(&server.uri()).connect_account().await.unwrap_err();
    assert_eq!(error.remedy(), Remedy::TryLater(Some(Duration::from_hours(1))));
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}
