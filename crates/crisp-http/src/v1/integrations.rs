//! Connecting Crisp websites, and letting go of them.

mod body;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use crisp_domain::IntegrationId;
use crisp_storage::AccountSession;
use crisp_storage::integrations::{self, IntegrationRow};
use crisp_sync::connect::{self, Imported};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::auth::{Caller, Permission};
use crate::extract::{Body, Path, Query};
use crate::paging::{List, Paging, PagingParameters};
use crate::problem::Problem;
use crate::routes::{Access, Routes};
use crate::state::AppState;
use body::Integration;

pub(super) fn routes() -> Routes<AppState> {
    let manage = Access::Permission(Permission::ManageIntegrations);
    Routes::new()
        .documented(manage, routes!(list, create))
        .documented(manage, routes!(get, delete))
        .documented(manage, routes!(put_website))
}

/// One integration of the caller's, for a handler that needs no more than that it is there.
pub(super) async fn find(session: &mut AccountSession, id: Uuid) -> Result<IntegrationRow, Problem> {
    integrations::find(session, IntegrationId::from(id)).await?.ok_or_else(Problem::not_found)
}

/// What a new integration starts from.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewIntegration {
    /// The website to connect at once, if it was proven before through another integration of the account.
    #[schema(example = "8c842203-7ed8-4e29-a608-7cf78a7d2fcc")]
    website_id: Option<String>,
}

/// Which website to connect.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChosenWebsite {
    /// The website id, or an address of Crisp's dashboard that contains it.
    #[schema(example = "8c842203-7ed8-4e29-a608-7cf78a7d2fcc")]
    website_id: String,
}

/// What becomes of imported data.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Disconnecting {
    /// `keep` (the default) or `purge`.
    #[param(value_type = Option<String>, example = "keep")]
    imported: Option<String>,
}

/// Lists the integrations of the account, the newest first.
#[utoipa::path(
    get, path = "/v1/integrations", tag = "Integrations", params(PagingParameters),
    responses((status = 200, body = List<Integration>)),
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    paging: Paging<Uuid>,
) -> Result<Json<List<Integration>>, Problem> {
    let mut session = state.look(&caller).await?;
    let mut rows = integrations::list(&mut session).await?;
    session.commit().await?;
    rows.retain(|row| paging.after.is_none_or(|last| row.id < last));
    let page = List::of(rows, &paging, |row| row.id, |row| row);
    let mut items = Vec::with_capacity(page.items.len());
    for row in page.items {
        items.push(Integration::show(&state, &caller, row).await?);
    }
    Ok(Json(List { items, next_cursor: page.next_cursor }))
}

/// Makes a new integration: a draft with an install link. Where a website is given that was proven before, through
/// another integration of the account, it is connected at once; else `problem` says what it lacks
/// (`plugin_not_installed`, `ownership_unproven`).
#[utoipa::path(
    post, path = "/v1/integrations", tag = "Integrations", request_body = NewIntegration,
    responses(
        (status = 201, body = Integration),
        (status = 409, description = "`website_already_connected`; nothing was made."),
        (status = 422, description = "`website_id_invalid`, or a field is refused; nothing was made."),
        (status = 429, description = "`too_many_requests`: the account has asked Crisp for as much as one account may for now."),
        (status = 503, description = "`crisp_unavailable`: Crisp could not be asked; or something of ours is away."),
    ),
)]
pub(crate) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Body(new): Body<NewIntegration>,
) -> Result<(StatusCode, Json<Integration>), Problem> {
    let website = new.website_id.as_deref();
    let created = connect::create(&state.engine, caller.account, &caller.subject, website).await?;
    let shown = Integration::show(&state, &caller, created.row).await?;
    Ok((StatusCode::CREATED, Json(shown.with_problem(created.problem))))
}

/// Shows an integration.
#[utoipa::path(
    get, path = "/v1/integrations/{id}", tag = "Integrations", params(("id" = Uuid, Path)),
    responses((status = 200, body = Integration)),
)]
pub(crate) async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Integration>, Problem> {
    let mut session = state.look(&caller).await?;
    let row = find(&mut session, id).await?;
    session.commit().await?;
    Ok(Json(Integration::show(&state, &caller, row).await?))
}

/// Disconnects the website: syncing and web hooks stop at once, and the website is free again.
#[utoipa::path(
    delete, path = "/v1/integrations/{id}", tag = "Integrations", params(("id" = Uuid, Path), Disconnecting),
    responses((status = 204, description = "Disconnected.")),
)]
pub(crate) async fn delete(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(disconnecting): Query<Disconnecting>,
) -> Result<StatusCode, Problem> {
    let imported = imported(disconnecting.imported.as_deref())?;
    connect::disconnect(&state.engine, caller.account, id.into(), &caller.subject, imported).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn imported(word: Option<&str>) -> Result<Imported, Problem> {
    let refused = |_| Problem::of_field("imported", "invalid", "is `keep` or `purge`");
    word.filter(|word| !word.is_empty()).map_or(Ok(Imported::Keep), |word| word.parse().map_err(refused))
}

/// Connects the website whose id was typed, if something proves that it is the account's.
#[utoipa::path(
    put, path = "/v1/integrations/{id}/website", tag = "Integrations", params(("id" = Uuid, Path)),
    request_body = ChosenWebsite,
    responses(
        (status = 200, body = Integration),
        (status = 403, description = "`ownership_unproven`, which says how to prove it; or the permission is missing."),
        (status = 409, description = "`plugin_not_installed`, with `install_url`; `website_already_connected`; `other_website`; `purge_under_way`."),
        (status = 422, description = "`website_id_invalid`, or a field is refused."),
        (status = 429, description = "`too_many_requests`: the account has asked Crisp for as much as one account may for now."),
        (status = 503, description = "`crisp_unavailable`: Crisp could not be asked; or something of ours is away."),
    ),
)]
pub(crate) async fn put_website(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(chosen): Body<ChosenWebsite>,
) -> Result<Json<Integration>, Problem> {
    let (account, actor) = (caller.account, &caller.subject);
    let row = connect::put_website(&state.engine, account, id.into(), actor, &chosen.website_id).await?;
    Ok(Json(Integration::show(&state, &caller, row).await?))
}
