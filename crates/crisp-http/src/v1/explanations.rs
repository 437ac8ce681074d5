//! Why a conversation belongs to its contact, or to nobody.

use axum::Json;
use axum::extract::State;
use crisp_matching::Rule;
use crisp_sync::explain::{self, Answer, Candidate, Explained, Reason};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::auth::{Caller, Permission};
use crate::extract::Path;
use crate::problem::Problem;
use crate::routes::{Access, Routes};
use crate::state::AppState;
use crate::time::Time;

pub(super) fn routes() -> Routes<AppState> {
    Routes::new()
        .documented(Access::Permission(Permission::ReadConversations), routes!(of_conversation))
        .documented(Access::Permission(Permission::ManageIntegrations), routes!(of_skipped))
}

/// What was decided last about a conversation, and before.
#[derive(Serialize, ToSchema)]
pub(crate) struct Explanation {
    /// The latest.
    #[serde(flatten)]
    latest: Finding,
    /// Every decision, the latest included, the newest first.
    history: Vec<Finding>,
}

/// A decision, with everything that led to it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Finding {
    /// `matched`, `no_match`, `before_backfill` or `unreadable`.
    #[schema(example = "matched")]
    decision: &'static str,
    /// The contact.
    contact_id: Option<Uuid>,
    /// The rule that found it: `people_id` or `email`.
    #[schema(example = "email")]
    rule: Option<&'static str>,
    /// What was looked at, in the order of the rules: each with its `code` and a sentence in `detail`.
    #[schema(value_type = Vec<Object>)]
    evidence: Vec<Value>,
    /// The contacts that were looked at, the best first: each with its `contact_id`, its `standing` and a sentence.
    #[schema(value_type = Vec<Object>)]
    candidates: Vec<Value>,
    /// What made us decide.
    cause: String,
    /// When.
    decided_at: Time,
}

impl From<Explained> for Finding {
    fn from(explained: Explained) -> Self {
        // Ids and words: there is nothing in them that JSON cannot hold.
        let evidence = |reason: Reason| serde_json::to_value(reason).unwrap_or_default();
        let candidate = |candidate: Candidate| serde_json::to_value(candidate).unwrap_or_default();
        Self {
            decision: word(explained.decision),
            contact_id: explained.contact_id.map(Uuid::from),
            rule: explained.rule.map(Rule::as_str),
            evidence: explained.evidence.into_iter().map(evidence).collect(),
            candidates: explained.candidates.into_iter().map(candidate).collect(),
            cause: explained.cause,
            decided_at: Time(explained.decided_at),
        }
    }
}

impl From<explain::Explanation> for Explanation {
    fn from(explanation: explain::Explanation) -> Self {
        let history = explanation.history.into_iter().map(Finding::from).collect();
        Self { latest: explanation.latest.into(), history }
    }
}

fn word(answer: Answer) -> &'static str {
    match answer {
        Answer::Matched => "matched",
        Answer::NoMatch => "no_match",
        Answer::BeforeBackfill => "before_backfill",
        Answer::Unreadable => "unreadable",
    }
}

/// Explains why a conversation belongs to its contact.
#[utoipa::path(
    get, path = "/v1/conversations/{id}/explanation", tag = "Conversations", params(("id" = Uuid, Path)),
    responses((status = 200, body = Explanation)),
)]
pub(crate) async fn of_conversation(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Explanation>, Problem> {
    let explanation = explain::conversation(&state.engine, caller.account, id.into()).await?;
    Ok(Json(explanation.into()))
}

/// Explains why a conversation was skipped, by Crisp's session id.
#[utoipa::path(
    get, path = "/v1/integrations/{id}/skipped/{external_id}/explanation", tag = "Skipped",
    params(("id" = Uuid, Path), ("external_id" = String, Path)), responses((status = 200, body = Explanation)),
)]
pub(crate) async fn of_skipped(
    State(state): State<AppState>,
    caller: Caller,
    Path((id, external_id)): Path<(Uuid, String)>,
) -> Result<Json<Explanation>, Problem> {
    let explanation = explain::session(&state.engine, caller.account, id.into(), &external_id).await?;
    Ok(Json(explanation.into()))
}
