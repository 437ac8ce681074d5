//! The difference between what a batch lists and what is stored: pure.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use crisp_client::{Fingerprint, Message, Page};
use crisp_domain::{MessageFacts, MessageId, MessageKind, json, text, time};
use crisp_storage::conversations::ConversationRow;
use crisp_storage::messages::MessageRow;
use uuid::Uuid;

use crate::observe::{LAG, lies_ahead};

/// What a batch changes.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) rows: Vec<MessageRow>,
    pub(super) unchanged: i64,
    pub(super) removed: i64,
    /// Something a hook brought a moment ago is not in the list yet: to be looked at again.
    pub(super) lagging: bool,
}

/// What a batch lists.
#[derive(Default)]
pub(super) struct Batch {
    /// What could be read of it, in Crisp's order.
    pub(super) facts: Vec<MessageFacts>,
    /// Every message that it names, also those that could not be read.
    pub(super) listed: HashSet<Fingerprint>,
    /// Whether it holds a record that nobody can name.
    pub(super) has_nameless: bool,
    /// Whether it holds notes, which are not wanted.
    pub(super) leaves_notes_out: bool,
    /// Whether it holds nothing at all.
    pub(super) is_empty: bool,
    /// For messages whose time Crisp does not tell: that of the message before, or else after.
    pub(super) near: HashMap<Fingerprint, DateTime<Utc>>,
}

impl Batch {
    /// The oldest time that Crisp tells.
    pub(super) fn oldest(&self) -> Option<DateTime<Utc>> {
        self.facts.iter().filter_map(|fact| fact.sent_at).min()
    }

    /// The newest time that Crisp tells and that can be true of what was asked at this moment.
    pub(super) fn newest(&self, sent_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.facts.iter().filter_map(|fact| fact.sent_at).filter(|at| !lies_ahead(*at, sent_at)).max()
    }

    /// Takes notes off what is listed.
    pub(super) fn forget_unlisted_notes(&mut self, page: &Page<Message>) {
        for message in page.records.iter().flatten() {
            if MessageKind::from(message.kind.as_str()) == MessageKind::Note {
                self.listed.remove(&message.fingerprint);
            }
        }
    }
}

/// For each message without a time, that of its neighbour: Crisp lists them in order.
pub(super) fn neighbours(facts: &[MessageFacts]) -> HashMap<Fingerprint, DateTime<Utc>> {
    let mut near = HashMap::new();
    for (place, fact) in facts.iter().enumerate().filter(|(_, fact)| fact.sent_at.is_none()) {
        let (before, after) = facts.split_at(place);
        let known = |fact: &MessageFacts| fact.sent_at;
        if let Some(at) = before.iter().rev().find_map(known).or_else(|| after.iter().find_map(known)) {
            near.insert(fact.fingerprint, at);
        }
    }
    near
}

/// The stretch of time in which a batch lists every message there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stretch {
    /// It vouches for none.
    Nothing,
    /// After the first, before the second; both may be open.
    Between { after: Option<DateTime<Utc>>, before: Option<DateTime<Utc>> },
}

impl Stretch {
    pub(super) fn since(after: Option<DateTime<Utc>>, before: Option<DateTime<Utc>>) -> Self {
        Self::Between { after, before }
    }

    /// Whether it is the whole conversation: then even a message whose place in time is unknown must be listed.
    fn is_whole(&self) -> bool {
        *self == Self::Between { after: None, before: None }
    }
}

/// Whose messages a merge is about, and the moments that it needs to know.
pub(super) struct Context {
    /// The conversation's id.
    pub(super) conversation: Uuid,
    /// When the batch was asked for.
    pub(super) sent_at: DateTime<Utc>,
    /// Now.
    pub(super) now: DateTime<Utc>,
    /// What a message is shown under of whose time nothing at all is known: the conversation's beginning.
    pub(super) otherwise: DateTime<Utc>,
}

impl Context {
    pub(super) fn of(row: &ConversationRow, sent_at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let otherwise = row.crisp_created_at.or(row.crisp_updated_at).unwrap_or(now);
        Self { conversation: row.id, sent_at, now, otherwise }
    }
}

/// The difference between what a batch lists and what is stored of that stretch.
pub(super) fn merge(
    batch: &Batch,
    mut stored: BTreeMap<i64, MessageRow>,
    stretch: &Stretch,
    context: &Context,
) -> Changes {
    let mut changes = Changes::default();
    let mut seen = HashSet::with_capacity(batch.facts.len());
    for fact in &batch.facts {
        if !seen.insert(fact.fingerprint) {
            continue;
        }
        let before = stored.remove(&fact.fingerprint.get());
        let near = batch.near.get(&fact.fingerprint).copied().unwrap_or(context.otherwise);
        let next = read_message(before.as_ref(), fact, near, context);
        changes.lagging |=
            before.as_ref().is_some_and(|row| hooked_recently(row, context.sent_at) && differs(row, fact));
        if before.as_ref() == Some(&next) { changes.unchanged += 1 } else { changes.rows.push(next) }
    }
    for (fingerprint, mut row) in stored {
        let proves_nothing = row.sent_at_assumed && !stretch.is_whole();
        let is_listed = batch.listed.contains(&Fingerprint::new(fingerprint));
        if row.removed_at.is_some() || row.sent_at.is_none() || proves_nothing || is_listed {
            continue;
        }
        if hooked_recently(&row, context.sent_at) {
            changes.lagging = true;
            continue;
        }
        bury(&mut row, context.now);
        changes.removed += 1;
        changes.rows.push(row);
    }
    changes
}

fn hooked_recently(row: &MessageRow, sent_at: DateTime<Utc>) -> bool {
    row.content_hooked_at.is_some_and(|hooked_at| hooked_at + LAG > sent_at)
}

fn differs(row: &MessageRow, fact: &MessageFacts) -> bool {
    row.removed_at.is_some() || row.body.as_deref() != Some(text::storable(&fact.body).as_str())
}

/// A stored message after a list told of it. A hook of a moment ago stands against a list that may lag.
fn read_message(
    before: Option<&MessageRow>,
    fact: &MessageFacts,
    near: DateTime<Utc>,
    context: &Context,
) -> MessageRow {
    let mut row = to_row(context.conversation, before, fact, near, context.now);
    let Some(before) = before else { return row };
    // A hook that told of an edit without its content stands against nothing.
    let told = before.body.is_some() || before.removed_at.is_some();
    if hooked_recently(before, context.sent_at) && told {
        row.body.clone_from(&before.body);
        row.content.clone_from(&before.content);
        row.removed_at = before.removed_at;
        row.edited_at = before.edited_at;
    } else if before.sent_at.is_some()
        && before.removed_at.is_none()
        && before.body != row.body
        && row.edited_at.is_none()
        // Stored before redaction was switched on: nobody edited it.
        && fact.redactions.total() == 0
    {
        row.edited_at = Some(context.now);
    }
    row
}

/// A message's row as Crisp has it now; what our side knows beyond that is kept. `near` is where it is shown if nothing
/// tells its time.
pub(crate) fn to_row(
    conversation: Uuid,
    before: Option<&MessageRow>,
    fact: &MessageFacts,
    near: DateTime<Utc>,
    now: DateTime<Utc>,
) -> MessageRow {
    let (sent_at, sent_at_assumed) = time_of(before, fact, near, now);
    let edited_before = before.and_then(|row| row.edited_at);
    MessageRow {
        conversation_id: conversation,
        fingerprint: fact.fingerprint.get(),
        id: before.map_or_else(|| MessageId::new_v7(now).as_uuid(), |row| row.id),
        direction: Some(fact.direction.to_string()),
        internal: fact.internal,
        kind: Some(text::storable(fact.kind.as_str())),
        body: Some(text::storable(&fact.body)),
        content: fact.content.clone().map(json::storable),
        sender_name: fact.sender_name.as_deref().map(text::storable),
        sender_id: fact.sender_id.as_deref().map(text::storable),
        sent_at: Some(sent_at),
        edited_at: edited_before.or(fact.edited.then_some(now)),
        removed_at: None,
        content_stamp_ms: before.and_then(|row| row.content_stamp_ms),
        content_hooked_at: before.and_then(|row| row.content_hooked_at),
        sent_at_assumed,
    }
}

/// A message's time, and whether it is only assumed: what Crisp tells, else what was assumed before (reading again moves
/// nothing), else what the fingerprint tells, else the neighbour's.
fn time_of(
    before: Option<&MessageRow>,
    fact: &MessageFacts,
    near: DateTime<Utc>,
    now: DateTime<Utc>,
) -> (DateTime<Utc>, bool) {
    if let Some(told) = fact.sent_at {
        return (told, false);
    }
    if let Some((stored, assumed)) = before.and_then(|row| Some((row.sent_at?, row.sent_at_assumed))) {
        return (stored, assumed);
    }
    let made = fact.fingerprint.time_ms().and_then(time::from_ms).filter(|made| *made <= now);
    (made.unwrap_or(near), true)
}

/// Makes a message a tombstone.
pub(crate) fn bury(row: &mut MessageRow, at: DateTime<Utc>) {
    row.removed_at = Some(at);
    row.body = None;
    row.content = None;
}

#[cfg(test)]
mod tests;
