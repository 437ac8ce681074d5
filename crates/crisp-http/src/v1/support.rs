//! Support signals of a company, ready for a health score.

use axum::Json;
use axum::extract::State;
use crisp_storage::views::support;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::auth::{Caller, Permission};
use crate::clock;
use crate::extract::Path;
use crate::problem::Problem;
use crate::routes::{Access, Routes};
use crate::state::AppState;

pub(super) fn routes() -> Routes<AppState> {
    Routes::new().documented(Access::Permission(Permission::ReadConversations), routes!(get))
}

/// How much support a company needs and gets.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Support {
    /// Conversations that are not resolved.
    open_conversations: i64,
    /// Those of them whose visitor waits for an answer.
    waiting_on_us: i64,
    /// From a visitor's first message to the first reply, in seconds.
    first_reply_seconds: FirstReply,
    /// Conversations that began in each of the last twelve weeks, the oldest first.
    conversations_per_week: Vec<Week>,
}

/// How long a first reply takes; null: there was none yet.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct FirstReply {
    /// Half of them take at most this long.
    median: Option<f64>,
    /// Nine of ten take at most this long.
    pub p90: Option<f64>,
}

/// A week, and what began in it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Week {
    /// The Monday on which it begins, in UTC.
    #[schema(example = "2026-01-05", format = Date)]
    week: String,
    /// Conversations that began in it.
    count: i64,
}

impl From<support::Support> for Support {
    fn from(support: support::Support) -> Self {
        let week = |week: support::Week| Week { week: week.week.to_string(), count: week.count };
        let support::FirstReply { median, p90 } = support.first_reply_seconds;
        Self {
            open_conversations: support.open_conversations,
            waiting_on_us: support.waiting_on_us,
            first_reply_seconds: FirstReply { median, p90 },
            conversations_per_week: support.conversations_per_week.into_iter().map(week).collect(),
        }
    }
}

/// Shows how much support a company needs and gets.
#[utoipa::path(
    get, path = "/v1/companies/{external_id}/support", tag = "Companies", params(("external_id" = String, Path)),
    responses((status = 200, body = Support)),
)]
pub(crate) async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Path(external_id): Path<String>,
) -> Result<Json<Support>, Problem> {
    let mut session = state.view(&caller).await?;
    let found = support::find(&mut session, &external_id, clock::now()).await?;
    session.commit().await?;
    found.map(|support| Json(support.into())).ok_or_else(Problem::not_found)
}
