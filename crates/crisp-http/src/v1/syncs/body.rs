//! A sync, as the contract writes it.

use crisp_storage::syncs::SyncRow;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::time::Time;

/// A run of a sync: what it is, where it stands, what it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Sync {
    /// Its id.
    id: Uuid,
    /// The integration it syncs.
    integration_id: Uuid,
    /// `full`, `incremental` or `reconcile`.
    #[schema(example = "full")]
    kind: String,
    /// What started it: `first_import`, `manual` or `schedule`.
    #[schema(example = "manual")]
    trigger: String,
    /// Who started it, as their token names them; null for the schedule.
    started_by: Option<String>,
    /// `queued`, `running`, `waiting_for_quota`, `succeeded`, `partial`, `failed` or `cancelled`.
    #[schema(example = "running")]
    state: String,
    /// What it reads now: `people`, `conversations`, `messages`; null when it does not run.
    phase: Option<String>,
    /// Whether it reads the messages of every matched conversation again.
    reread_messages: bool,
    /// When it was asked for.
    queued_at: Time,
    /// When its first step began.
    started_at: Option<Time>,
    /// When it ended, however.
    finished_at: Option<Time>,
    /// When it goes on, while it waits for quota.
    resumes_at: Option<Time>,
    /// When it is expected to end.
    expected_finish_at: Option<Time>,
    /// How much there is to read, as far as Crisp tells.
    expected: Expected,
    /// What became of people.
    people: RecordCounts,
    /// What became of conversations.
    conversations: ConversationCounts,
    /// What became of messages.
    messages: RecordCounts,
    /// Requests to Crisp that it took.
    crisp_requests: i64,
    /// Why it failed, or what keeps it from going on.
    problem: Option<SyncProblem>,
}

/// How much there is to read; null where it is not known yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Expected {
    /// Profiles.
    people: Option<i64>,
    /// Conversations.
    conversations: Option<i64>,
}

/// What became of people or messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct RecordCounts {
    /// Read from Crisp.
    read: i64,
    /// Stored for the first time.
    created: i64,
    /// Stored anew because something changed.
    updated: i64,
    /// As they were.
    unchanged: i64,
    /// Gone in Crisp.
    removed: i64,
    /// Not readable; each is listed as skipped, with the reason `unreadable`.
    failed: i64,
}

/// What became of conversations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ConversationCounts {
    /// Read from Crisp.
    read: i64,
    /// Shown for the first time.
    created: i64,
    /// Shown, and changed.
    updated: i64,
    /// Shown, and as they were.
    unchanged: i64,
    /// Gone in Crisp.
    removed: i64,
    /// Not imported; each is listed as skipped, with its reason.
    skipped: i64,
    /// How many of them for which reason.
    skipped_by_reason: SkippedByReason,
    /// Not readable; each is listed as skipped, with the reason `unreadable`.
    failed: i64,
}

/// Why conversations were not imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct SkippedByReason {
    /// They match no contact yet.
    no_match: i64,
    /// They are older than the backfill window.
    before_backfill: i64,
}

/// Why a sync failed, or what keeps it from going on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct SyncProblem {
    /// What is wrong, for programs.
    code: String,
    /// What is wrong, for people.
    detail: Option<String>,
}

impl From<SyncRow> for Sync {
    fn from(row: SyncRow) -> Self {
        Self {
            expected: Expected { people: row.expected_people, conversations: row.expected_conversations },
            people: people_counts(&row),
            conversations: conversation_counts(&row),
            messages: message_counts(&row),
            id: row.id,
            integration_id: row.integration_id,
            kind: row.kind,
            trigger: row.trigger,
            started_by: row.started_by,
            state: row.state,
            phase: row.phase,
            reread_messages: row.reread_messages,
            queued_at: Time(row.queued_at),
            started_at: row.started_at.map(Time),
            finished_at: row.finished_at.map(Time),
            resumes_at: row.resumes_at.map(Time),
            expected_finish_at: row.expected_finish_at.map(Time),
            crisp_requests: row.crisp_requests,
            problem: row.problem_code.map(|code| SyncProblem { code, detail: row.problem_detail }),
        }
    }
}

fn people_counts(row: &SyncRow) -> RecordCounts {
    RecordCounts {
        read: row.people_read,
        created: row.people_created,
        updated: row.people_updated,
        unchanged: row.people_unchanged,
        removed: row.people_removed,
        failed: row.people_failed,
    }
}

fn conversation_counts(row: &SyncRow) -> ConversationCounts {
    ConversationCounts {
        read: row.conversations_read,
        created: row.conversations_created,
        updated: row.conversations_updated,
        unchanged: row.conversations_unchanged,
        removed: row.conversations_removed,
        skipped: row.conversations_skipped,
        skipped_by_reason: SkippedByReason {
            no_match: row.conversations_skipped - row.conversations_before_backfill,
            before_backfill: row.conversations_before_backfill,
        },
        failed: row.conversations_failed,
    }
}

fn message_counts(row: &SyncRow) -> RecordCounts {
    RecordCounts {
        read: row.messages_read,
        created: row.messages_created,
        updated: row.messages_updated,
        unchanged: row.messages_unchanged,
        removed: row.messages_removed,
        failed: row.messages_failed,
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use crisp_domain::{AccountId, IntegrationId, SyncId};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_sync_is_written_as_in_the_contract() {
        let now = DateTime::from_timestamp_millis(1_767_225_600_000).unwrap();
        let (account, integration, id) =
            (AccountId::new_v7(now), IntegrationId::new_v7(now), SyncId::new_v7(now));
        let mut row = SyncRow::queued((account, integration), id, ("full", "manual"), None, now);
        row.conversations_skipped = 3;
        row.conversations_before_backfill = 1;
        row.expected_people = Some(2000);
        row.problem_code = Some("crisp_unavailable".to_owned());
        let written = serde_json::to_value(Sync::from(row)).unwrap();
        assert_eq!(written["id"], id.to_string());
        assert_eq!(written["expected"], json!({"people": 2000, "conversations": null}));
        assert_eq!(written["conversations"]["skipped"], 3);
        let by_reason = json!({"no_match": 2, "before_backfill": 1});
        assert_eq!(written["conversations"]["skipped_by_reason"], by_reason);
        assert_eq!(
            written["people"],
            json!({"read": 0, "created": 0, "updated": 0, "unchanged": 0, "removed": 0, "failed": 0})
        );
        assert_eq!(written["problem"], json!({"code": "crisp_unavailable", "detail": null}));
        assert_eq!(written["queued_at"], "2026-01-01T00:00:00.000Z");
    }
}
