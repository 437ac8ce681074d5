//! Syncs: triggered, listed, watched, cancelled.

mod body;
mod events;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use crisp_domain::SyncId;
use crisp_storage::syncs::SyncRow;
use crisp_sync::syncs::{self, Messages, SyncKind};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::auth::{Caller, Permission};
use crate::extract::{Body, Path};
use crate::paging::{List, Paging, PagingParameters};
use crate::problem::Problem;
use crate::routes::{Access, Routes};
use crate::state::AppState;
pub(crate) use body::Sync;

pub(super) fn routes() -> Routes<AppState> {
    let manage = Access::Permission(Permission::ManageIntegrations);
    Routes::new()
        .documented(manage, routes!(list, trigger))
        .documented(manage, routes!(get))
        .documented(manage, routes!(events::watch))
        .documented(manage, routes!(cancel))
}

/// Which sync is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedSync {
    /// `full` or `incremental`.
    kind: Kind,
    /// With `full`: reads the messages of every matched conversation again. It costs what a first import costs.
    #[serde(default)]
    reread_messages: bool,
}

/// What kind of sync can be triggered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Full,
    Incremental,
}

impl WantedSync {
    fn kind_and_messages(&self) -> Result<(SyncKind, Messages), Problem> {
        match (self.kind, self.reread_messages) {
            (Kind::Full, true) => Ok((SyncKind::Full, Messages::All)),
            (Kind::Full, false) => Ok((SyncKind::Full, Messages::WhereNew)),
            (Kind::Incremental, false) => Ok((SyncKind::Incremental, Messages::WhereNew)),
            (Kind::Incremental, true) => {
                Err(Problem::of_field("reread_messages", "invalid", "goes with the kind `full` only"))
            }
        }
    }
}

/// Triggers a sync; a worker takes it up within moments.
#[utoipa::path(
    post, path = "/v1/integrations/{id}/syncs", tag = "Syncs", params(("id" = Uuid, Path)),
    request_body = WantedSync,
    responses(
        (status = 202, body = Sync),
        (status = 409, description = "`sync_in_progress`, with `sync_id`; `not_connected`; `needs_attention`, and Crisp is asked again; `not_imported`."),
    ),
)]
pub(crate) async fn trigger(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(wanted): Body<WantedSync>,
) -> Result<(StatusCode, Json<Sync>), Problem> {
    let (kind, messages) = wanted.kind_and_messages()?;
    let (account, actor) = (caller.account, &caller.subject);
    let row = syncs::trigger(&state.engine, account, id.into(), actor, kind, messages).await?;
    Ok((StatusCode::ACCEPTED, Json(row.into())))
}

/// Lists the syncs of an integration, the newest first.
#[utoipa::path(
    get, path = "/v1/integrations/{id}/syncs", tag = "Syncs", params(("id" = Uuid, Path), PagingParameters),
    responses((status = 200, body = List<Sync>)),
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    paging: Paging<Uuid>,
) -> Result<Json<List<Sync>>, Problem> {
    let (account, rows) = (caller.account, paging.rows_to_read());
    let rows = syncs::list(&state.engine, account, id.into(), paging.after, rows).await?;
    Ok(Json(List::of(rows, &paging, |row| row.id, Sync::from)))
}

/// Shows a sync.
#[utoipa::path(
    get, path = "/v1/syncs/{id}", tag = "Syncs", params(("id" = Uuid, Path)),
    responses((status = 200, body = Sync)),
)]
pub(crate) async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Sync>, Problem> {
    Ok(Json(find(&state, &caller, id.into()).await?.into()))
}

/// Cancels a sync: one that waits ends at once, one that runs at its next step. What it committed stays.
#[utoipa::path(
    post, path = "/v1/syncs/{id}/cancel", tag = "Syncs", params(("id" = Uuid, Path)),
    responses((status = 200, description = "As it is now; one that runs ends a moment later.", body = Sync)),
)]
pub(crate) async fn cancel(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Sync>, Problem> {
    let row = syncs::cancel(&state.engine, caller.account, id.into(), &caller.subject).await?;
    Ok(Json(row.into()))
}

async fn find(state: &AppState, caller: &Caller, id: SyncId) -> Result<SyncRow, Problem> {
    Ok(syncs::get(&state.engine, caller.account, id).await?)
}
