//! What handlers take from a request; whatever cannot be taken is a [`Problem`].

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::problem::{Code, Problem, json};

/// How long a body may take to arrive: the largest one needs 210 KiB/s. Less than an answer may take, so that who is
/// slow is told so.
const BODY_ARRIVES_WITHIN: Duration = Duration::from_secs(20);

/// A body of JSON.
///
/// Fields that `T` does not know are refused if it says `#[serde(deny_unknown_fields)]`, as every request does.
#[derive(Debug, Clone, Copy)]
pub struct Body<T>(pub T);

/// A body as it came, for handlers that need every byte of it.
#[derive(Debug, Clone)]
pub struct RawBody(pub Bytes);

/// The ids in the path. An id that cannot be one names nothing: 404, as for any other that does not exist.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

/// The query of the address.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "The body must be JSON and be sent with `Content-Type: application/json`.";
            return Err(Problem::new(Code::UnsupportedMediaType, detail));
        }
        let RawBody(bytes) = RawBody::from_request(request, state).await?;
        json::parse(&bytes).map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Self::within(BODY_ARRIVES_WITHIN, request, state).await
    }
}

impl RawBody {
    /// The body, if all of it arrives in time.
    pub(crate) async fn within<S: Send + Sync>(
        time: Duration,
        request: Request,
        state: &S,
    ) -> Result<Self, Problem> {
        match timeout(time, Bytes::from_request(request, state)).await {
            Ok(Ok(bytes)) => Ok(Self(bytes)),
            Ok(Err(rejection)) => Err(unread(&rejection)),
            Err(_elapsed) => Err(too_slow()),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(value)| Self(value)).map_err(|_rejection| Problem::not_found())
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        query.map(|axum::extract::Query(value)| Self(value)).map_err(|rejection| refused_query(&rejection))
    }
}

/// What stands in a field of the query; one that is there and blank counts as absent.
pub(crate) fn filled(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !value.trim().is_empty())
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}

fn unread(rejection: &BytesRejection) -> Problem {
    if rejection.status() == Code::BodyTooLarge.status() { too_large() } else { broke_off() }
}

pub(crate) fn too_slow() -> Problem {
    Problem::new(Code::RequestTimedOut, "The body took too long to arrive.")
}

pub(crate) fn too_large() -> Problem {
    Problem::new(Code::BodyTooLarge, "The body is larger than this address takes.")
}

pub(crate) fn broke_off() -> Problem {
    Problem::new(Code::MalformedRequest, "The body broke off before its end.")
}

/// Axum puts the field's name before what serde says of it; only the name is repeated.
fn refused_query(rejection: &axum::extract::rejection::QueryRejection) -> Problem {
    let said = std::error::Error::source(rejection).map(ToString::to_string).unwrap_or_default();
    let missing = said.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    match (missing, said.split_once(": ")) {
        (Some(field), _) => Problem::of_field(field, "required", "is required in the query of the address"),
        (None, Some((field, _))) => {
            Problem::of_field(field, "invalid", "is not in the form that is expected here")
        }
        (None, None) => Problem::of_field("query", "invalid", "is not in the form that is expected here"),
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::extract::DefaultBodyLimit;
    use axum::http::StatusCode;
    use axum::routing::{get, post};
    use serde::Deserialize;
    use uuid::Uuid;

    use super::*;
    use crate::testing::{call, request};

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Trigger {
        kind: String,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Filter {
        email: String,
        page: Option<u8>,
    }

    fn router() -> Router {
        Router::new()
            .route("/json", post(|Body(_): Body<Trigger>| async {}).layer(DefaultBodyLimit::max(64)))
            .route("/of/{id}", get(|Path(_): Path<Uuid>| async {}))
            .route("/search", get(|Query(_): Query<Filter>| async {}))
    }

    #[tokio::test]
    async fn a_body_is_json_of_the_right_shape_and_size_or_a_problem() {
        let json = "application/json";
        for (content_type, body, status, code) in [
            (json, "{\"kind\":\"full\"}", 200, ""),
            ("application/json; charset=utf-8", "{\"kind\":\"full\"}", 200, ""),
            ("application/merge-patch+json", "{\"kind\":\"full\"}", 200, ""),
            ("text/plain", "{}", 415, "unsupported_media_type"),
            ("", "{}", 415, "unsupported_media_type"),
            (json, "{\"kind\":", 400, "malformed_request"),
            (json, "{\"kind\":1}", 422, "validation_failed"),
            (json, "{\"kind\":\"full\",\"x\":1}", 422, "validation_failed"),
            (json, &format!("\"{}\"", "x".repeat(64)), 413, "body_too_large"),
        ] {
            let sent = request("POST", "/json")
                .header("content-type", content_type)
                .body(body.to_owned().into())
                .unwrap();
            let (got, body) = call(router(), sent).await;
            assert_eq!(got, StatusCode::from_u16(status).unwrap(), "{body}");
            assert_eq!(body["code"].as_str().unwrap_or_default(), code);
        }
    }

    #[tokio::test]
    async fn a_path_that_is_no_id_names_nothing() {
        for path in ["/of/7", "/of/%ff", "/of/%27%20or%201=1"] {
            let (status, body) = call(router(), request("GET", path).body(().into()).unwrap()).await;
            assert_eq!((status, body["code"].as_str()), (StatusCode::NOT_FOUND, Some("not_found")));
        }
    }

    #[tokio::test]
    async fn a_query_names_the_field_that_is_wrong() {
        for (path, field, code) in
            [("/search", "email", "required"), ("/search?email=a&page=x", "page", "invalid")]
        {
            let (status, body) = call(router(), request("GET", path).body(().into()).unwrap()).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
            assert_eq!(
                (body["errors"][0]["field"].as_str(), body["errors"][0]["code"].as_str()),
                (Some(field), Some(code))
            );
        }
    }
}
