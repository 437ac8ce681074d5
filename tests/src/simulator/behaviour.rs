//! How the simulated Crisp answers, where docs/crisp-api.md leaves it open or where real life goes wrong.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::faults::FaultRule;

/// The knobs that may be turned while the simulator runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// Messages in one answer.
    pub batch: u32,
    /// Every answer takes at least so long (milliseconds) …
    pub latency_ms: u64,
    /// … and up to so much longer.
    pub latency_jitter_ms: u64,
    /// Whether `timestamp_before` and `timestamp_after` include the bound itself.
    pub timestamp_bounds_inclusive: bool,
    /// Status at the end of the people list.
    pub people_end: ListEnd,
    /// Status at the end of the conversation list.
    pub conversations_end: ListEnd,
    /// Status at the end of the messages.
    pub messages_end: ListEnd,
    /// Whether `sort_field=updated_at` works on people, or is silently ignored.
    pub people_sort_by_updated_at: bool,
    /// Parameters of queries that are silently ignored, such as `filter_date_start`.
    pub ignored_params: BTreeSet<String>,
    /// Lists show the world as it was so many milliseconds ago.
    pub list_lag_ms: u64,
    /// Scopes that the token lacks, such as `website:people:profiles`: 403 `not_allowed`.
    pub missing_scopes: BTreeSet<String>,
    /// Whether answers are gzipped for those who accept it.
    pub gzip: bool,
    /// Limit of requests, if any.
    pub quota: Option<Quota>,
    /// What goes wrong.
    pub faults: Vec<FaultRule>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            batch: 40,
            latency_ms: 0,
            latency_jitter_ms: 0,
            timestamp_bounds_inclusive: false,
            people_end: ListEnd::Exact,
            conversations_end: ListEnd::Exact,
            messages_end: ListEnd::Exact,
            people_sort_by_updated_at: true,
            ignored_params: BTreeSet::new(),
            list_lag_ms: 0,
            missing_scopes: BTreeSet::new(),
            gzip: false,
            quota: None,
            faults: Vec::new(),
        }
    }
}

/// What a list answers at its end: 206 is "there is more".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListEnd {
    /// 206 exactly while there is more.
    #[default]
    Exact,
    /// 206 on every page that holds something; only an empty page says 200.
    EmptyPageEnds,
    /// 206 always, on empty pages too.
    AlwaysMore,
    /// 200 always, even where there is more.
    NeverMore,
}

impl ListEnd {
    pub(crate) fn says_more(self, more: bool, empty: bool) -> bool {
        match self {
            Self::Exact => more,
            Self::EmptyPageEnds => !empty,
            Self::AlwaysMore => true,
            Self::NeverMore => false,
        }
    }
}

/// At most `requests` in any `window_ms` milliseconds; what comes beyond is refused and recorded as an overrun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Requests admitted in a window.
    pub requests: u64,
    /// Length of the sliding window.
    pub window_ms: u64,
    /// Status of a refusal: 429, or 420.
    pub status: u16,
    /// Whether a refusal says `Retry-After`.
    pub retry_after: RetryAfter,
}

impl Quota {
    /// So many requests in any so many milliseconds; refusals are plain 429.
    pub fn of(requests: u64, window_ms: u64) -> Self {
        Self { requests, window_ms, status: 429, retry_after: RetryAfter::Absent }
    }
}

/// Form of the `Retry-After` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// No header.
    #[default]
    Absent,
    /// A number of seconds.
    Seconds(u32),
    /// An HTTP date so many seconds ahead.
    Date(u32),
}
