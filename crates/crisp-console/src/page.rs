//! The frame of every page: who looks at it, where they are, and the headers that keep it harmless.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use crisp_http::Problem;
use crisp_http::auth::{Caller, Permission};

/// Nothing but what this server sends, nothing inline, in nobody's frame. Pico draws its arrows from `data:` images.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Which part of the console a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Nowhere,
    Contacts,
    Companies,
    Integrations,
}

/// What the frame around a page shows.
#[derive(Debug, Clone)]
pub(crate) struct Shell {
    pub(crate) title: String,
    pub(crate) section: Section,
    pub(crate) signed_in: bool,
    pub(crate) reads: bool,
    pub(crate) manages: bool,
    /// What has just been done, for a person.
    pub(crate) notice: Option<&'static str>,
    /// How soon a browser without scripts looks again, in seconds.
    pub(crate) refresh: Option<u32>,
}

impl Shell {
    /// The frame for somebody signed in; it shows no way to what they may not see.
    pub(crate) fn of(caller: &Caller, section: Section, title: impl Into<String>) -> Self {
        Self {
            signed_in: true,
            reads: caller.may(Permission::ReadConversations),
            manages: caller.may(Permission::ManageIntegrations),
            section,
            ..Self::stranger(title)
        }
    }

    /// The frame for whoever it may be.
    pub(crate) fn stranger(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            section: Section::Nowhere,
            signed_in: false,
            reads: false,
            manages: false,
            notice: None,
            refresh: None,
        }
    }

    /// Adds a line about what has just been done.
    #[must_use]
    pub(crate) fn noting(self, notice: Option<&'static str>) -> Self {
        Self { notice, ..self }
    }

    /// Looks again by itself where there are no scripts.
    #[must_use]
    pub(crate) fn refreshing(self, seconds: u32) -> Self {
        Self { refresh: Some(seconds), ..self }
    }
}

/// A page that went well.
pub(crate) fn page(template: &impl Template) -> Response {
    page_with(StatusCode::OK, template)
}

/// A page with a status of its own.
pub(crate) fn page_with(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => secured((status, Html(html)).into_response()),
        Err(error) => Problem::internal(&error).into_response(),
    }
}

/// Adds what every answer of the console says to the browser.
pub(crate) fn secured(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
