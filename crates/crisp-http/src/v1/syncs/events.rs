//! A sync while it runs, as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, Sse};
use crisp_domain::SyncId;
use crisp_storage::syncs::{self, SyncRow};
use futures::{Stream, stream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Interval, MissedTickBehavior, interval};
use uuid::Uuid;

use super::{Sync, find};
use crate::auth::Caller;
use crate::extract::Path;
use crate::problem::{Code, Problem};
use crate::state::AppState;

/// How often the sync is looked at, and told: more than once a second, as the contract wants.
const EVERY: Duration = Duration::from_millis(500);

/// Tells how a sync goes on, twice a second, until it has ended; its last event is final.
#[utoipa::path(
    get, path = "/v1/syncs/{id}/events", tag = "Syncs", params(("id" = Uuid, Path)),
    responses((status = 200, description = "The sync, again and again.", body = Sync, content_type = "text/event-stream")),
)]
pub(crate) async fn watch(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let row = find(&state, &caller, SyncId::from(id)).await?;
    let place = std::sync::Arc::clone(state.streams()).try_acquire_owned().map_err(|_full| crowded())?;
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let watched = Watched { state: state.clone(), caller, row: Some(row), ticks, _place: place };
    Ok(Sse::new(state.until_shutdown(stream::unfold(watched, Watched::next))))
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
    ticks: Interval,
    _place: OwnedSemaphorePermit,
}

impl Watched {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        let seen = self.row.take()?;
        self.ticks.tick().await;
        let row = self.look(seen.sync_id()).await.unwrap_or(seen);
        self.row = row.is_under_way().then(|| row.clone());
        Some((Ok(told(row)), self))
    }

    /// The sync as it is now. Should the database be away for a moment, what was last seen is told again.
    async fn look(&self, id: SyncId) -> Option<SyncRow> {
        let mut session = self.state.database().read_primary(self.caller.account).await.ok()?;
        let row = syncs::find(&mut session, id).await.ok()??;
        session.commit().await.ok()?;
        Some(row)
    }
}

fn told(row: SyncRow) -> Event {
    // A sync is text and numbers; were it ever something that JSON cannot hold, its event would be empty.
    Event::default().json_data(Sync::from(row)).unwrap_or_default()
}
