//! What pages take from a request; whatever cannot be taken is answered with a page.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use crisp_http::{Problem, RawBody};
use url::form_urlencoded;

use crate::failure::Failure;

/// Takes what `T` takes, and answers with a page where that cannot be taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Of<T>(pub(crate) T);

/// The fields of a form, in the order in which the browser sent them.
#[derive(Clone, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl<S: Send + Sync, T: FromRequestParts<S, Rejection = Problem>> FromRequestParts<S> for Of<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        Ok(Self(T::from_request_parts(parts, state).await?))
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let RawBody(bytes) = RawBody::from_request(request, state).await?;
        Ok(Self(form_urlencoded::parse(&bytes).into_owned().collect()))
    }
}

impl Form {
    /// What stands in a field, without surrounding blanks; empty where there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.trim())
    }

    /// Whether a box is ticked.
    pub(crate) fn is_ticked(&self, name: &str) -> bool {
        self.0.iter().any(|(field, _)| field == name)
    }
}

/// What stands in a field of the query; one that is there and blank counts as absent.
pub(crate) fn filled(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|value| !value.is_empty())
}

/// Text as a part of an address: what is neither a letter nor a digit is written in per cent.
pub(crate) fn in_address(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}
