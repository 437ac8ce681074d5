//! Shared by the tests of this crate.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, request::Builder};
use axum::response::Response;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

pub(crate) fn request(method: &str, path: &str) -> Builder {
    Request::builder().method(method).uri(path)
}

pub(crate) fn get(path: &str) -> Request<Body> {
    request("GET", path).body(Body::empty()).unwrap()
}

/// The status and the JSON of the answer (null where it has none).
pub(crate) async fn call(router: Router, request: Request<Body>) -> (StatusCode, Value) {
    let response = router.oneshot(request).await.unwrap();
    (response.status(), json_body(response).await)
}

pub(crate) async fn json_body(response: Response) -> Value {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap_or(Value::Null)
}
