//! What is remembered of every request, and what every answer carries.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;
use uuid::Uuid;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static CONTENT_TYPE_OPTIONS: HeaderName = HeaderName::from_static("x-content-type-options");
static RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Gives the request an id, a span, a place in the metrics, and its answer the headers that make browsers careful.
///
/// Neither path nor query are recorded, only the pattern of the route: external ids and addresses stand in them.
pub(crate) async fn observe(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = label(request.method());
    let id = Uuid::new_v4();
    let span = tracing::info_span!("request", %id, method, route);
    let begun = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    span.in_scope(|| record(&route, method, &response, begun));
    if let Ok(id) = HeaderValue::try_from(id.to_string()) {
        response.headers_mut().insert(REQUEST_ID.clone(), id);
    }
    make_careful(response.headers_mut());
    response
}

fn record(route: &str, method: &'static str, response: &Response, begun: Instant) {
    let seconds = begun.elapsed().as_secs_f64();
    let status = response.status();
    let labels = [("route", route.to_owned()), ("method", method.to_owned())];
    metrics::histogram!("http_request_seconds", &labels).record(seconds);
    let [route, method] = labels;
    metrics::counter!("http_requests_total", &[route, method, ("status", status.as_str().to_owned())])
        .increment(1);
    if status.is_server_error() {
        tracing::warn!(status = status.as_u16(), seconds, "answered");
    } else {
        tracing::debug!(status = status.as_u16(), seconds, "answered");
    }
}

/// Methods can be invented, so what is unusual shares one label.
fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Defaults for answers that are data; a page that needs more says so itself.
fn make_careful(headers: &mut HeaderMap) {
    for (name, value) in [
        (&CONTENT_TYPE_OPTIONS, "nosniff"),
        (&RESOURCE_POLICY, "same-origin"),
        (&header::X_FRAME_OPTIONS, "DENY"),
        (&header::REFERRER_POLICY, "no-referrer"),
        (&header::CACHE_CONTROL, "no-store"),
        (&header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ] {
        headers.entry(name.clone()).or_insert(HeaderValue::from_static(value));
    }
}
