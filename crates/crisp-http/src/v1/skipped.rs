//! What was read from Crisp and is not shown, each with its reason.

use axum::Json;
use axum::extract::State;
use crisp_storage::views::skipped::{self, Filter, Position, Reason};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use super::integrations;
use crate::auth::{Caller, Permission};
use crate::extract::{Path, Query, filled};
use crate::paging::{List, Paging, PagingParameters};
use crate::problem::Problem;
use crate::routes::{Access, Routes};
use crate::state::AppState;
use crate::time::Time;

pub(super) fn routes() -> Routes<AppState> {
    Routes::new().documented(Access::Permission(Permission::ManageIntegrations), routes!(list))
}

/// Something that is not shown.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct Skipped {
    /// The session id of a conversation, the people id of a profile, or `session_id:fingerprint` of a message.
    external_id: String,
    /// `no_match`, `before_backfill` or `unreadable`.
    #[schema(example = "no_match")]
    reason: String,
    /// The visitor's email address.
    email: Option<String>,
    /// The Crisp profile.
    people_id: Option<String>,
    /// What the conversation is about.
    subject: Option<String>,
    /// When it was last updated in Crisp, or last met where that cannot be read.
    updated_at: Time,
    /// The reason as a sentence.
    detail: String,
}

impl From<skipped::Skipped> for Skipped {
    fn from(skipped: skipped::Skipped) -> Self {
        Self {
            reason: skipped.reason.to_string(),
            external_id: skipped.external_id,
            email: skipped.email,
            people_id: skipped.people_id,
            subject: skipped.subject,
            updated_at: Time(skipped.updated_at),
            detail: skipped.detail,
        }
    }
}

/// Which of them.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// Those with this reason: `no_match`, `before_backfill` or `unreadable`.
    #[param(example = "no_match")]
    reason: Option<String>,
    /// Those whose email address, subject, visitor's name or external id contains this text.
    search: Option<String>,
}

impl Which {
    fn filter(self) -> Result<Filter, Problem> {
        let refused =
            |_| Problem::of_field("reason", "invalid", "is `no_match`, `before_backfill` or `unreadable`");
        let reason = filled(self.reason.as_deref()).map(str::parse::<Reason>).transpose().map_err(refused)?;
        Ok(Filter { reason, search: self.search })
    }
}

/// Lists what was read from Crisp and is not shown, the newest first.
#[utoipa::path(
    get, path = "/v1/integrations/{id}/skipped", tag = "Skipped", params(("id" = Uuid, Path), Which, PagingParameters),
    responses((status = 200, body = List<Skipped>)),
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(which): Query<Which>,
    paging: Paging<Position>,
) -> Result<Json<List<Skipped>>, Problem> {
    let filter = which.filter()?;
    let mut session = state.view(&caller).await?;
    let id = integrations::find(&mut session, id).await?.integration_id();
    let rows = skipped::list(&mut session, id, &filter, paging.after.as_ref(), paging.rows_to_read()).await?;
    session.commit().await?;
    Ok(Json(List::of(rows, &paging, skipped::Skipped::position, Skipped::from)))
}
