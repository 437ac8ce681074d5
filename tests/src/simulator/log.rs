//! What was asked, when, and how it was answered.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use uuid::Uuid;

use super::route::Kind;

/// One request as it was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Logged {
    /// Milliseconds since the simulator's start.
    pub at_ms: u64,
    /// Which question it was.
    pub kind: Kind,
    /// The website it was about.
    pub website: Option<Uuid>,
    /// The session, people id, email or plugin it was about.
    pub object: Option<String>,
    /// Page, or fingerprint.
    pub detail: Option<String>,
    /// Status of the answer; 0 where the connection was closed without one.
    pub status: u16,
    /// Whether a fault struck it.
    pub faulty: bool,
}

/// Counts over all requests.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Requests {
    /// All requests to the REST API.
    pub total: u64,
    /// By their kind.
    pub by_kind: BTreeMap<Kind, u64>,
    /// By status (0 = closed without an answer).
    pub by_status: BTreeMap<u16, u64>,
    /// By website.
    pub by_website: BTreeMap<Uuid, u64>,
    /// Anything that was not GET or HEAD.
    pub write_attempts: u64,
    /// Requests that came when the quota was spent.
    pub quota_overruns: u64,
    /// The most requests that were admitted in any window of the quota's length.
    pub busiest_window: u64,
}

impl Requests {
    /// How many were of this kind.
    pub fn of(&self, kind: Kind) -> u64 {
        self.by_kind.get(&kind).copied().unwrap_or(0)
    }

    /// How many were answered with this status.
    pub fn with_status(&self, status: u16) -> u64 {
        self.by_status.get(&status).copied().unwrap_or(0)
    }

    /// How many were about this website.
    pub fn about(&self, website: Uuid) -> u64 {
        self.by_website.get(&website).copied().unwrap_or(0)
    }

    pub(crate) fn count(&mut self, entry: &Logged) {
        self.total += 1;
        *self.by_kind.entry(entry.kind).or_default() += 1;
        *self.by_status.entry(entry.status).or_default() += 1;
        if let Some(website) = entry.website {
            *self.by_website.entry(website).or_default() += 1;
        }
        self.write_attempts += u64::from(entry.kind == Kind::Write);
    }
}

/// The log of one simulator.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: Mutex<Vec<Logged>>,
}

impl Log {
    pub(crate) fn record(&self, entry: Logged) {
        self.lock().push(entry);
    }

    pub(crate) fn entries(&self) -> Vec<Logged> {
        self.lock().clone()
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    pub(crate) fn summary(&self) -> Requests {
        let mut requests = Requests::default();
        self.lock().iter().for_each(|entry| requests.count(entry));
        requests
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Logged>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
