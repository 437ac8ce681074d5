//! Who connected, changed, triggered, disconnected, and when.

use axum::Json;
use axum::extract::State;
use crisp_domain::IntegrationId;
use crisp_storage::audit::{self, AuditEntry};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::auth::{Caller, Permission};
use crate::extract::Query;
use crate::paging::{List, Paging, PagingParameters};
use crate::problem::Problem;
use crate::routes::{Access, Routes};
use crate::state::AppState;
use crate::time::Time;

pub(super) fn routes() -> Routes<AppState> {
    Routes::new().documented(Access::Permission(Permission::ManageIntegrations), routes!(list))
}

/// One thing that somebody did.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Entry {
    /// Its id.
    id: Uuid,
    /// When.
    at: Time,
    /// Who, as their token names them; `system` for what happened by itself.
    actor: String,
    /// What was done.
    #[schema(example = "integration.connected")]
    action: String,
    /// The integration that it was done to.
    integration_id: Option<Uuid>,
    /// More about it: before and after, where something changed. Secrets do not stand here.
    #[schema(value_type = Object)]
    detail: Value,
}

impl From<AuditEntry> for Entry {
    fn from(entry: AuditEntry) -> Self {
        let AuditEntry { id, at, actor, action, integration_id, detail } = entry;
        Self { id, at: Time(at), actor, action, integration_id, detail }
    }
}

/// Which part of the log.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// What was done to this integration alone.
    integration_id: Option<Uuid>,
}

/// Lists what was done in the account, the newest first.
#[utoipa::path(
    get, path = "/v1/audit", tag = "Audit", params(Filter, PagingParameters),
    responses((status = 200, body = List<Entry>)),
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Query(filter): Query<Filter>,
    paging: Paging<Uuid>,
) -> Result<Json<List<Entry>>, Problem> {
    let mut session = state.look(&caller).await?;
    let integration = filter.integration_id.map(IntegrationId::from);
    let entries = audit::list(&mut session, integration, paging.after, paging.rows_to_read()).await?;
    session.commit().await?;
    Ok(Json(List::of(entries, &paging, |entry| entry.id, Entry::from)))
}
