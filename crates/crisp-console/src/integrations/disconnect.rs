//! Letting go of a website, with its name typed by whoever means it.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use crisp_http::auth::Caller;
use crisp_http::{AppState, Path};
use crisp_storage::integrations::IntegrationRow;
use crisp_sync::connect::{self, Imported};
use uuid::Uuid;

use super::{Head, Tab, find, is_draft, name};
use crate::failure::Failure;
use crate::input::{Form, Of};
use crate::page::{Section, Shell, page_with};

#[derive(Template)]
#[template(path = "disconnect.html")]
struct DisconnectPage {
    shell: Shell,
    head: Head,
    purges: bool,
    typed: String,
    /// The name was not typed as it is.
    refused: bool,
}

/// What has to be decided.
pub(crate) async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Of(Path(id)): Of<Path<Uuid>>,
) -> Result<Response, Failure> {
    let row = find(&state, &caller, id).await?;
    Ok(shown(&caller, &row, &Form::default(), false))
}

/// Disconnects, if the name is right.
pub(crate) async fn submit(
    State(state): State<AppState>,
    caller: Caller,
    Of(Path(id)): Of<Path<Uuid>>,
    form: Form,
) -> Result<Response, Failure> {
    let row = find(&state, &caller, id).await?;
    if !is_meant(&row, form.text("name")) {
        return Ok(shown(&caller, &row, &form, true));
    }
    let (imported, done) = match form.text("imported") {
        "purge" => (Imported::Purge, "purged"),
        _ => (Imported::Keep, "disconnected"),
    };
    connect::disconnect(&state.engine, caller.account, id.into(), &caller.subject, imported).await?;
    Ok(Redirect::to(&format!("/integrations/{id}?done={done}")).into_response())
}

/// Throws a connection away that was never finished.
pub(crate) async fn discard(
    State(state): State<AppState>,
    caller: Caller,
    Of(Path(id)): Of<Path<Uuid>>,
) -> Result<Response, Failure> {
    let row = find(&state, &caller, id).await?;
    if !is_draft(&row) {
        return Ok(Redirect::to(&format!("/integrations/{id}/disconnect")).into_response());
    }
    connect::disconnect(&state.engine, caller.account, id.into(), &caller.subject, Imported::Keep).await?;
    Ok(Redirect::to("/integrations?done=discarded").into_response())
}

fn is_meant(row: &IntegrationRow, typed: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    plain(typed) == plain(&name(row))
}

fn shown(caller: &Caller, row: &IntegrationRow, form: &Form, refused: bool) -> Response {
    let status = if refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = DisconnectPage {
        shell: Shell::of(caller, Section::Integrations, format!("Disconnect · {}", name(row))),
        head: Head::of(row, Tab::Disconnect),
        purges: form.text("imported") == "purge",
        typed: form.text("name").to_owned(),
        refused,
    };
    page_with(status, &page)
}
