//! Conversations, which Crisp also calls sessions.

use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::fields::{as_id, as_text, at, id, integer, milliseconds, told, word};
use crate::ids::{Fingerprint, OperatorId, PeopleId, SessionId};
use crate::page::{Record, Shape, Unreadable, Wire};
use crate::told::Told;

/// A conversation without its messages: a row of the list, or the object of its own route.
#[derive(Clone, PartialEq)]
pub struct Conversation {
    /// The conversation's id.
    pub session_id: SessionId,
    /// The profile it is bound to. Crisp leaves the key out where it is bound to none.
    pub people_id: Told<PeopleId>,
    /// The state, from `state` or else from the numeric `status`.
    pub state: Option<State>,
    /// The operator it is assigned to.
    pub assigned: Told<OperatorId>,
    /// The newest message, from `preview_message`.
    pub preview_fingerprint: Option<Fingerprint>,
    /// The address in the conversation's metadata.
    pub email: Told<String>,
    /// The subject.
    pub subject: Told<String>,
    /// Where it came from: `chat`, `email`, `urn:…`.
    pub origin: Told<String>,
    /// The name in the conversation's metadata.
    pub nickname: Told<String>,
    /// When it began, in ms.
    pub created_at_ms: Option<i64>,
    /// When it changed, in ms. It follows messages; resolving or assigning does not move it.
    pub updated_at_ms: Option<i64>,
    /// Since when the customer waits, in ms; only while they do.
    pub waiting_since_ms: Option<i64>,
    /// The whole conversation as Crisp sent it.
    pub raw: Value,
}

/// What became of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Not yet taken up.
    Pending,
    /// Open.
    Unresolved,
    /// Done, until somebody writes again.
    Resolved,
}

impl State {
    /// Crisp's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Unresolved => "unresolved",
            Self::Resolved => "resolved",
        }
    }

    /// Reads Crisp's word; `None` for any other.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Pending, Self::Unresolved, Self::Resolved].into_iter().find(|state| state.as_str() == word)
    }

    const fn from_status(status: i64) -> Option<Self> {
        match status {
            0 => Some(Self::Pending),
            1 => Some(Self::Unresolved),
            2 => Some(Self::Resolved),
            _ => None,
        }
    }
}

impl Wire for Conversation {
    const IDENTITY: &'static str = "session_id";
    const FIELDS: &'static [(&'static str, Shape)] = &[
        ("people_id", Shape::Text),
        ("state", Shape::Text),
        ("assigned", Shape::Object),
        ("assigned.user_id", Shape::Text),
        ("preview_message", Shape::Object),
        ("preview_message.fingerprint", Shape::Number),
        ("meta", Shape::Object),
        ("meta.email", Shape::Text),
        ("meta.subject", Shape::Text),
        ("meta.origin", Shape::Text),
        ("meta.nickname", Shape::Text),
        ("created_at", Shape::Time),
        ("updated_at", Shape::Time),
    ];

    fn read(raw: Value) -> Record<Self> {
        // What lacks its metadata altogether tells nothing of them: whoever reads it must not forget what is known.
        let of_meta = |key| told(at(&raw, "meta"), key, as_text);
        Ok(Self {
            session_id: id(&raw, Self::IDENTITY).ok_or_else(Unreadable::identity_missing::<Self>)?,
            people_id: told(Some(&raw), "people_id", as_id),
            state: state(&raw),
            assigned: assigned(&raw),
            preview_fingerprint: integer(&raw, "preview_message.fingerprint").map(Fingerprint::new),
            email: of_meta("email"),
            subject: of_meta("subject"),
            origin: of_meta("origin"),
            nickname: of_meta("nickname"),
            created_at_ms: milliseconds(&raw, "created_at"),
            updated_at_ms: milliseconds(&raw, "updated_at"),
            waiting_since_ms: milliseconds(&raw, "waiting_since"),
            raw,
        })
    }
}

/// Nobody is assigned where Crisp says null, or names no operator. Anything else, a missing key too, tells nothing.
fn assigned(raw: &Value) -> Told<OperatorId> {
    match at(raw, "assigned") {
        Some(Value::Null) => Told::Nothing,
        operator => told(operator, "user_id", |id| id.as_str().and(as_id(id))),
    }
}

fn state(raw: &Value) -> Option<State> {
    let word = word(raw, "state").and_then(State::from_word);
    word.or_else(|| integer(raw, "status").and_then(State::from_status))
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation")
            .field("session_id", &self.session_id)
            .field("people_id", &self.people_id)
            .field("state", &self.state)
            .field("updated_at_ms", &self.updated_at_ms)
            .finish_non_exhaustive()
    }
}

/// Which page of the conversation list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationsQuery {
    /// The page, from 1.
    pub page: u32,
    /// Rows on a page; Crisp takes 20 to 50, anything else is brought into that range.
    pub per_page: u8,
    /// Only conversations updated at this instant or later.
    pub date_start: Option<DateTime<Utc>>,
    /// Only conversations updated at this instant or earlier.
    pub date_end: Option<DateTime<Utc>>,
    /// The order, newest first.
    pub order: Order,
    /// Whether conversations without any message are listed too.
    pub include_empty: bool,
}

impl Default for ConversationsQuery {
    fn default() -> Self {
        Self {
            page: 1,
            per_page: 50,
            date_start: None,
            date_end: None,
            order: Order::Updated,
            include_empty: false,
        }
    }
}

/// What the conversation list is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By last update.
    Updated,
    /// By creation.
    Created,
    /// By how long the customer has been waiting.
    Waiting,
}

impl Order {
    /// The flag that asks Crisp for this order.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Updated => "order_date_updated",
            Self::Created => "order_date_created",
            Self::Waiting => "order_date_waiting",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_documented_conversation_is_read() {
        let raw = json!({"session_id":"S","website_id":"W","people_id":"P","state":"unresolved","status":1,
            "preview_message":{"type":"text","fingerprint":176_722_560_418_342_i64},"assigned":{"user_id":"OP"},
            "meta":{"nickname":"Ana Example","email":"ana@northwind.example","phone":"","origin":"chat","subject":"Pricing"},
            "created_at":1_767_220_000_000_i64,"updated_at":1_767_225_604_990_i64,"waiting_since":1_767_225_604_987_i64});
        let read = Conversation::read(raw).unwrap();
        assert_eq!(read.people_id, Told::Value(PeopleId::new("P")));
        assert_eq!(read.state, Some(State::Unresolved));
        assert_eq!(read.assigned, Told::Value(OperatorId::new("OP")));
        assert_eq!(read.preview_fingerprint, Some(Fingerprint::new(176_722_560_418_342)));
        assert_eq!(
            (read.subject, read.origin),
            (Told::Value("Pricing".to_owned()), Told::Value("chat".to_owned()))
        );
        assert_eq!(read.waiting_since_ms, Some(1_767_225_604_987));
    }

    #[test]
    fn the_state_falls_back_on_the_numeric_status() {
        for (raw, expected) in [
            (json!({"session_id":"S","status":0}), Some(State::Pending)),
            (json!({"session_id":"S","state":"","status":"2"}), Some(State::Resolved)),
            (json!({"session_id":"S","state":"archived","status":1}), Some(State::Unresolved)),
            (json!({"session_id":"S","state":7,"status":9}), None),
        ] {
            assert_eq!(Conversation::read(raw).unwrap().state, expected);
        }
    }

    #[test]
    fn nobody_assigned_is_not_the_same_as_unknown() {
        for (raw, expected) in [
            (json!({"session_id":"S"}), Told::Silent),
            (json!({"session_id":"S","assigned":null}), Told::Nothing),
            (json!({"session_id":"S","assigned":{}}), Told::Nothing),
            (json!({"session_id":"S","assigned":{"user_id":null}}), Told::Nothing),
            (json!({"session_id":"S","assigned":7}), Told::Silent),
            (json!({"session_id":"S","assigned":{"user_id":7}}), Told::Silent),
        ] {
            assert_eq!(Conversation::read(raw).unwrap().assigned, expected);
        }
    }

    #[test]
    fn a_row_that_lacks_its_metadata_is_silent_about_them() {
        for meta in [json!(null), json!([]), json!("x"), json!(7)] {
            let read = Conversation::read(json!({"session_id":"S","meta":meta})).unwrap();
            assert_eq!((read.email, read.subject, read.origin, read.nickname), Default::default());
        }
        let read =
            Conversation::read(json!({"session_id":"S","meta":{"email":"","subject":null,"nickname":[1]}}))
                .unwrap();
        assert_eq!((read.email, read.subject, read.origin), (Told::Nothing, Told::Nothing, Told::Nothing));
        assert_eq!(read.nickname, Told::Silent);
    }

    #[test]
    fn a_profile_of_another_type_is_no_word_about_the_profile() {
        for (people_id, expected) in [
            (json!(null), Told::Nothing),
            (json!(""), Told::Nothing),
            (json!([]), Told::Silent),
            (json!({"id": 1}), Told::Silent),
            (json!(12), Told::Value(PeopleId::new("12"))),
        ] {
            assert_eq!(
                Conversation::read(json!({"session_id":"S","people_id":people_id})).unwrap().people_id,
                expected
            );
        }
        assert_eq!(Conversation::read(json!({"session_id":"S"})).unwrap().people_id, Told::Nothing);
    }

    #[test]
    fn debug_shows_no_person() {
        let raw = json!({"session_id":"S","meta":{"email":"ana@northwind.example","nickname":"Ana","subject":"Pricing"}});
        let shown = format!("{:?}", Conversation::read(raw).unwrap());
        assert!(!shown.contains("ana") && !shown.contains("Ana") && !shown.contains("Pricing"), "{shown}");
    }
}
