//! Messages are sent, edited and removed.

use serde_json::{Value, json};

use super::{Change, NoSuch, heal, held_conversation};
use crate::simulator::conversations::preview;
use crate::simulator::messages::fingerprint;
use crate::simulator::records::{Conversation, Message, Side, State};
use crate::simulator::website::Website;

/// A message to send.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of Crisp's message object, by their names")]
pub struct NewMessage {
    pub kind: String,
    pub from: Side,
    pub content: Value,
    /// Which operator writes, counted round and round; of no matter for visitors.
    pub operator: u64,
    pub automated: bool,
}

impl NewMessage {
    /// Plain text.
    pub fn text(from: Side, text: &str) -> Self {
        Self { kind: "text".to_owned(), from, content: text.into(), operator: 0, automated: false }
    }

    /// A note among operators.
    pub fn note(text: &str) -> Self {
        Self { kind: "note".to_owned(), ..Self::text(Side::Operator, text) }
    }

    /// Any type and content.
    pub fn of_kind(kind: &str, from: Side, content: Value) -> Self {
        Self { kind: kind.to_owned(), from, content, operator: 0, automated: kind == "event" }
    }
}

impl Change {
    /// Sends a message, which moves `updated_at`; answers its fingerprint. A visitor's message opens what was resolved.
    pub fn send(&self, session_id: &str, new: NewMessage) -> Result<i64, NoSuch> {
        let website = self.website();
        let mut contents = website.lock();
        let (slot, mut row) = held_conversation(website, &contents, session_id)?;
        let mut thread = contents.thread(&website.site, slot);
        let message = self.written(website, &row, &thread, new);
        let reopened = received(&mut row, &message);
        thread.push(message.clone());
        row.messages = count(&thread);
        contents.put_thread(slot, thread);
        contents.put_conversation(slot, Some(row), self.shared.clock.now_ms());
        let event = if message.from == Some(Side::User) { "message:send" } else { "message:received" };
        self.emit(event, session_id, told(&message));
        if reopened {
            self.emit("session:set_state", session_id, json!({"state": "unresolved"}));
        }
        Ok(message.fingerprint)
    }

    /// Edits a message; moves no `updated_at`.
    pub fn edit(&self, session_id: &str, fingerprint: i64, content: Value) -> Result<(), NoSuch> {
        let told = json!({"fingerprint": fingerprint, "content": content});
        self.rewrite(session_id, "message:updated", told, |thread| {
            let message =
                thread.iter_mut().find(|message| message.fingerprint == fingerprint).ok_or(NoSuch)?;
            heal(message);
            message.content = content;
            message.edited = true;
            Ok(())
        })
    }

    /// Removes a message; moves no `updated_at`.
    pub fn remove(&self, session_id: &str, fingerprint: i64) -> Result<(), NoSuch> {
        self.rewrite(session_id, "message:removed", json!({"fingerprint": fingerprint}), |thread| {
            let before = thread.len();
            thread.retain(|message| message.fingerprint != fingerprint);
            if thread.len() < before { Ok(()) } else { Err(NoSuch) }
        })
    }

    fn rewrite(
        &self,
        session_id: &str,
        event: &str,
        told: Value,
        change: impl FnOnce(&mut Vec<Message>) -> Result<(), NoSuch>,
    ) -> Result<(), NoSuch> {
        let website = self.website();
        let mut contents = website.lock();
        let (slot, mut row) = held_conversation(website, &contents, session_id)?;
        let mut thread = contents.thread(&website.site, slot);
        change(&mut thread)?;
        row.preview = thread.last().map(preview);
        row.messages = count(&thread);
        contents.put_thread(slot, thread);
        contents.put_conversation(slot, Some(row), self.shared.clock.now_ms());
        self.emit(event, session_id, told);
        Ok(())
    }

    fn written(&self, website: &Website, row: &Conversation, thread: &[Message], new: NewMessage) -> Message {
        let newest = thread.last().map_or(0, |message| message.placed_at);
        let stamp = self.shared.clock.stamp().max(newest);
        let by_user = new.from == Side::User;
        let operator = website.site.operator_named(new.operator);
        Message {
            session_id: row.session_id.clone(),
            fingerprint: free_fingerprint(thread, stamp),
            kind: new.kind,
            from: Some(new.from),
            origin: Some("chat".to_owned()),
            content: new.content,
            timestamp: Some(stamp),
            user_id: Some(if by_user { row.session_id.clone() } else { operator.0 }),
            nickname: if by_user { row.nickname.clone() } else { Some(operator.1) },
            edited: false,
            automated: new.automated,
            readable: true,
            odd: None,
            placed_at: stamp,
        }
    }
}

/// What a new message does to its conversation; answers whether it was opened again.
fn received(row: &mut Conversation, message: &Message) -> bool {
    let reopened = message.from == Some(Side::User) && row.state == State::Resolved;
    if reopened {
        row.state = State::Unresolved;
    }
    match message.from {
        Some(Side::User) => row.waiting_since = row.waiting_since.or(message.timestamp),
        _ if message.kind == "note" || message.kind == "event" => {}
        _ => row.waiting_since = None,
    }
    row.preview = Some(preview(message));
    row.updated_at = Some(message.placed_at);
    row.sorted.updated = message.placed_at;
    row.active_last = row.active_last.max(message.timestamp);
    reopened
}

fn free_fingerprint(thread: &[Message], stamp: i64) -> i64 {
    let place = u32::try_from(thread.len()).unwrap_or(0);
    let mut wanted = fingerprint(stamp, place, u64::from(place) * 37 % 100);
    while thread.iter().any(|message| message.fingerprint == wanted) {
        wanted += 1;
    }
    wanted
}

fn told(message: &Message) -> Value {
    json!({
        "type": message.kind, "from": message.from.map(Side::as_str), "origin": message.origin,
        "content": message.content, "stamped": true, "fingerprint": message.fingerprint,
        "timestamp": message.timestamp, "automated": message.automated,
        "user": {"type": "user", "user_id": message.user_id, "nickname": message.nickname},
    })
}

fn count(thread: &[Message]) -> u32 {
    u32::try_from(thread.len()).unwrap_or(u32::MAX)
}
