//! What a person sees when a page cannot be shown.

use askama::Template;
use axum::response::{IntoResponse, Response};
use crisp_http::auth::{Caller, Permission};
use crisp_http::routes::{PageProblem, RefusedPage};
use crisp_http::{Code, Problem};
use crisp_sync::Refusal;

use crate::home;
use crate::page::{Section, Shell, page_with};

/// A page that could not be made: its answer is a page too.
#[derive(Debug)]
pub(crate) struct Failure(Problem);

#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage<'a> {
    shell: Shell,
    heading: &'static str,
    detail: &'a str,
    back: &'static str,
    way_back: &'static str,
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

/// The guard shows it, because it knows who asks: with the way to where they may go.
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        PageProblem(self.0).into_response()
    }
}

/// What a browser sees in place of a page: the way to sign in, and back to the page afterwards, or why not.
pub fn page_refusal(refused: RefusedPage<'_>) -> Response {
    let problem = refused.problem;
    if problem.code() == Code::Unauthenticated {
        return home::sign_in_first(refused);
    }
    let heading = heading(problem.code());
    let section = section(refused.uri.path());
    let shell = match refused.caller {
        Some(caller) => Shell::of(caller, section, heading),
        None => Shell::stranger(heading),
    };
    let (back, way_back) = way_back(refused.caller, section);
    let page = FailurePage { shell, heading, detail: problem.detail(), back, way_back };
    page_with(problem.status(), &page)
}

fn section(path: &str) -> Section {
    match path.split('/').nth(1) {
        Some("integrations" | "syncs" | "crisp") => Section::Integrations,
        Some("companies") => Section::Companies,
        Some("contacts" | "conversations") => Section::Contacts,
        Some(_) | None => Section::Nowhere,
    }
}

/// The list that the page belongs to, for whoever may see it.
fn way_back(caller: Option<&Caller>, section: Section) -> (&'static str, &'static str) {
    let may = |permission| caller.is_some_and(|caller| caller.may(permission));
    match section {
        Section::Integrations if may(Permission::ManageIntegrations) => {
            ("/integrations", "Back to the integrations")
        }
        Section::Companies if may(Permission::ReadConversations) => ("/companies", "Back to the companies"),
        Section::Contacts if may(Permission::ReadConversations) => ("/contacts", "Back to the contacts"),
        Section::Integrations | Section::Companies | Section::Contacts | Section::Nowhere => {
            ("/", "Back to the console")
        }
    }
}

fn heading(code: Code) -> &'static str {
    match code.as_str() {
        "not_found" => "There is nothing here",
        "method_not_allowed" => "That does not work this way",
        "install_link_invalid" => "This install link is used up",
        "website_already_connected" | "other_website" | "ownership_unproven" => {
            "Crisp could not be connected"
        }
        "purge_under_way" => "Not yet",
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
