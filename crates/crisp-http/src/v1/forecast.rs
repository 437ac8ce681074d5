//! What a first import will cost, before it is begun.

use axum::Json;
use axum::extract::State;
use crisp_sync::forecast;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tracing::{Instrument as _, Span};
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
    Routes::new().documented(Access::Permission(Permission::ManageIntegrations), routes!(get))
}

/// What a first import will cost.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Forecast {
    /// Profiles that will be read.
    people: u64,
    /// Conversations that will be looked at.
    conversations: u64,
    /// Share of them, from 0 to 1, that will match a contact.
    matched_share: f64,
    /// Requests to Crisp.
    requests: u64,
    /// Requests that may still be made today, by all accounts together; null: there is no limit.
    requests_today_left: Option<u64>,
    /// When it would be done if it began now.
    done_by: Time,
}

impl From<forecast::Forecast> for Forecast {
    fn from(forecast: forecast::Forecast) -> Self {
        let forecast::Forecast {
            people,
            conversations,
            matched_share,
            requests,
            requests_today_left,
            done_by,
        } = forecast;
        Self { people, conversations, matched_share, requests, requests_today_left, done_by: Time(done_by) }
    }
}

/// Forecasts what a first import by the saved settings will cost. It asks Crisp for a few dozen pages.
#[utoipa::path(
    get, path = "/v1/integrations/{id}/forecast", tag = "Integrations", params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = Forecast),
        (status = 409, description = "`not_connected`"),
        (status = 429, description = "`too_many_requests`: the account has asked Crisp for as much as one account may for now."),
        (status = 503, description = "`crisp_unavailable`: Crisp could not be asked; or something of ours is away."),
    ),
)]
pub(crate) async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Forecast>, Problem> {
    let (engine, account) = (state.engine.clone(), caller.account);
    let forecast = aside(async move || forecast::forecast(&engine, account, id.into()).await).await?;
    Ok(Json(forecast?.into()))
}

/// Runs what asks Crisp for several things at a time on a thread of its own: the compiler cannot see that such a future
/// may move between threads (rust-lang/rust#102211).
async fn aside<T: Send + 'static>(work: impl AsyncFnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let runtime = Handle::current();
    let span = Span::current();
    let done = spawn_blocking(move || runtime.block_on(work().instrument(span))).await;
    done.map_err(|_panicked| Problem::panicked())
}
