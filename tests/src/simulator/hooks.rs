//! Web hooks: signed as Crisp signs them, delivered in the background, as unreliably as asked for.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::random::Draw;
use super::website::Website;
use super::wire;

mod delivery;
mod signed;

pub(crate) use delivery::deliver;
pub use signed::{SignedHook, signature};

/// How hooks travel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HookOptions {
    /// All chances follow from it.
    pub seed: u64,
    /// Share that never arrives (0 to 1).
    pub drop: f64,
    /// Share that is sent twice.
    pub duplicate: f64,
    /// Every hook sets out so many milliseconds after the change …
    pub delay_ms: u64,
    /// … and up to so many later, so that later ones overtake it.
    pub reorder_ms: u64,
    /// How often a hook that was not answered with 2xx is sent again.
    pub retries: u32,
    /// Pause before the first retry in milliseconds; doubles with each …
    pub backoff_ms: u64,
    /// … up to so many.
    pub longest_backoff_ms: u64,
    /// How many are under way at a time; 1 keeps them in order.
    pub concurrency: usize,
}

impl Default for HookOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            drop: 0.0,
            duplicate: 0.0,
            delay_ms: 0,
            reorder_ms: 0,
            retries: 5,
            backoff_ms: 200,
            longest_backoff_ms: 3_600_000,
            concurrency: 8,
        }
    }
}

/// What became of the hooks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct HookCounts {
    /// Changes that were to be told.
    pub emitted: u64,
    /// Of these, never sent, as the options asked for.
    pub dropped: u64,
    /// Sent twice, as the options asked for.
    pub duplicated: u64,
    /// Answered with 2xx (copies counted).
    pub delivered: u64,
    /// Given up after the last retry.
    pub given_up: u64,
    /// Requests made, retries included.
    pub attempts: u64,
    /// Changes that were to be told, by event.
    pub by_event: BTreeMap<String, u64>,
    /// Answers by status; 0 = no answer.
    pub by_status: BTreeMap<u16, u64>,
}

/// A hook that was never sent, as the options asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LostHook {
    /// What it would have told of.
    pub event: String,
    /// What it would have told.
    pub data: Value,
}

/// The side of the hooks that changes see.
#[derive(Debug)]
pub(crate) struct Hooks {
    outbox: mpsc::UnboundedSender<Parcel>,
    /// How many parcels are not at their end yet.
    pending: watch::Sender<u64>,
    state: Mutex<HookState>,
}

#[derive(Debug, Default)]
struct HookState {
    target: Option<(String, HookOptions)>,
    serial: u64,
    counts: HookCounts,
    lost: Vec<LostHook>,
}

/// One hook on its way.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    due: Instant,
    serial: u64,
    body: String,
    /// How often it was sent already.
    sent: u32,
    options: HookOptions,
}

impl Hooks {
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Parcel>) {
        let (outbox, emitted) = mpsc::unbounded_channel();
        (Self { outbox, pending: watch::Sender::new(0), state: Mutex::default() }, emitted)
    }

    pub(crate) fn aim(&self, target: Option<(String, HookOptions)>) {
        self.lock().target = target;
    }

    pub(crate) fn counts(&self) -> HookCounts {
        self.lock().counts.clone()
    }

    pub(crate) fn lost(&self) -> Vec<LostHook> {
        self.lock().lost.clone()
    }

    pub(crate) async fn idle(&self) {
        // An error would mean that the sender is gone, which is `self`.
        let _ = self.pending.subscribe().wait_for(|pending| *pending == 0).await;
    }

    /// Sends the hook out, unless nobody listens, the website has no plugin, or chance drops it.
    pub(crate) fn emit(&self, website: &Website, event: &str, data: Value, now: i64) {
        let mut state = self.lock();
        let Some((_, options)) = state.target.clone() else { return };
        if !website.is_subscribed() && event != "plugin:subscription:updated" {
            return;
        }
        state.serial += 1;
        state.counts.emitted += 1;
        *state.counts.by_event.entry(event.to_owned()).or_default() += 1;
        let mut draw = Draw::of(options.seed, &[state.serial]);
        if draw.chance(options.drop) {
            state.counts.dropped += 1;
            state.lost.push(LostHook { event: event.to_owned(), data });
            return;
        }
        let copies = 1 + u32::from(draw.chance(options.duplicate));
        state.counts.duplicated += u64::from(copies - 1);
        let body = envelope(website, event, data, now);
        for _ in 0..copies {
            let wait = options.delay_ms + draw.below(options.reorder_ms + 1);
            let due = Instant::now() + Duration::from_millis(wait);
            self.post(Parcel {
                due,
                serial: state.serial,
                body: body.clone(),
                sent: 0,
                options: options.clone(),
            });
        }
    }

    fn post(&self, parcel: Parcel) {
        self.pending.send_modify(|pending| *pending += 1);
        if self.outbox.send(parcel).is_err() {
            self.settle();
        }
    }

    /// One parcel has come to its end.
    fn settle(&self) {
        self.pending.send_modify(|pending| *pending = pending.saturating_sub(1));
    }

    fn target(&self) -> Option<String> {
        self.lock().target.as_ref().map(|(url, _)| url.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HookState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn envelope(website: &Website, event: &str, data: Value, now: i64) -> String {
    let mut told = Map::new();
    told.insert("website_id".to_owned(), website.site.id.to_string().into());
    if let Value::Object(data) = data {
        told.extend(data);
    }
    wire::text(&json!({"website_id": website.site.id, "event": event, "data": told, "timestamp": now}))
}
