//! What is true in the simulated Crisp, as plain values: people, conversations, messages, operators, companies.
//!
//! These are the simulator's own words for Crisp's things. What goes over the wire is made from them in [`super::wire`];
//! where a record is odd on the wire, the truth here is what a forgiving reader gets out of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::oddities::{ConversationOddity, MessageOddity, PersonOddity};

/// One profile of a website.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(missing_docs, reason = "the fields are those of Crisp's profile object, by their names")]
pub struct Person {
    pub people_id: String,
    pub email: Option<String>,
    pub nickname: Option<String>,
    pub phone: Option<String>,
    pub timezone: Option<i64>,
    pub locales: Vec<String>,
    pub employer: Option<String>,
    pub job_title: Option<String>,
    pub country: Option<String>,
    pub region: Option<String>,
    pub city: Option<String>,
    pub company_name: Option<String>,
    pub company_domain: Option<String>,
    pub segments: Vec<String>,
    pub notepad: Option<String>,
    pub score: Option<i64>,
    pub active_now: bool,
    /// Milliseconds, like all times here.
    pub active_last: Option<i64>,
    pub created_at: Option<i64>,
    pub updated_at: Option<i64>,
    /// Custom data: the answer of `people/data/{people_id}`.
    pub data: Map<String, Value>,
    /// False where no reader could make a profile of what is sent: no id, a number out of range, nesting without end.
    pub readable: bool,
    pub(crate) odd: Option<PersonOddity>,
    pub(crate) sorted: Sorted,
}

/// One conversation of a website, without its messages.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(missing_docs, reason = "the fields are those of Crisp's conversation object, by their names")]
pub struct Conversation {
    pub session_id: String,
    pub people_id: Option<String>,
    pub state: State,
    pub email: Option<String>,
    pub nickname: Option<String>,
    pub phone: Option<String>,
    pub subject: Option<String>,
    pub origin: Option<String>,
    /// `user_id` of the operator.
    pub assigned: Option<String>,
    pub segments: Vec<String>,
    pub data: Map<String, Value>,
    pub country: Option<String>,
    pub active_last: Option<i64>,
    pub created_at: Option<i64>,
    pub updated_at: Option<i64>,
    pub waiting_since: Option<i64>,
    /// The newest message, as the list row shows it.
    pub preview: Option<Preview>,
    /// How many messages the conversation holds.
    pub messages: u32,
    /// See [`Person::readable`].
    pub readable: bool,
    pub(crate) odd: Option<ConversationOddity>,
    pub(crate) sorted: Sorted,
}

/// The newest message of a conversation as its list row shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the fields are those of Crisp's preview_message, by their names")]
pub struct Preview {
    pub kind: String,
    pub from: Side,
    pub excerpt: String,
    pub fingerprint: i64,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(missing_docs, reason = "the fields are those of Crisp's message object, by their names")]
pub struct Message {
    pub session_id: String,
    pub fingerprint: i64,
    /// Crisp's `type`: one of the nine, or something nobody has heard of.
    pub kind: String,
    pub from: Option<Side>,
    pub origin: Option<String>,
    pub content: Value,
    pub timestamp: Option<i64>,
    pub user_id: Option<String>,
    pub nickname: Option<String>,
    pub edited: bool,
    pub automated: bool,
    /// See [`Person::readable`].
    pub readable: bool,
    pub(crate) odd: Option<MessageOddity>,
    /// Where it stands in the thread, whatever its timestamp says.
    pub(crate) placed_at: i64,
}

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The visitor.
    #[default]
    User,
    /// The support team.
    Operator,
}

impl Side {
    /// Crisp's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Operator => "operator",
        }
    }
}

/// State of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nobody has looked at it yet.
    #[default]
    Pending,
    /// Somebody is on it.
    Unresolved,
    /// Done.
    Resolved,
}

impl State {
    /// Crisp's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Unresolved => "unresolved",
            Self::Resolved => "resolved",
        }
    }

    /// Crisp's number for it (`status`).
    pub fn status(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Unresolved => 1,
            Self::Resolved => 2,
        }
    }
}

/// A member of the support team.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of Crisp's operator object, by their names")]
pub struct Operator {
    pub user_id: String,
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    pub title: String,
}

/// A company of the customer's own directory (not Crisp's).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Company {
    /// The directory's id of it.
    pub external_id: String,
    /// What people call it.
    pub name: String,
    /// Its mail domain.
    pub domain: String,
}

/// The times by which the lists are sorted, whatever the record itself claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sorted {
    pub(crate) created: i64,
    pub(crate) updated: i64,
}
