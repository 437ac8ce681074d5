//! Erasing a person from everything.

use axum::Json;
use axum::extract::State;
use crisp_storage::erasure;
use crisp_sync::erase;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::auth::{Caller, Permission};
use crate::extract::Query;
use crate::problem::Problem;
use crate::routes::{Access, Routes};
use crate::state::AppState;

pub(super) fn routes() -> Routes<AppState> {
    Routes::new().documented(Access::Permission(Permission::WriteDirectory), routes!(erase))
}

/// Whom to erase.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Whom {
    /// The email address.
    #[param(example = "ana@northwind.example")]
    email: String,
}

/// How much was erased.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Receipt {
    /// Contacts.
    contacts: u64,
    /// Crisp profiles.
    profiles: u64,
    /// Conversations that were shown.
    conversations: u64,
    /// Messages in them.
    messages: u64,
    /// Conversations that were listed as skipped.
    skipped: u64,
    /// Stored web hooks.
    hooks: u64,
}

impl From<erasure::Receipt> for Receipt {
    fn from(receipt: erasure::Receipt) -> Self {
        let erasure::Receipt { contacts, profiles, conversations, messages, skipped, hooks } = receipt;
        Self { contacts, profiles, conversations, messages, skipped, hooks }
    }
}

/// Erases a person everywhere, for good: only the directory itself brings them back.
#[utoipa::path(
    delete, path = "/v1/people", tag = "Directory", params(Whom),
    responses((status = 200, description = "What was erased; noughts where there was nobody.", body = Receipt)),
)]
pub(crate) async fn erase(
    State(state): State<AppState>,
    caller: Caller,
    Query(whom): Query<Whom>,
) -> Result<Json<Receipt>, Problem> {
    let receipt = erase::person(&state.engine, caller.account, &caller.subject, &whom.email).await?;
    Ok(Json(receipt.into()))
}
