//! A sync while it runs, as pieces of its page over server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use askama::Template as _;
use axum::extract::State;
use axum::http::header;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use crisp_http::auth::Caller;
use crisp_http::{AppState, Code, Path, Problem};
use crisp_storage::syncs::SyncRow;
use crisp_sync::syncs;
use futures::stream;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Interval, MissedTickBehavior, interval};
use uuid::Uuid;

use super::progress::ProgressPart;
use crate::failure::Failure;
use crate::input::Of;

/// How often the page is told.
const EVERY: Duration = Duration::from_millis(700);
/// Pages that are told at a time in one process; whoever comes later reloads.
static PLACES: Semaphore = Semaphore::const_new(256);

struct Watched {
    state: AppState,
    caller: Caller,
    run: SyncRow,
    ticks: Interval,
    told: Told,
    _place: SemaphorePermit<'static>,
}

/// How far the telling is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Progress,
    LastProgress,
    End,
}

/// Tells how a sync goes on until it has ended, and then that it has.
pub(crate) async fn watch(
    State(state): State<AppState>,
    caller: Caller,
    Of(Path(id)): Of<Path<Uuid>>,
) -> Result<Response, Failure> {
    let run = syncs::get(&state.engine, caller.account, id.into()).await?;
    let place = PLACES.try_acquire().map_err(|_full| crowded())?;
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let watched = Watched { state: state.clone(), caller, run, ticks, told: Told::Progress, _place: place };
    let events = state.until_shutdown(stream::unfold(watched, Watched::next));
    let told = Sse::new(events).keep_alive(KeepAlive::default());
    // By itself it would say `no-cache`, which lets a cache keep it.
    Ok(([(header::CACHE_CONTROL, "no-store")], told).into_response())
}

fn crowded() -> Failure {
    Problem::new(Code::Overloaded, "Too many pages are watching at once; reload this one to see how it goes.")
        .into()
}

impl Watched {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        match self.told {
            Told::End => return None,
            Told::LastProgress => {
                self.told = Told::End;
                return Some((Ok(Event::default().event("done").data("done")), self));
            }
            Told::Progress => {}
        }
        self.ticks.tick().await;
        // Should the database be away for a moment, what was last seen is told again.
        if let Ok(run) = syncs::get(&self.state.engine, self.caller.account, self.run.sync_id()).await {
            self.run = run;
        }
        if !self.run.is_under_way() {
            self.told = Told::LastProgress;
        }
        let part = ProgressPart::of(&self.state, &self.caller, &self.run).await.ok();
        let html = part.and_then(|part| part.render().ok()).unwrap_or_default();
        Some((Ok(Event::default().data(html.replace('\r', ""))), self))
    }
}
