//! What we keep of a message.

mod kind;

pub use kind::MessageKind;

use std::fmt;

use chrono::{DateTime, Utc};
use crisp_client::messages::From as Side;
use crisp_client::{Fingerprint, Message, SessionId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use strum::{Display, EnumString};

use crate::body::{self, Body};
use crate::discreet::hidden;
use crate::redact::{self, Redactions};
use crate::settings::ImportSettings;
use crate::{text, time};

/// What the ids of conversations, and so of visitors, begin with.
const SESSION_PREFIX: &str = "session_";

/// A message in our words. `Debug` shows neither what was said nor by whom.
#[derive(Clone, PartialEq)]
pub struct MessageFacts {
    /// Crisp's id of it, unique within its conversation.
    pub fingerprint: Fingerprint,
    /// Which way it went.
    pub direction: Direction,
    /// Whether it is for the team's eyes only: a note or an event line. Never shown as a reply.
    pub internal: bool,
    /// What kind of message it is.
    pub kind: MessageKind,
    /// What a person can read of it; see [`body::render`].
    pub body: String,
    /// The structured content as Crisp sent it; `None` for plain text and notes.
    pub content: Option<Value>,
    /// The writer's name.
    pub sender_name: Option<String>,
    /// Who wrote it: an operator id, or the session id for visitors.
    pub sender_id: Option<String>,
    /// When it was sent, where Crisp tells.
    pub sent_at: Option<DateTime<Utc>>,
    /// Whether Crisp says that it was edited.
    pub edited: bool,
    /// What was taken out of body and content.
    pub redactions: Redactions,
}

/// Which way a message went, seen from the customer's side of the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Direction {
    /// From the customer to the team.
    Inbound,
    /// From the team, or from the system.
    Outbound,
}

/// How messages are turned into what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RenderOptions {
    /// Whether cards, IBANs and keys are taken out.
    pub redact: bool,
}

impl From<&ImportSettings> for RenderOptions {
    fn from(settings: &ImportSettings) -> Self {
        Self { redact: settings.redact }
    }
}

impl RenderOptions {
    /// The subject of a conversation as it is stored.
    pub fn subject(&self, subject: &str) -> String {
        if self.redact { redact::redact(subject).0.into_owned() } else { subject.to_owned() }
    }

    /// Turns the content of a message into what is stored of it, and says what was taken out.
    pub fn render(&self, kind: &MessageKind, content: &Value) -> (Body, Redactions) {
        let mut rendered = body::render(kind, content);
        let redactions = if self.redact { redact::redact_body(&mut rendered) } else { Redactions::default() };
        (rendered, redactions)
    }
}

impl MessageFacts {
    /// Reads a message as Crisp sent it. Never fails: what is missing or odd is absent, or read as text.
    pub fn from_wire(message: &Message, options: &RenderOptions) -> Self {
        let kind = MessageKind::told(&message.kind, &message.content);
        let (rendered, redactions) = options.render(&kind, &message.content);
        Self {
            fingerprint: message.fingerprint,
            direction: direction(message, &kind),
            internal: kind.is_internal(),
            kind,
            body: rendered.text,
            content: rendered.content,
            sender_name: message.nickname.as_deref().and_then(text::present),
            sender_id: message.user_id.as_deref().and_then(text::present),
            sent_at: message.timestamp_ms.and_then(time::from_ms),
            edited: message.edited,
            redactions,
        }
    }
}

/// Where Crisp does not say which side wrote: notes, events and machines are ours, and so is who is not the visitor; all
/// else came from the customer.
fn direction(message: &Message, kind: &MessageKind) -> Direction {
    match message.from {
        Some(Side::Operator) => Direction::Outbound,
        None if kind.is_internal() || message.automated || is_by_another(message) => Direction::Outbound,
        Some(Side::User) | None => Direction::Inbound,
    }
}

/// Whether somebody else than the visitor wrote it: a visitor's id is that of the session.
fn is_by_another(message: &Message) -> bool {
    let visitor = message.session_id.as_ref().map(SessionId::as_str);
    let is_visitor = |writer: &str| {
        visitor.map_or_else(|| writer.starts_with(SESSION_PREFIX), |visitor| visitor == writer)
    };
    message.user_id.as_deref().is_some_and(|writer| !is_visitor(writer))
}

impl fmt::Debug for MessageFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageFacts")
            .field("fingerprint", &self.fingerprint)
            .field("direction", &self.direction)
            .field("kind", &self.kind)
            .field("body_bytes", &self.body.len())
            .field("content", &hidden(self.content.as_ref()))
            .field("sent_at", &self.sent_at)
            .field("redactions", &self.redactions)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use crisp_client::Wire;
    use serde_json::json;

    use super::*;

    fn facts(raw: Value, redact: bool) -> MessageFacts {
        MessageFacts::from_wire(&Message::read(raw).unwrap(), &RenderOptions { redact })
    }

    #[test]
    fn a_message_is_read_in_our_words() {
        let raw = json!({"type": "text", "from": "user", "content": "Hello", "fingerprint": 12, "edited": true,
            "timestamp": 1_767_225_604_987_i64, "user": {"user_id": "S", "nickname": "Ana"}});
        let message = facts(raw, false);
        assert_eq!((message.direction, message.internal, message.edited), (Direction::Inbound, false, true));
        assert_eq!((message.body.as_str(), &message.content), ("Hello", &None));
        assert_eq!((message.sender_name.as_deref(), message.sender_id.as_deref()), (Some("Ana"), Some("S")));
        assert_eq!(message.sent_at, time::from_ms(1_767_225_604_987));
    }

    #[test]
    fn notes_and_events_are_internal_and_ours() {
        for (kind, internal) in [("note", true), ("event", true), ("text", false), ("poll", false)] {
            assert_eq!(
                facts(json!({"type": kind, "fingerprint": 1, "from": "operator"}), false).internal,
                internal
            );
        }
        assert_eq!(facts(json!({"type": "note", "fingerprint": 1}), false).direction, Direction::Outbound);
        let bot = json!({"type": "text", "fingerprint": 1, "automated": true});
        assert_eq!(facts(bot, false).direction, Direction::Outbound);
        assert_eq!(facts(json!({"fingerprint": 1}), false).direction, Direction::Inbound);
    }

    #[test]
    fn who_is_not_the_visitor_is_ours_where_crisp_names_no_side() {
        let by = |user_id: &str, session: Value| {
            facts(json!({"fingerprint": 1, "session_id": session, "user": {"user_id": user_id}}), false)
                .direction
        };
        assert_eq!(by("S", json!("S")), Direction::Inbound);
        assert_eq!(by("OP", json!("S")), Direction::Outbound);
        assert_eq!(by("session_1", json!(null)), Direction::Inbound);
        assert_eq!(by("OP", json!(null)), Direction::Outbound);
        let said = json!({"fingerprint": 1, "from": "USER", "session_id": "S", "user": {"user_id": "OP"}});
        assert_eq!(facts(said, false).direction, Direction::Inbound, "what Crisp says counts more");
    }

    #[test]
    fn redaction_reaches_body_and_content_and_is_counted_once() {
        let raw = json!({"type": "field", "fingerprint": 1, "from": "user",
            "content": {"id": "card", "text": "Your card?", "value": "4111 1111 1111 1111", "number": 4_111_111_111_111_111_i64}});
        let kept = facts(raw.clone(), false);
        assert!(kept.body.contains("4111 1111") && kept.redactions.is_empty());
        let redacted = facts(raw, true);
        let content = redacted.content.unwrap();
        assert!(!redacted.body.contains("4111") && !content.to_string().contains("4111"), "{content}");
        assert_eq!(content["text"], "Your card?");
        assert_eq!(redacted.redactions.cards, 2);
    }

    #[test]
    fn debug_shows_no_text_and_no_name() {
        let raw =
            json!({"type": "text", "fingerprint": 1, "content": "my hunter2", "user": {"nickname": "Ana"}});
        let shown = format!("{:?}", facts(raw, false));
        assert!(!shown.contains("hunter2") && !shown.contains("Ana"), "{shown}");
    }
}
