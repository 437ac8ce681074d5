//! A conversation before and after a step, and what a step's changes add up to: pure.

use chrono::{DateTime, Utc};
use crisp_storage::conversations::ConversationRow;
use uuid::Uuid;

use crate::observe;

/// A conversation before and after a step.
pub(crate) struct Change {
    pub(crate) before: Option<ConversationRow>,
    pub(crate) row: ConversationRow,
}

impl Change {
    pub(super) fn was_shown(&self) -> bool {
        self.before.as_ref().is_some_and(ConversationRow::is_shown)
    }

    /// Whether nothing differs but which of its messages will be read.
    fn is_only_planned(&self) -> bool {
        let Some(before) = &self.before else { return false };
        let row = &self.row;
        *row == ConversationRow {
            messages_due: row.messages_due,
            messages_urgent: row.messages_urgent,
            messages_reread: row.messages_reread,
            notes_left_out: row.notes_left_out,
            messages_attempts: row.messages_attempts,
            messages_retry_at: row.messages_retry_at,
            ..before.clone()
        }
    }

    pub(super) fn became_hidden(&self) -> bool {
        self.was_shown() && !self.row.is_shown()
    }

    /// The contact that lost it: one that only Crisp brought may have no reason to stay.
    pub(super) fn contact_left(&self) -> Option<Uuid> {
        self.before.as_ref()?.contact_id.filter(|contact| self.row.contact_id != Some(*contact))
    }

    /// Whether a contact or company view has to change: who owns it, whether it is shown, or its place in the order.
    pub(super) fn moves_in_views(&self) -> bool {
        let place = |row: &ConversationRow| (row.contact_id, row.removed_at.is_some(), row.crisp_updated_at);
        self.before.as_ref().map(place) != Some(place(&self.row))
    }
}

/// What a write step did to its conversations.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) unchanged: i64,
    pub(crate) skipped: i64,
    /// Of those skipped: older than the backfill window.
    pub(crate) before_backfill: i64,
    /// Rows that are not as they were, shown or not.
    pub(crate) changed: i64,
    /// What a read shows of shown conversations that hooks should have told of.
    pub(crate) channel: Channel,
}

/// How well hooks have told of what a read shows.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Channel {
    /// Conversations with messages since the bookmark that were known before the read.
    pub(crate) heard: i64,
    /// Conversations whose newest message only the read told of.
    pub(crate) missed: i64,
    /// Conversations with a field that differed although it moves no `updated_at`.
    pub(crate) silent: i64,
}

/// What the changes of a step add up to.
pub(super) fn tally(changes: &[Change]) -> Tally {
    let mut tally = Tally::default();
    for change in changes {
        let shown = change.row.is_shown();
        tally.changed += i64::from(change.before.as_ref() != Some(&change.row));
        match (shown, change.was_shown()) {
            (false, _) if change.row.removed_at.is_none() => {
                tally.skipped += 1;
                let outside = change.row.skip_reason.as_deref() == Some("before_backfill");
                tally.before_backfill += i64::from(outside);
            }
            (true, false) => tally.created += 1,
            (true, true) if change.is_only_planned() => tally.unchanged += 1,
            (true, true) => tally.updated += 1,
            (false, _) => {}
        }
    }
    tally
}

/// A conversation that comes in because its contact did is no news; one that nobody knew of is.
pub(super) fn channel(changes: &[Change], since: DateTime<Utc>) -> Channel {
    let mut channel = Channel::default();
    for change in changes.iter().filter(|change| change.row.is_shown()) {
        let row = &change.row;
        let is_recent = row.newest_fingerprint.is_some() && row.crisp_updated_at > Some(since);
        let told_by_hook = row.messages_hooked_fingerprint == row.newest_fingerprint;
        let Some(before) = &change.before else {
            channel.missed += i64::from(is_recent);
            continue;
        };
        if !before.is_shown() {
            continue;
        }
        if before.newest_fingerprint != row.newest_fingerprint && !told_by_hook {
            channel.missed += 1;
        } else {
            channel.heard += i64::from(is_recent);
        }
        channel.silent += i64::from(observe::differs(before, row));
    }
    channel
}
