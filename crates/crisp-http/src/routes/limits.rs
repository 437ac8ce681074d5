//! How much is done at a time, and how long an answer may take.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::problem::{Code, Problem};
use crate::routes::Lane;

/// How many requests are worked on at a time, lane by lane, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct LimitOptions {
    /// Requests at a time to `/v1`.
    pub api: usize,
    /// Web hooks at a time.
    pub hooks: usize,
    /// Pages at a time.
    pub pages: usize,
    /// How long an answer may take to begin.
    pub answer_within: Duration,
}

impl Default for LimitOptions {
    /// Hooks wait together for one insert, so many of them are cheap; a request to `/v1` holds a connection to the
    /// database for most of its time, and a pool has ten.
    fn default() -> Self {
        Self { api: 256, hooks: 1024, pages: 128, answer_within: Duration::from_secs(30) }
    }
}

/// The places in each lane. Cheap to clone; the clones share the places.
#[derive(Debug, Clone)]
pub struct Limits {
    api: Arc<Semaphore>,
    hooks: Arc<Semaphore>,
    pages: Arc<Semaphore>,
    answer_within: Duration,
    running: TaskTracker,
}

impl Limits {
    /// Empty lanes of these sizes.
    pub fn new(options: LimitOptions) -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        Self {
            api: places(options.api),
            hooks: places(options.hooks),
            pages: places(options.pages),
            answer_within: options.answer_within,
            running: TaskTracker::new(),
        }
    }

    /// Waits until no handler runs any more.
    pub async fn until_idle(&self) {
        self.running.close();
        self.running.wait().await;
    }

    /// Answers the request, unless the lane is full.
    ///
    /// The handler runs in a task of its own, to its end: whoever hangs up or takes too long to be answered does not
    /// stop it half-way through a transaction, and its place is taken until it is really done.
    pub(super) async fn run(&self, lane: Lane, request: Request, next: Next) -> Result<Response, Problem> {
        let Ok(place) = self.place(lane) else { return Err(overloaded(lane)) };
        let handler = async move {
            let _place = place;
            next.run(request).await
        };
        match timeout(self.answer_within, self.running.spawn(handler.in_current_span())).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(_panicked)) => Err(Problem::panicked()),
            Err(_elapsed) => Err(timed_out()),
        }
    }

    fn place(&self, lane: Lane) -> Result<Option<OwnedSemaphorePermit>, tokio::sync::TryAcquireError> {
        let places = match lane {
            Lane::Api => &self.api,
            Lane::Hooks => &self.hooks,
            Lane::Pages => &self.pages,
            Lane::Operations => return Ok(None),
        };
        Arc::clone(places).try_acquire_owned().map(Some)
    }
}

fn overloaded(lane: Lane) -> Problem {
    metrics::counter!("http_requests_shed_total", "lane" => <&'static str>::from(lane)).increment(1);
    let problem =
        Problem::new(Code::Overloaded, "Too much is asked of this server at once; try again in a moment.");
    problem.retry_after(Duration::from_secs(1))
}

fn timed_out() -> Problem {
    let problem =
        Problem::new(Code::TimedOut, "The answer took too long; what was asked for may still be done.");
    problem.retry_after(Duration::from_secs(5))
}
