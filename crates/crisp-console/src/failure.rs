//! What a person sees when a page cannot be shown.

use askama::Template;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use crisp_http::{Code, Problem};
use crisp_sync::Refusal;

use crate::home;
use crate::page::{Shell, page_with};

/// A page that could not be made: its answer is a page too.
#[derive(Debug)]
pub(crate) struct Failure(Problem);

#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage<'a> {
    shell: Shell,
    heading: &'static str,
    detail: &'a str,
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.into())
    }
}

impl From<crisp_storage::Error> for Failure {
    fn from(error: crisp_storage::Error) -> Self {
        Self(error.into())
    }
}

impl Failure {
    /// The answer for what is not there, or somebody else's.
    pub(crate) fn not_found() -> Self {
        Self(Problem::not_found())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let heading = heading(self.0.code());
        let page = FailurePage { shell: Shell::stranger(heading), heading, detail: self.0.detail() };
        page_with(self.0.status(), &page)
    }
}

/// What a browser sees when the guard refuses a page: the way to sign in, and back to the page afterwards, or why not.
pub fn page_refusal(problem: Problem, uri: &Uri) -> Response {
    if problem.code() == Code::Unauthenticated {
        return home::sign_in_first(uri);
    }
    Failure(problem).into_response()
}

fn heading(code: Code) -> &'static str {
    match code.as_str() {
        "not_found" => "There is nothing here",
        "permission_missing" => "This page is not for you",
        "cross_origin" => "That came from another site",
        "overloaded" | "unavailable" | "timed_out" => "One moment, please",
        "crisp_unavailable" => "Crisp cannot be reached",
        "not_connected" => "Crisp is not connected",
        "not_imported" => "Nothing is imported yet",
        "validation_failed" | "malformed_request" => "That address cannot be right",
        "internal" => "Something went wrong on our side",
        _ => "That did not work",
    }
}
