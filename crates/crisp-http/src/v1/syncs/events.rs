//! A sync while it runs, as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use crisp_domain::{AccountId, SyncId};
use crisp_storage::Database;
use crisp_storage::syncs::{self, SyncRow};
use futures::stream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Sync, find};
use crate::auth::Caller;
use crate::extract::Path;
use crate::problem::{Code, Problem};
use crate::state::AppState;

/// How often the sync is looked at, and told: more than once a second, as the contract wants.
const EVERY: Duration = Duration::from_millis(500);
/// How long an event waits for the database. Together with [`EVERY`] less than a second, so that the stream is never
/// silent for longer.
const FOR_THE_DATABASE: Duration = Duration::from_millis(400);

/// One event of the stream.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is its shape that is documented")]
pub(crate) struct SyncEvent {
    /// A `Sync`, as JSON.
    #[schema(content_media_type = "application/json")]
    data: String,
}

/// Tells how a sync goes on, twice a second, until it has ended; its last event is final.
#[utoipa::path(
    get, path = "/v1/syncs/{id}/events", tag = "Syncs", params(("id" = Uuid, Path)),
    responses((status = 200, description = "The sync, again and again.", body = SyncEvent, content_type = "text/event-stream")),
)]
pub(crate) async fn watch(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<impl IntoResponse, Problem> {
    let row = find(&state, &caller, SyncId::from(id)).await?;
    let place = std::sync::Arc::clone(state.streams()).try_acquire_owned().map_err(|_full| crowded())?;
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let watched =
        Watched { state: state.clone(), caller, row: Some(row), looking: None, ticks, _place: place };
    let told = Sse::new(state.until_shutdown(stream::unfold(watched, Watched::next)));
    // By itself it would say `no-cache`, which lets a cache keep it.
    Ok(([(header::CACHE_CONTROL, "no-store")], told))
}

fn crowded() -> Problem {
    Problem::new(Code::Overloaded, "Too many streams of events are open at once; ask for the sync itself.")
        .retry_after(Duration::from_secs(5))
}

/// A sync that somebody watches.
struct Watched {
    state: AppState,
    caller: Caller,
    /// As it was last seen; `None` once its end has been told.
    row: Option<SyncRow>,
    /// A look that took longer than an event could wait.
    looking: Option<JoinHandle<Option<SyncRow>>>,
    ticks: Interval,
    _place: OwnedSemaphorePermit,
}

impl Watched {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        let seen = self.row.take()?;
        self.ticks.tick().await;
        let row = self.news(seen.sync_id()).await.unwrap_or(seen);
        self.row = row.is_under_way().then(|| row.clone());
        Some((Ok(told(row)), self))
    }

    /// The sync as it is now. While the database is away or slow there are no news: what was last seen is told again.
    async fn news(&mut self, id: SyncId) -> Option<SyncRow> {
        let (database, account) = (self.state.database().clone(), self.caller.account);
        let mut looking = self.looking.take().unwrap_or_else(|| tokio::spawn(look(database, account, id)));
        match timeout(FOR_THE_DATABASE, &mut looking).await {
            Ok(looked) => looked.ok().flatten(),
            Err(_elapsed) => {
                self.looking = Some(looking);
                None
            }
        }
    }
}

async fn look(database: Database, account: AccountId, id: SyncId) -> Option<SyncRow> {
    let mut session = database.read_primary(account).await.ok()?;
    let row = syncs::find(&mut session, id).await.ok()??;
    session.commit().await.ok()?;
    Some(row)
}

fn told(row: SyncRow) -> Event {
    // A sync is text and numbers; were it ever something that JSON cannot hold, its event would be empty.
    Event::default().json_data(Sync::from(row)).unwrap_or_default()
}
