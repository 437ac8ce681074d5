//! The help page's troubleshooting, as checks that run by themselves.

use axum::Json;
use axum::extract::State;
use crisp_sync::diagnosis;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::auth::{Caller, Permission};
use crate::extract::Path;
use crate::problem::Problem;
use crate::routes::{Access, Routes};
use crate::state::AppState;

pub(super) fn routes() -> Routes<AppState> {
    Routes::new().documented(Access::Permission(Permission::ManageIntegrations), routes!(get))
}

/// What the checks found.
#[derive(Serialize, ToSchema)]
pub(crate) struct Diagnosis {
    /// In the order in which a person would go through them.
    checks: Vec<Check>,
}

/// What one check found.
#[derive(Serialize, ToSchema)]
pub(crate) struct Check {
    /// Which check.
    #[schema(example = "plugin_installed")]
    code: &'static str,
    /// `ok`, `warning` or `failed`.
    #[schema(example = "ok")]
    state: &'static str,
    /// What was found.
    detail: String,
    /// What to do about it; empty where nothing is to be done.
    what_to_do: String,
}

impl From<diagnosis::Check> for Check {
    fn from(check: diagnosis::Check) -> Self {
        let diagnosis::Check { code, state, detail, what_to_do } = check;
        Self { code, state: state.into(), detail, what_to_do }
    }
}

/// Runs the checks: why contacts, conversations or real-time updates might be missing, and what to do about it.
#[utoipa::path(
    get, path = "/v1/integrations/{id}/diagnosis", tag = "Integrations", params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = Diagnosis),
        (status = 429, description = "`too_many_requests`: the account has asked Crisp for as much as one account may for now."),
    ),
)]
pub(crate) async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Diagnosis>, Problem> {
    let checks = diagnosis::diagnosis(&state.engine, caller.account, id.into()).await?;
    Ok(Json(Diagnosis { checks: checks.into_iter().map(Check::from).collect() }))
}
