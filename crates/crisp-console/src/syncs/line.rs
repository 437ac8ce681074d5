//! A sync on one line of a list.

use chrono::{DateTime, Utc};
use crisp_storage::syncs::SyncRow;
use uuid::Uuid;

use crate::moment::{Count, Moment, span};
use crate::words::{self, Tone};

/// A run, as lists show it.
#[derive(Debug, Clone)]
pub(crate) struct SyncLine {
    pub(crate) id: Uuid,
    pub(crate) title: &'static str,
    pub(crate) by: String,
    pub(crate) state: &'static str,
    pub(crate) tone: Tone,
    pub(crate) is_under_way: bool,
    pub(crate) is_incremental: bool,
    pub(crate) begun: Moment,
    pub(crate) took: Option<String>,
    pub(crate) people: Count,
    pub(crate) conversations: Count,
    pub(crate) messages: Count,
    pub(crate) requests: Count,
    pub(crate) failed: i64,
}

impl SyncLine {
    pub(crate) fn of(run: &SyncRow, now: DateTime<Utc>) -> Self {
        let (state, tone) = words::sync_state(&run.state);
        Self {
            id: run.id,
            title: words::sync_kind(&run.kind, &run.trigger),
            by: by(run),
            state,
            tone,
            is_under_way: run.is_under_way(),
            is_incremental: run.kind == "incremental",
            begun: Moment(run.started_at.unwrap_or(run.queued_at)),
            took: run.started_at.map(|begun| span(run.finished_at.unwrap_or(now) - begun)),
            people: Count(run.people_created + run.people_updated),
            conversations: Count(run.conversations_created + run.conversations_updated),
            messages: Count(run.messages_created + run.messages_updated),
            requests: Count(run.crisp_requests),
            failed: failed(run),
        }
    }
}

/// Who or what started a run.
pub(crate) fn by(run: &SyncRow) -> String {
    run.started_by.clone().unwrap_or_else(|| "the schedule".to_owned())
}

/// Records that could not be read.
pub(crate) fn failed(run: &SyncRow) -> i64 {
    run.people_failed + run.conversations_failed + run.messages_failed
}
