//! Messages that hooks bring: said, edited, removed, in any order.

use std::collections::{BTreeMap, BTreeSet};

use crisp_client::{Fingerprint, Message};
use crisp_domain::message::MessageKind;
use crisp_domain::{MessageFacts, MessageId, RenderOptions, json, text};
use crisp_storage::hooks::PendingHook;
use crisp_storage::integrations;
use crisp_storage::messages::{self, MessageRow};
use serde_json::Value;
use uuid::Uuid;

use super::apply::Batch;
use crate::error::Error;
use crate::observe::{Stamp, hear_message};
use crate::scope::Scope;
use crate::threads::Change;
use crate::transcript;

/// Rows of messages concerned, by conversation and fingerprint, before and after.
#[derive(Default)]
pub(super) struct Changes {
    rows: BTreeMap<(Uuid, i64), (Option<MessageRow>, MessageRow)>,
    redactions: i64,
}

impl Changes {
    /// Forgets what is about other conversations.
    pub(super) fn keep(&mut self, of: impl Fn(Uuid) -> bool) {
        self.rows.retain(|(conversation, _), _| of(*conversation));
    }
}

/// `message:send`, `message:received`: the payload is the message.
pub(super) async fn said(
    batch: &mut Batch<'_>,
    hook: &PendingHook,
    session: &str,
    message: &Message,
) -> Result<&'static str, Error> {
    let facts = MessageFacts::from_wire(message, &RenderOptions::from(&batch.scope.settings));
    let Some((conversation, shown)) = hear_of(batch, session, &facts, Batch::stamp(hook)) else {
        return Ok("ignored");
    };
    let unwanted = facts.kind == MessageKind::Note && !batch.scope.settings.include_notes;
    if let Some(row) = batch.row_mut(session).filter(|_| unwanted) {
        row.notes_left_out = true;
    }
    if !shown || unwanted {
        return Ok("noted");
    }
    let before = stored(batch, conversation, facts.fingerprint).await?;
    if before.is_none() && is_read_already(batch, session, &facts) {
        return Ok("woke");
    }
    let now = batch.scope.now;
    let mut row = transcript::to_row(conversation, before.as_ref(), &facts, Batch::stamp(hook).crisp_at, now);
    row.content_stamp_ms = Some(Batch::stamp(hook).crisp_at.timestamp_millis());
    row.content_hooked_at = Some(hook.received_at);
    if before.as_ref().is_none_or(|before| before.body != row.body) {
        batch.messages.redactions += i64::from(facts.redactions.total());
    }
    if let Some(before) = before {
        keep_younger(&mut row, &before, RenderOptions::from(&batch.scope.settings));
    }
    put(batch, row);
    Ok("applied")
}

/// Notes on the conversation that something was said. Returns its id, and whether people see it.
fn hear_of(batch: &mut Batch<'_>, session: &str, facts: &MessageFacts, stamp: Stamp) -> Option<(Uuid, bool)> {
    let row = batch.row_mut(session)?;
    hear_message(row, stamp);
    if facts.sent_at >= row.last_message_at.max(row.crisp_updated_at) || row.newest_fingerprint.is_none() {
        row.newest_fingerprint = Some(facts.fingerprint.get());
        row.messages_hooked_fingerprint = Some(facts.fingerprint.get());
    }
    row.crisp_updated_at = super::apply::later(row.crisp_updated_at, facts.sent_at);
    Some((row.id, row.is_shown()))
}

/// Whether a message that is not stored belongs to a stretch that was read from Crisp: then Crisp did not list it, most
/// likely because it is gone, and a late hook must not bring it back. The messages are read again instead.
fn is_read_already(batch: &mut Batch<'_>, session: &str, facts: &MessageFacts) -> bool {
    let Some(row) = batch.row_mut(session) else { return false };
    let sent_at = facts.sent_at.map(|at| at.timestamp_millis());
    let read = sent_at.is_some() && sent_at <= row.messages_read_to_ms;
    if read {
        row.messages_due = true;
        row.messages_urgent = true;
        row.messages_retry_at = None;
    }
    read
}

/// An edit or removal that came before its message stands; so does anything a younger hook said.
fn keep_younger(row: &mut MessageRow, before: &MessageRow, options: RenderOptions) {
    if before.removed_at.is_some() {
        transcript::bury(row, before.removed_at.unwrap_or_default());
        row.content_stamp_ms = before.content_stamp_ms;
        row.content_hooked_at = before.content_hooked_at;
        return;
    }
    if before.content_stamp_ms <= row.content_stamp_ms && before.sent_at.is_none() && before.content.is_none()
    {
        return;
    }
    let early_edit = before.sent_at.is_none();
    if before.content_stamp_ms < row.content_stamp_ms && !early_edit && before.edited_at.is_none() {
        return;
    }
    if let (true, Some(content)) = (early_edit, &before.content) {
        let kind = MessageKind::from(row.kind.as_deref().unwrap_or_default());
        let (body, content, _) = rendered(&kind, content, options);
        row.body = Some(body);
        row.content = content;
    } else if !early_edit {
        row.body.clone_from(&before.body);
        row.content.clone_from(&before.content);
    }
    row.edited_at = before.edited_at;
    row.content_stamp_ms = before.content_stamp_ms;
    row.content_hooked_at = before.content_hooked_at;
}

/// `message:updated`: new content; author and type stay.
pub(super) async fn edited(
    batch: &mut Batch<'_>,
    hook: &PendingHook,
    session: &str,
    fingerprint: Fingerprint,
    content: &Value,
) -> Result<&'static str, Error> {
    let Some((conversation, shown)) = batch.row_mut(session).map(|row| (row.id, row.is_shown())) else {
        return Ok("ignored");
    };
    if !shown {
        return Ok("noted");
    }
    let before = stored(batch, conversation, fingerprint).await?;
    let stamp = Batch::stamp(hook);
    let stamp_ms = stamp.crisp_at.timestamp_millis();
    let stale =
        before.as_ref().is_some_and(|row| row.removed_at.is_some() || row.content_stamp_ms > Some(stamp_ms));
    if stale {
        return Ok("stale");
    }
    let mut row = before.unwrap_or_else(|| placeholder(conversation, fingerprint, batch.scope.now));
    let options = RenderOptions::from(&batch.scope.settings);
    if row.sent_at.is_some() {
        let kind = MessageKind::from(row.kind.as_deref().unwrap_or_default());
        let (body, content, redactions) = rendered(&kind, content, options);
        if row.body.as_ref() != Some(&body) {
            batch.messages.redactions += redactions;
        }
        (row.body, row.content) = (Some(body), content);
    } else if batch.scope.settings.redact || !batch.scope.settings.include_notes {
        // Before its type is known nothing can be redacted, nor told from a note: the transcript is read instead.
        batch.want_messages(session);
    } else {
        row.content = Some(json::storable(content.clone()));
    }
    row.edited_at = Some(stamp.crisp_at);
    row.content_stamp_ms = Some(stamp_ms);
    row.content_hooked_at = Some(hook.received_at);
    put(batch, row);
    Ok("applied")
}

/// `message:removed`: a tombstone, also for a message that has not come yet.
pub(super) async fn removed(
    batch: &mut Batch<'_>,
    hook: &PendingHook,
    session: &str,
    fingerprint: Fingerprint,
) -> Result<&'static str, Error> {
    let Some((conversation, shown)) = batch.row_mut(session).map(|row| (row.id, row.is_shown())) else {
        return Ok("ignored");
    };
    if !shown {
        return Ok("noted");
    }
    let before = stored(batch, conversation, fingerprint).await?;
    let mut row = before.unwrap_or_else(|| placeholder(conversation, fingerprint, batch.scope.now));
    if row.removed_at.is_none() {
        transcript::bury(&mut row, Batch::stamp(hook).crisp_at);
        row.content_stamp_ms = Some(Batch::stamp(hook).crisp_at.timestamp_millis());
        row.content_hooked_at = Some(hook.received_at);
    }
    put(batch, row);
    Ok("applied")
}

fn rendered(kind: &MessageKind, content: &Value, options: RenderOptions) -> (String, Option<Value>, i64) {
    let (rendered, redactions) = options.render(kind, content);
    let redactions = i64::from(redactions.total());
    (text::storable(&rendered.text), rendered.content.map(json::storable), redactions)
}

fn placeholder(
    conversation: Uuid,
    fingerprint: Fingerprint,
    now: chrono::DateTime<chrono::Utc>,
) -> MessageRow {
    MessageRow {
        conversation_id: conversation,
        fingerprint: fingerprint.get(),
        id: MessageId::new_v7(now).as_uuid(),
        direction: None,
        internal: false,
        kind: None,
        body: None,
        content: None,
        sender_name: None,
        sender_id: None,
        sent_at: None,
        edited_at: None,
        removed_at: None,
        content_stamp_ms: None,
        content_hooked_at: None,
        sent_at_assumed: false,
    }
}

async fn stored(
    batch: &mut Batch<'_>,
    conversation: Uuid,
    fingerprint: Fingerprint,
) -> Result<Option<MessageRow>, Error> {
    if let Some((_, row)) = batch.messages.rows.get(&(conversation, fingerprint.get())) {
        return Ok(Some(row.clone()));
    }
    let name = BTreeSet::from([(conversation, fingerprint.get())]);
    Ok(messages::list_named(&mut batch.scope.session, &name).await?.pop())
}

fn put(batch: &mut Batch<'_>, row: MessageRow) {
    let key = (row.conversation_id, row.fingerprint);
    batch.messages.rows.entry(key).and_modify(|(_, after)| *after = row.clone()).or_insert((None, row));
}

/// Saves the messages of the batch and brings their conversations' figures up to date.
pub(super) async fn save(
    scope: &mut Scope,
    changes: &mut Changes,
    conversations: &mut BTreeMap<String, Change>,
) -> Result<(), Error> {
    let rows: Vec<MessageRow> = std::mem::take(&mut changes.rows).into_values().map(|(_, row)| row).collect();
    let concerned: BTreeSet<Uuid> = rows.iter().map(|row| row.conversation_id).collect();
    let concerned: Vec<Uuid> = concerned.into_iter().collect();
    messages::save(&mut scope.session, &rows, scope.now).await?;
    for figures in messages::figures(&mut scope.session, &concerned).await? {
        let mut concerned = conversations.values_mut().map(|change| &mut change.row);
        if let Some(row) = concerned.find(|row| row.id == figures.conversation_id) {
            transcript::put_figures(row, &figures);
        }
    }
    let redactions = std::mem::take(&mut changes.redactions);
    if redactions > 0 {
        let id = scope.id();
        integrations::add_redactions(&mut scope.session, id, redactions).await?;
    }
    Ok(())
}
