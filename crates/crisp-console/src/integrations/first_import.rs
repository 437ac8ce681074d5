//! The last step: what the import will cost, and the button that begins it.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use chrono::TimeDelta;
use crisp_http::auth::Caller;
use crisp_http::{AppState, Path, Problem, Query};
use crisp_storage::integrations::IntegrationRow;
use crisp_storage::syncs;
use crisp_sync::{Refusal, forecast as use_case, settings};
use serde::Deserialize;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{Head, Tab, find, name};
use crate::failure::Failure;
use crate::input::Of;
use crate::moment::{Count, Moment, count, counted, counted_rows, left};
use crate::page::{Section, Shell, page};

/// What is done within this needs no date.
const SOON: TimeDelta = TimeDelta::hours(1);

#[derive(Template)]
#[template(path = "first_import.html")]
struct ImportPage {
    shell: Shell,
    head: Head,
    people: bool,
    conversations: bool,
    notes: bool,
    /// Days back, if not everything.
    backfill: Option<String>,
    mapped: String,
    forecast: Option<ForecastPart>,
}

#[derive(Template)]
#[template(path = "_forecast.html")]
struct ForecastPart {
    figures: Option<Figures>,
    problem: Option<String>,
}

struct Figures {
    people: Count,
    conversations: Count,
    matched_percent: String,
    /// What it costs, in one sentence.
    cost: String,
    budget: Option<Budget>,
    /// Where that is not soon.
    done_by: Option<Moment>,
    takes: String,
    fits_today: bool,
}

/// Today's requests: those used, and what the import would take of the rest.
struct Budget {
    limit: u64,
    used: u64,
    /// Used and wanted together, as far as the day has room.
    with_import: u64,
    left: Count,
}

/// Whether the forecast was asked for: it asks Crisp for a few dozen pages.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    forecast: Option<String>,
}

/// The page; with scripts the forecast comes by itself, without them by a link.
pub(crate) async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Of(Path(id)): Of<Path<Uuid>>,
    Of(Query(asked)): Of<Query<Asked>>,
) -> Result<Response, Failure> {
    let row = find(&state, &caller, id).await?;
    if let Some(run) = running(&state, &caller, &row).await? {
        return Ok(Redirect::to(&format!("/syncs/{run}")).into_response());
    }
    let saved = settings::shown(&state.engine, &row)?;
    let forecast = if asked.forecast.is_some() { Some(forecast_of(&state, &caller, id).await) } else { None };
    Ok(page(&ImportPage {
        shell: Shell::of(&caller, Section::Integrations, format!("First import · {}", name(&row))),
        head: Head::of(&row, Tab::Import),
        people: saved.import_people,
        conversations: saved.import_conversations,
        notes: saved.include_notes,
        backfill: saved.backfill_days.map(|days| counted(days.into(), "day", "days")),
        mapped: counted_rows(saved.mapping.rows().len(), "mapped field", "mapped fields"),
        forecast,
    }))
}

/// The sync under way: while one is, there is nothing to begin.
async fn running(state: &AppState, caller: &Caller, row: &IntegrationRow) -> Result<Option<Uuid>, Failure> {
    let mut session = state.database().read_primary(caller.account).await?;
    let run = syncs::find_under_way(&mut session, row.integration_id()).await?;
    session.commit().await?;
    Ok(run.map(|run| run.id))
}

/// The forecast alone.
pub(crate) async fn forecast(
    State(state): State<AppState>,
    caller: Caller,
    Of(Path(id)): Of<Path<Uuid>>,
) -> Result<Response, Failure> {
    find(&state, &caller, id).await?;
    Ok(page(&forecast_of(&state, &caller, id).await))
}

async fn forecast_of(state: &AppState, caller: &Caller, id: Uuid) -> ForecastPart {
    match forecast_aside(state, caller, id).await {
        Ok(forecast) => {
            let limit = state.engine.options().quota.limit.map(|limit| u64::from(limit.get()));
            ForecastPart { figures: Some(figures(&forecast, limit)), problem: None }
        }
        Err(problem) => ForecastPart { figures: None, problem: Some(problem.detail().to_owned()) },
    }
}

/// On a thread of its own: the compiler cannot see that a future which asks Crisp for several things at a time may move
/// between threads (rust-lang/rust#102211).
async fn forecast_aside(state: &AppState, caller: &Caller, id: Uuid) -> Result<use_case::Forecast, Problem> {
    let (engine, account, runtime) = (state.engine.clone(), caller.account, Handle::current());
    let done =
        spawn_blocking(move || runtime.block_on(use_case::forecast(&engine, account, id.into()))).await;
    let outcome: Result<use_case::Forecast, Refusal> = done.map_err(|error| Problem::internal(&error))?;
    outcome.map_err(Problem::from)
}

fn figures(forecast: &use_case::Forecast, limit: Option<u64>) -> Figures {
    let requests = forecast.requests;
    let fits_today = forecast.requests_today_left.is_none_or(|left| requests <= left);
    let takes = forecast.done_by - crisp_http::now();
    let about = counted(count(requests).0, "request", "requests");
    let budget = limit.zip(forecast.requests_today_left).map(|(limit, left)| {
        let used = limit.saturating_sub(left);
        Budget { limit, used, with_import: (used + requests).min(limit), left: count(left) }
    });
    Figures {
        people: count(forecast.people),
        conversations: count(forecast.conversations),
        matched_percent: format!("{:.0}%", forecast.matched_share * 100.0),
        cost: match limit {
            Some(limit) => format!("About {about} of today’s {}", count(limit)),
            None => format!("About {about}"),
        },
        budget,
        done_by: (takes > SOON).then_some(Moment(forecast.done_by)),
        takes: left(takes.max(TimeDelta::seconds(5))),
        fits_today,
    }
}
