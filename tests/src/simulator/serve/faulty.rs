//! Answers that go wrong.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, Version, header};
use axum::response::Response;
use futures::StreamExt;
use futures::stream;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::Predicate;

use crate::simulator::answers::Answer;
use crate::simulator::behaviour::RetryAfter;
use crate::simulator::faults::Fault;
use crate::simulator::shared::Shared;

use super::Unsent;

/// Marks an answer that is sent gzipped to those who accept it.
#[derive(Debug, Clone, Copy)]
struct Squeezed;

/// Compresses what is marked, nothing else.
pub(super) fn compression() -> CompressionLayer<impl Predicate> {
    let marked = |_: StatusCode, _: Version, _: &HeaderMap, extensions: &axum::http::Extensions| {
        extensions.get::<Squeezed>().is_some()
    };
    CompressionLayer::new().compress_when(marked)
}

/// Marks the answer for compression, if it is to be compressed.
pub(super) fn squeezed(mut response: Response, gzip: bool) -> Response {
    if gzip {
        response.extensions_mut().insert(Squeezed);
    }
    response
}

/// The status that goes into the log.
pub(super) fn status(fault: &Fault, answer: &Answer) -> u16 {
    match fault {
        Fault::Internal => 500,
        Fault::BadGateway => 502,
        Fault::Reset | Fault::Hang(_) => 0,
        Fault::Truncated | Fault::SlowDrip(_) => answer.status,
        Fault::Garbage | Fault::Flood { .. } => 200,
        Fault::Limited { status, .. } | Fault::Status { status, .. } => *status,
        Fault::NotFound => 404,
        Fault::Redirect(_) => 302,
    }
}

/// What is sent instead of the right answer.
pub(super) async fn response(shared: &Shared, answer: Answer, fault: Fault) -> Response {
    match fault {
        Fault::Internal => super::response(&Answer::refused(500, "internal_error")),
        Fault::BadGateway => page(502, "<html><body><h1>502 Bad Gateway</h1><hr>nginx</body></html>"),
        Fault::Reset => unsent(),
        Fault::Truncated => truncated(&answer),
        Fault::Garbage => page(200, "{\"error\":false,\"reason\":\"listed\"}"),
        Fault::Hang(milliseconds) => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            unsent()
        }
        Fault::SlowDrip(milliseconds) => dripping(&answer, milliseconds),
        Fault::Limited { status, retry_after } => super::response(&limited(shared, status, retry_after)),
        Fault::NotFound => super::response(&Answer::missing()),
        Fault::Status { status, reason } => super::response(&Answer::refused(status, &reason)),
        Fault::Redirect(to) => {
            let mut response = page(302, "");
            if let Ok(to) = to.parse() {
                response.headers_mut().insert(header::LOCATION, to);
            }
            response
        }
        Fault::Flood { megabytes, gzip } => flood(megabytes, gzip),
    }
}

/// A limiter's refusal.
pub(super) fn limited(shared: &Shared, status: u16, retry_after: RetryAfter) -> Answer {
    let retry_after = match retry_after {
        RetryAfter::Absent => None,
        RetryAfter::Seconds(seconds) => Some(seconds.to_string()),
        RetryAfter::Date(seconds) => Some(http_date(shared.clock.now_ms() + i64::from(seconds) * 1_000)),
    };
    Answer { retry_after, ..Answer::refused(status, "too_many_requests") }
}

fn http_date(milliseconds: i64) -> String {
    let time = chrono::DateTime::from_timestamp_millis(milliseconds).unwrap_or_default();
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn page(status: u16, text: &'static str) -> Response {
    let kind = if text.starts_with('<') { "text/html" } else { "application/json" };
    let built = Response::builder().status(status).header(header::CONTENT_TYPE, kind).body(Body::from(text));
    built.unwrap_or_default()
}

fn unsent() -> Response {
    let mut response = Response::default();
    response.extensions_mut().insert(Unsent);
    response
}

fn truncated(answer: &Answer) -> Response {
    let mut body = answer.body().into_bytes();
    let length = body.len();
    body.truncate(length / 2);
    let broken = io::Error::from(io::ErrorKind::ConnectionAborted);
    // The pause lets the first half leave before the connection breaks.
    let rest = stream::once(async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(broken)
    });
    let parts = stream::iter([Ok(Bytes::from(body))]).chain(rest);
    with_length(answer.status, length, Body::from_stream(parts))
}

fn dripping(answer: &Answer, milliseconds: u64) -> Response {
    let body = Bytes::from(answer.body());
    let length = body.len();
    let size = (length / 50).max(1);
    let drops: Vec<Bytes> =
        (0..length).step_by(size).map(|at| body.slice(at..(at + size).min(length))).collect();
    let pause = Duration::from_millis(milliseconds / u64::try_from(drops.len()).unwrap_or(1).max(1));
    let drops = stream::iter(drops).then(move |drop| async move {
        tokio::time::sleep(pause).await;
        Ok::<_, io::Error>(drop)
    });
    with_length(answer.status, length, Body::from_stream(drops))
}

fn with_length(status: u16, length: usize, body: Body) -> Response {
    let response = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
        .header(header::CONTENT_LENGTH, length);
    response.body(body).unwrap_or_default()
}

fn flood(megabytes: u32, gzip: bool) -> Response {
    let blanks = Bytes::from(vec![b' '; 1 << 20]);
    let head = Bytes::from_static(b"{\"error\":false,\"reason\":\"listed\",\"data\":[");
    let middle = stream::iter((0..megabytes).map(move |_| blanks.clone()));
    let parts = stream::iter([head]).chain(middle).chain(stream::iter([Bytes::from_static(b"]}")]));
    let body = Body::from_stream(parts.map(Ok::<_, io::Error>));
    let mut response = Response::new(body);
    if let Ok(kind) = "application/json".parse() {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    squeezed(response, gzip)
}
