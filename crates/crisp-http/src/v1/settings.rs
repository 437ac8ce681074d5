//! Import settings: read, saved whole, and tried out before they are saved.

use axum::Json;
use axum::extract::State;
use crisp_domain::ImportSettings;
use crisp_storage::integrations::IntegrationRow;
use crisp_sync::Engine;
use crisp_sync::settings;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::auth::{Caller, Permission};
use crate::extract::{Body, Path};
use crate::problem::Problem;
use crate::routes::{Access, Routes};
use crate::state::AppState;

mod preview;

pub(super) fn routes() -> Routes<AppState> {
    let manage = Access::Permission(Permission::ManageIntegrations);
    Routes::new()
        .documented(manage, routes!(get, put))
        .documented(manage, routes!(preview::preview))
        .documented(manage, routes!(preview::source_fields))
}

/// What is imported, and how. An absent field of a request takes its default.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub(crate) struct Settings(ImportSettings);

/// How [`Settings`] are written.
#[derive(ToSchema)]
#[schema(as = Settings)]
#[expect(dead_code, reason = "it is its shape that is documented")]
pub(crate) struct SettingsShape {
    /// Whether people are imported.
    #[schema(default = true)]
    import_people: Option<bool>,
    /// Whether conversations are imported, with their messages.
    #[schema(default = true)]
    import_conversations: Option<bool>,
    /// Whether internal notes are imported.
    #[schema(default = true)]
    include_notes: Option<bool>,
    /// Whether cards, IBANs and keys are taken out of messages and subjects before they are stored.
    #[schema(default = false)]
    redact: Option<bool>,
    /// How many days back the first sync imports conversations; null: all of them.
    #[schema(minimum = 1, maximum = 36_500)]
    backfill_days: Option<u32>,
    /// Seconds between incremental syncs; null: as the service is set up.
    #[schema(minimum = 1, maximum = 604_800)]
    incremental_interval_seconds: Option<u32>,
    /// Which profile field goes to which contact field.
    mapping: Option<Vec<MappingRowShape>>,
}

/// One row of the mapping.
#[derive(ToSchema)]
#[schema(as = MappingRow)]
#[expect(dead_code, reason = "it is its shape that is documented")]
pub(crate) struct MappingRowShape {
    /// A path in the Crisp profile, or `data.<key>`.
    #[schema(example = "person.employment.title")]
    from: String,
    /// `email`, `name`, `phone`, `signed_up_at` or `attributes.<name>`.
    #[schema(example = "attributes.job_title")]
    to: String,
    /// `overwrite`: Crisp wins; `fill_empty`: what is there stays.
    #[schema(example = "overwrite")]
    policy: Option<String>,
}

impl Settings {
    /// As people see them: where an integration has no schedule of its own, with the service's.
    pub(super) fn of(row: &IntegrationRow, engine: &Engine) -> Result<Self, Problem> {
        Ok(Self(settings::shown(engine, row)?))
    }
}

/// Shows the import settings.
#[utoipa::path(
    get, path = "/v1/integrations/{id}/settings", tag = "Settings", params(("id" = Uuid, Path)),
    responses((status = 200, body = SettingsShape)),
)]
pub(crate) async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Settings>, Problem> {
    Ok(Json(Settings(settings::get(&state.engine, caller.account, id.into()).await?)))
}

/// Saves the import settings, all of them or none. A changed mapping is applied to all imported contacts by itself.
#[utoipa::path(
    put, path = "/v1/integrations/{id}/settings", tag = "Settings", params(("id" = Uuid, Path)),
    request_body = SettingsShape, responses((status = 200, body = SettingsShape)),
)]
pub(crate) async fn put(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(given): Body<Value>,
) -> Result<Json<Settings>, Problem> {
    let saved = settings::put(&state.engine, caller.account, id.into(), &caller.subject, given).await?;
    Ok(Json(Settings(saved)))
}
