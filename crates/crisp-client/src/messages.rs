//! Messages of a conversation: what was said, by whom, and the system's own lines.

use std::collections::HashSet;
use std::fmt;

use serde_json::Value;

use crate::fields::{at, flag, id, integer, milliseconds, text};
use crate::ids::{Fingerprint, SessionId};
use crate::page::{Page, Record, Unreadable, Wire};

/// One message.
#[derive(Clone, PartialEq)]
pub struct Message {
    /// The conversation, where the record says it.
    pub session_id: Option<SessionId>,
    /// The message's id within its conversation.
    pub fingerprint: Fingerprint,
    /// Crisp's `type`: `text`, `file`, `note`, …; empty where Crisp sent none.
    pub kind: String,
    /// Which side wrote it.
    pub from: Option<From>,
    /// Where it came from: `chat`, `email`, `urn:…`.
    pub origin: Option<String>,
    /// The content, whose shape depends on `kind`; null where there is none.
    pub content: Value,
    /// When it was sent, in ms.
    pub timestamp_ms: Option<i64>,
    /// Who wrote it: an operator id, or the session id for visitors. Bots may have none.
    pub user_id: Option<String>,
    /// The writer's name.
    pub nickname: Option<String>,
    /// Whether it was edited after it was sent.
    pub edited: bool,
    /// Whether a machine wrote it.
    pub automated: bool,
    /// The whole message as Crisp sent it.
    pub raw: Value,
}

/// Which side wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum From {
    /// The visitor or customer.
    User,
    /// The website's team.
    Operator,
}

impl Wire for Message {
    const IDENTITY: &'static str = "fingerprint";

    fn read(raw: Value) -> Record<Self> {
        Ok(Self {
            session_id: id(&raw, "session_id"),
            fingerprint: integer(&raw, Self::IDENTITY)
                .map(Fingerprint::new)
                .ok_or_else(Unreadable::identity_missing::<Self>)?,
            kind: text(&raw, "type").unwrap_or_default(),
            from: from(&raw),
            origin: text(&raw, "origin"),
            content: at(&raw, "content").cloned().unwrap_or_default(),
            timestamp_ms: milliseconds(&raw, "timestamp"),
            user_id: text(&raw, "user.user_id"),
            nickname: text(&raw, "user.nickname"),
            edited: flag(&raw, "edited").unwrap_or(false),
            automated: flag(&raw, "automated").unwrap_or(false),
            raw,
        })
    }
}

fn from(raw: &Value) -> Option<From> {
    match at(raw, "from")?.as_str()? {
        "user" => Some(From::User),
        "operator" => Some(From::Operator),
        _ => None,
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("session_id", &self.session_id)
            .field("fingerprint", &self.fingerprint)
            .field("kind", &self.kind)
            .field("from", &self.from)
            .field("timestamp_ms", &self.timestamp_ms)
            .finish_non_exhaustive()
    }
}

/// Which batch of a conversation's messages is wanted. Crisp fixes the size of a batch (about 40) and its order, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selector {
    /// The newest batch.
    Latest,
    /// The batch before this time, in ms.
    Before(i64),
    /// The batch after this time, in ms.
    After(i64),
}

/// Walks a conversation from its newest messages to its oldest: a batch in, the next selector out.
///
/// Crisp's bound is believed to be exclusive, and several messages may share a millisecond. So each step asks for the
/// oldest time seen *plus one*, and only when that brings nothing unseen for the oldest time itself.
#[derive(Debug, Clone, Default)]
pub struct Backwards {
    previous: HashSet<Fingerprint>,
    oldest_ms: Option<i64>,
    stepped_over: bool,
}

impl Backwards {
    /// The selector after this batch, or `None` when the conversation has been read whole.
    pub fn next(&mut self, batch: &Page<Message>) -> Option<Selector> {
        if !batch.more || batch.records.is_empty() {
            return None;
        }
        let readable = || batch.records.iter().filter_map(|record| record.as_ref().ok());
        let fresh = readable().any(|message| !self.previous.contains(&message.fingerprint));
        let oldest = readable().filter_map(|message| message.timestamp_ms).chain(self.oldest_ms).min()?;
        self.previous = readable().map(|message| message.fingerprint).collect();
        self.oldest_ms = Some(oldest);
        let again = !fresh && self.stepped_over;
        self.stepped_over = !fresh;
        match (fresh, again) {
            (true, _) => Some(Selector::Before(oldest.saturating_add(1))),
            (false, false) => Some(Selector::Before(oldest)),
            (false, true) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn batch(messages: &[(i64, i64)], more: bool) -> Page<Message> {
        let read = |&(fingerprint, timestamp): &(i64, i64)| {
            Message::read(json!({"fingerprint": fingerprint, "timestamp": timestamp}))
        };
        Page { records: messages.iter().map(read).collect(), more }
    }

    #[test]
    fn the_dossiers_message_is_read() {
        let raw = json!({"session_id":"S","type":"file","from":"user","origin":"chat","edited":false,
            "content":{"name":"quote.pdf"},"fingerprint":176_722_560_418_342_i64,"timestamp":1_767_225_604_987_i64,
            "user":{"user_id":"S","nickname":"Ana Example"}});
        let read = Message::read(raw).unwrap();
        assert_eq!((read.kind.as_str(), read.from), ("file", Some(From::User)));
        assert_eq!(read.content, json!({"name":"quote.pdf"}));
        assert_eq!(read.user_id.as_deref(), Some("S"));
        assert!(!read.edited && !read.automated);
    }

    #[test]
    fn only_the_fingerprint_is_needed() {
        let odd = json!({"fingerprint":"12","type":7,"from":"bot","content":null,"timestamp":[],"user":"x","edited":"perhaps"});
        let read = Message::read(odd).unwrap();
        assert_eq!(
            (read.fingerprint.get(), read.kind.as_str(), read.from, read.timestamp_ms),
            (12, "", None, None)
        );
        assert_eq!(Message::read(json!({"fingerprint":1.5})).unwrap_err().path, "fingerprint");
    }

    #[test]
    fn debug_shows_no_text_and_no_name() {
        let raw = json!({"fingerprint":1,"content":"my secret","user":{"nickname":"Ana"}});
        let shown = format!("{:?}", Message::read(raw).unwrap());
        assert!(!shown.contains("secret") && !shown.contains("Ana"), "{shown}");
    }

    #[test]
    fn walking_backwards_ends_with_status_200() {
        let mut walk = Backwards::default();
        assert_eq!(walk.next(&batch(&[(3, 30), (4, 40)], true)), Some(Selector::Before(31)));
        assert_eq!(walk.next(&batch(&[(2, 20), (3, 30)], true)), Some(Selector::Before(21)));
        assert_eq!(walk.next(&batch(&[(1, 10), (2, 20)], false)), None);
    }

    #[test]
    fn a_batch_of_one_instant_is_stepped_over_once() {
        let mut walk = Backwards::default();
        let instant = batch(&[(3, 30), (4, 30)], true);
        assert_eq!(walk.next(&instant), Some(Selector::Before(31)));
        assert_eq!(walk.next(&instant), Some(Selector::Before(30)));
        assert_eq!(walk.next(&instant), None);
    }

    #[test]
    fn a_batch_without_any_time_ends_the_walk() {
        let page = Page { records: vec![Message::read(json!({"fingerprint": 1}))], more: true };
        assert_eq!(Backwards::default().next(&page), None);
    }
}
