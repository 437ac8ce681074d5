//! The first steps: install the plugin, and say which website it is.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use crisp_http::auth::Caller;
use crisp_http::{AppState, Path, Problem, Query};
use crisp_storage::integrations::IntegrationRow;
use crisp_sync::connect;
use serde::Deserialize;
use uuid::Uuid;

use super::{Head, Tab, find, gone, name};
use crate::failure::Failure;
use crate::input::{Form, Of};
use crate::page::{Section, Shell, page_with};

/// Tells htmx to open another page.
const REDIRECT: HeaderName = HeaderName::from_static("hx-redirect");

/// What somebody typed, and what came of it.
#[derive(Debug, Default)]
pub(crate) struct Attempt {
    website_id: String,
    problem: Option<Problem>,
}

#[derive(Template)]
#[template(path = "connect.html")]
struct ConnectPage {
    shell: Shell,
    head: Head,
    install_link: String,
    connection_code: String,
    /// How it came to be disconnected, if it once was connected.
    gone: Option<&'static str>,
    /// Nothing can be connected while imported data is being deleted.
    purging: bool,
    waiting: Waiting,
    typed: String,
    refused: Option<Refused>,
}

/// Why a website could not be connected.
struct Refused {
    code: &'static str,
    detail: String,
}

#[derive(Template)]
#[template(path = "_waiting.html")]
struct Waiting {
    id: Uuid,
    purging: bool,
}

/// What the page that asks has been waiting for.
#[derive(Debug, Deserialize)]
pub(crate) struct Awaited {
    purging: Option<bool>,
}

impl ConnectPage {
    fn is_refused_for(&self, code: &str) -> bool {
        self.refused.as_ref().is_some_and(|refused| refused.code == code)
    }
}

/// The page with both steps.
pub(super) async fn page_of(
    state: &AppState,
    caller: &Caller,
    shell: Shell,
    row: &IntegrationRow,
    attempt: Attempt,
) -> Result<Response, Failure> {
    let id = row.integration_id();
    let install_link = connect::install_link(&state.engine, caller.account, id, &caller.subject).await?;
    let status = attempt.problem.as_ref().map_or(StatusCode::OK, Problem::status);
    let refused =
        attempt.problem.map(|problem| Refused { code: problem.code().as_str(), detail: words_of(&problem) });
    let page = ConnectPage {
        shell,
        head: Head::of(row, Tab::Overview),
        install_link: install_link.as_str().to_owned(),
        connection_code: row.connection_code.clone(),
        gone: gone(row),
        purging: row.purge_requested_at.is_some(),
        waiting: Waiting { id: row.id, purging: row.purge_requested_at.is_some() },
        typed: attempt.website_id,
        refused,
    };
    Ok(page_with(status, &page))
}

/// What is wrong with the one field of the form, else what is wrong at all.
fn words_of(problem: &Problem) -> String {
    problem.errors().first().map_or_else(|| problem.detail().to_owned(), |error| error.detail.clone())
}

/// Whether the plugin has been installed, or the purge is done: htmx asks every few seconds, and is sent on then.
pub(crate) async fn poll(
    State(state): State<AppState>,
    caller: Caller,
    Of(Path(id)): Of<Path<Uuid>>,
    Of(Query(awaited)): Of<Query<Awaited>>,
) -> Result<Response, Failure> {
    let row = find(&state, &caller, id).await?;
    let purging = row.purge_requested_at.is_some();
    if row.is_live() || purging != awaited.purging.unwrap_or_default() {
        return Ok(([(REDIRECT, format!("/integrations/{id}"))], "").into_response());
    }
    // Nothing has changed, so nothing is announced a second time.
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Connects the website whose id was typed.
pub(crate) async fn submit(
    State(state): State<AppState>,
    caller: Caller,
    Of(Path(id)): Of<Path<Uuid>>,
    form: Form,
) -> Result<Response, Failure> {
    let website_id = form.text("website_id").to_owned();
    let tried =
        connect::put_website(&state.engine, caller.account, id.into(), &caller.subject, &website_id).await;
    match tried {
        Ok(row) if row.active_at.is_none() => {
            Ok(Redirect::to(&format!("/integrations/{id}/settings")).into_response())
        }
        Ok(_) => Ok(Redirect::to(&format!("/integrations/{id}")).into_response()),
        Err(refusal) => {
            let problem = Some(Problem::from(refusal));
            let row = find(&state, &caller, id).await?;
            let shell = Shell::of(&caller, Section::Integrations, name(&row));
            page_of(&state, &caller, shell, &row, Attempt { website_id, problem }).await
        }
    }
}
