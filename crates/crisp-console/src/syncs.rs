//! The page of a sync: how it goes while it runs, what it did afterwards.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use crisp_domain::SyncId;
use crisp_http::auth::Caller;
use crisp_http::{AppState, Path};
use crisp_sync::syncs::{self, Messages, SyncKind};
use crisp_sync::{Engine, Refusal};
use uuid::Uuid;

use crate::failure::Failure;
use crate::input::{Form, Of};
use crate::integrations::{self, Head, Tab};
use crate::page::{Section, Shell, page};

mod bars;
pub(crate) mod line;
pub(crate) mod live;
mod progress;

use progress::ProgressPart;

#[derive(Template)]
#[template(path = "sync.html")]
struct SyncPage {
    shell: Shell,
    head: Head,
    progress: ProgressPart,
}

/// The page: right after a reload, because it starts from what is stored.
pub(crate) async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Of(Path(id)): Of<Path<Uuid>>,
) -> Result<Response, Failure> {
    let run = syncs::get(&state.engine, caller.account, id.into()).await?;
    let row = integrations::find(&state, &caller, run.integration_id).await?;
    let progress = ProgressPart::of(&state, &caller, &run).await?;
    let shell = Shell::of(
        &caller,
        Section::Integrations,
        format!("{} · {}", progress.title, integrations::name(&row)),
    );
    let shell = if run.is_under_way() { shell.refreshing(3) } else { shell };
    Ok(page(&SyncPage { shell, head: Head::of(&row, Tab::Syncs), progress }))
}

/// Begins a sync and goes to its page; where one runs already, to that one's.
pub(crate) async fn trigger(
    State(state): State<AppState>,
    caller: Caller,
    Of(Path(id)): Of<Path<Uuid>>,
    form: Form,
) -> Result<Response, Failure> {
    let run = begin(&state.engine, &caller, id, &form).await?;
    Ok(Redirect::to(&format!("/syncs/{run}")).into_response())
}

async fn begin(engine: &Engine, caller: &Caller, integration: Uuid, form: &Form) -> Result<SyncId, Refusal> {
    let kind = if form.text("kind") == "incremental" { SyncKind::Incremental } else { SyncKind::Full };
    let messages = if form.is_ticked("reread_messages") { Messages::All } else { Messages::WhereNew };
    let begun =
        syncs::trigger(engine, caller.account, integration.into(), &caller.subject, kind, messages).await;
    match begun {
        Ok(run) => Ok(run.sync_id()),
        Err(Refusal::SyncInProgress { sync_id }) => Ok(sync_id),
        Err(refusal) => Err(refusal),
    }
}

/// Cancels a sync.
pub(crate) async fn cancel(
    State(state): State<AppState>,
    caller: Caller,
    Of(Path(id)): Of<Path<Uuid>>,
) -> Result<Response, Failure> {
    syncs::cancel(&state.engine, caller.account, id.into(), &caller.subject).await?;
    Ok(Redirect::to(&format!("/syncs/{id}")).into_response())
}
