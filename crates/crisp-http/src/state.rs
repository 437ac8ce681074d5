//! What handlers need to do their work.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;
use crisp_storage::{AccountSession, Database};
use crisp_sync::Engine;
use crisp_sync::hooks::HookIntake;
use futures::{Stream, StreamExt as _};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::auth::session::Transport;
use crate::auth::{Caller, Verifier};
use crate::problem::Problem;

/// Streams of events that are open at a time in one process; each asks the database twice a second.
const MOST_STREAMS: usize = 256;

/// What the handlers of this crate share.
#[derive(Debug)]
pub struct Http {
    /// The use cases' common ground.
    pub engine: Engine,
    /// Takes web hooks; without one they are answered with 503, so that Crisp delivers them again.
    pub hooks: Option<HookIntake>,
    /// Verifies the tokens that begin a session in a browser.
    pub verifier: Verifier,
    /// How browsers and Crisp reach us, without a slash at its end unless it has no path.
    pub public_url: Url,
    /// Is cancelled when the process is asked to stop.
    pub shutdown: CancellationToken,
}

impl Http {
    /// The events, until the process is asked to stop: an endless answer would hold the others up.
    pub fn until_shutdown<S: Stream>(&self, events: S) -> impl Stream<Item = S::Item> + use<S> {
        until_cancelled(&self.shutdown, events)
    }

    /// Whether browsers send our cookies over https only.
    pub fn transport(&self) -> Transport {
        if self.public_url.scheme() == "https" { Transport::Https } else { Transport::Http }
    }

    /// The database.
    pub fn database(&self) -> &Database {
        self.engine.database()
    }

    /// A look at the caller's own rows, as of their own last write.
    pub(crate) async fn look(&self, caller: &Caller) -> Result<AccountSession, Problem> {
        Ok(self.database().read_primary(caller.account).await?)
    }

    /// A look at the caller's own rows for a read view, on the replica where there is one.
    pub(crate) async fn view(&self, caller: &Caller) -> Result<AccountSession, Problem> {
        Ok(self.database().read(caller.account).await?)
    }
}

fn until_cancelled<S: Stream>(token: &CancellationToken, events: S) -> impl Stream<Item = S::Item> + use<S> {
    events.take_until(token.clone().cancelled_owned())
}

/// [`Http`], cheap to clone: the state of the routes.
#[derive(Debug, Clone)]
pub struct AppState {
    http: Arc<Http>,
    streams: Arc<Semaphore>,
}

impl AppState {
    /// Shares what handlers need.
    pub fn new(http: Http) -> Self {
        Self { http: Arc::new(http), streams: Arc::new(Semaphore::new(MOST_STREAMS)) }
    }

    /// The places of the event streams that may be open at a time.
    pub(crate) fn streams(&self) -> &Arc<Semaphore> {
        &self.streams
    }
}

impl Deref for AppState {
    type Target = Http;

    fn deref(&self) -> &Http {
        &self.http
    }
}

impl FromRef<AppState> for Engine {
    fn from_ref(state: &AppState) -> Self {
        state.engine.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_endless_answer_ends_when_the_process_is_asked_to_stop() {
        let shutdown = CancellationToken::new();
        let mut events = Box::pin(until_cancelled(&shutdown, futures::stream::pending::<()>()));
        shutdown.cancel();
        assert_eq!(events.next().await, None);
    }
}
