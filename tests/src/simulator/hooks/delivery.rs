//! The courier: sends each parcel when it is due, so many at a time, and again where nobody signed for it.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep_until};

use super::{Parcel, SignedHook};
use crate::simulator::shared::Shared;

/// How long Crisp waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// More are never under way, whatever the options say.
const LANES: usize = 256;

/// Delivers what comes out of the channel, until it is dropped.
pub(crate) fn deliver(
    shared: Arc<Shared>,
    emitted: mpsc::UnboundedReceiver<Parcel>,
) -> io::Result<impl Future<Output = ()>> {
    let http = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
    let http = http.build().map_err(io::Error::other)?;
    Ok(Courier { shared, http, waiting: BinaryHeap::new(), lanes: Arc::new(Semaphore::new(LANES)) }
        .work(emitted))
}

struct Courier {
    shared: Arc<Shared>,
    http: reqwest::Client,
    waiting: BinaryHeap<Queued>,
    lanes: Arc<Semaphore>,
}

impl Courier {
    async fn work(mut self, mut emitted: mpsc::UnboundedReceiver<Parcel>) {
        loop {
            let due = self.waiting.peek().map(|Queued(parcel)| parcel.due);
            let next = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                parcel = emitted.recv() => match parcel {
                    Some(parcel) => self.waiting.push(Queued(parcel)),
                    None => return,
                },
                () = next => self.set_out().await,
            }
        }
    }

    async fn set_out(&mut self) {
        let Some(Queued(parcel)) = self.waiting.pop() else { return };
        // A parcel takes so many of the lanes that as many go at a time as its options say.
        let share = LANES / parcel.options.concurrency.clamp(1, LANES);
        let lanes = Arc::clone(&self.lanes).acquire_many_owned(u32::try_from(share).unwrap_or(1)).await;
        let (shared, http) = (Arc::clone(&self.shared), self.http.clone());
        tokio::spawn(async move {
            let status = attempt(&shared, &http, &parcel).await;
            drop(lanes);
            conclude(&shared, parcel, status);
        });
    }
}

/// Sends once; 0 = no answer, `None` = nobody listens any more.
async fn attempt(shared: &Shared, http: &reqwest::Client, parcel: &Parcel) -> Option<u16> {
    let url = shared.hooks.target()?;
    let hook = SignedHook::new(&shared.plugin(), shared.clock.now_ms(), parcel.body.clone());
    let mut request = http.post(url).body(hook.body);
    for (name, value) in hook.headers {
        request = request.header(name, value);
    }
    request = request
        .header("X-Delivery-Attempt-Count", (parcel.sent + 1).to_string())
        .header("X-Delivery-Attempt-Limit", (parcel.options.retries + 1).to_string());
    Some(request.send().await.map_or(0, |response| response.status().as_u16()))
}

/// Counts the attempt, and plans the next one where it failed.
fn conclude(shared: &Shared, mut parcel: Parcel, status: Option<u16>) {
    let hooks = &shared.hooks;
    let mut state = hooks.lock();
    if let Some(status) = status {
        state.counts.attempts += 1;
        *state.counts.by_status.entry(status).or_default() += 1;
    }
    match status {
        Some(200..300) => state.counts.delivered += 1,
        Some(_) if parcel.sent < parcel.options.retries => {
            let pause = parcel.options.backoff_ms.saturating_mul(1 << parcel.sent.min(10));
            let pause = pause.min(parcel.options.longest_backoff_ms);
            parcel.due = Instant::now() + Duration::from_millis(pause);
            parcel.sent += 1;
            hooks.post(parcel);
        }
        Some(_) | None => state.counts.given_up += 1,
    }
    drop(state);
    hooks.settle();
}

/// The earliest first; of two that are due together, the one that set out first.
struct Queued(Parcel);

impl Queued {
    fn rank(&self) -> (Instant, u64) {
        (self.0.due, self.0.serial)
    }
}

impl Ord for Queued {
    fn cmp(&self, other: &Self) -> Ordering {
        other.rank().cmp(&self.rank())
    }
}

impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Queued {}
