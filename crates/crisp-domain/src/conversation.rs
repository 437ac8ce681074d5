//! What we keep of a conversation.

use std::fmt;

use chrono::{DateTime, Utc};
use crisp_client::{Conversation, Fingerprint, OperatorId, PeopleId, SessionId, State, Told};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString};

use crate::discreet::hidden;
use crate::email::{self, EmailKey};
use crate::{text, time};

/// A conversation in our words, as a list row or a conversation object tells it. Where it is silent, what is known already
/// stays true.
///
/// `Debug` shows ids, status and times; not the person and not the subject.
#[derive(Clone, PartialEq, Eq)]
pub struct ConversationFacts {
    /// Crisp's id of it.
    pub session_id: SessionId,
    /// The profile it is bound to.
    pub people_id: Told<PeopleId>,
    /// Its status, where the record tells; a conversation that nobody has told of yet is [pending](Status::Pending).
    pub status: Option<Status>,
    /// The subject.
    pub subject: Told<String>,
    /// Where it came from: `chat`, `email`, `urn:…`.
    pub origin: Told<String>,
    /// The operator it is assigned to.
    pub assigned: Told<OperatorId>,
    /// The address in its metadata, as it came, without surrounding blanks.
    pub email: Told<String>,
    /// The person's name in its metadata.
    pub nickname: Told<String>,
    /// When it began.
    pub created_at: Option<DateTime<Utc>>,
    /// When it last changed; in Crisp that follows messages.
    pub updated_at: Option<DateTime<Utc>>,
    /// Its newest message, where the record tells.
    pub newest_fingerprint: Option<Fingerprint>,
}

/// What became of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Status {
    /// Not yet taken up. Also what a conversation is whose state Crisp does not tell.
    #[default]
    Pending,
    /// Open.
    Unresolved,
    /// Done, until somebody writes again.
    Resolved,
}

impl From<State> for Status {
    fn from(state: State) -> Self {
        match state {
            State::Pending => Self::Pending,
            State::Unresolved => Self::Unresolved,
            State::Resolved => Self::Resolved,
        }
    }
}

impl ConversationFacts {
    /// Reads a conversation as Crisp sent it. Never fails: what is missing or odd is absent.
    pub fn from_wire(conversation: &Conversation) -> Self {
        let readable = |field: &Told<String>| field.translated(|text| text::present(text));
        Self {
            session_id: conversation.session_id.clone(),
            people_id: conversation.people_id.clone(),
            status: conversation.state.map(Status::from),
            subject: readable(&conversation.subject),
            origin: readable(&conversation.origin),
            assigned: conversation.assigned.clone(),
            email: readable(&conversation.email).translated(|address| text::present(email::trimmed(address))),
            nickname: readable(&conversation.nickname),
            created_at: conversation.created_at_ms.and_then(time::from_ms),
            updated_at: conversation.updated_at_ms.and_then(time::from_ms),
            newest_fingerprint: conversation.preview_fingerprint,
        }
    }

    /// The address in the form in which it is compared; `None` also where the text is no address.
    pub fn email_key(&self) -> Option<EmailKey> {
        self.email.value().and_then(|address| EmailKey::parse(address))
    }
}

impl fmt::Debug for ConversationFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConversationFacts")
            .field("session_id", &self.session_id)
            .field("people_id", &self.people_id)
            .field("status", &self.status)
            .field("email", &hidden(self.email.value()))
            .field("updated_at", &self.updated_at)
            .field("newest_fingerprint", &self.newest_fingerprint)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use crisp_client::Wire;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_conversation_is_read_in_our_words() {
        let raw = json!({"session_id": "S", "people_id": "P", "state": "unresolved", "assigned": {"user_id": "OP"},
            "preview_message": {"fingerprint": 7}, "created_at": 1_767_220_000_000_i64,
            "meta": {"email": " Ana@Northwind.example ", "subject": "Pri\u{0}cing", "origin": "chat", "nickname": "Ana"}});
        let facts = ConversationFacts::from_wire(&Conversation::read(raw).unwrap());
        assert_eq!(facts.status, Some(Status::Unresolved));
        assert_eq!(facts.email, Told::Value("Ana@Northwind.example".to_owned()));
        assert_eq!(facts.email_key(), EmailKey::parse("ana@northwind.example"));
        assert_eq!(facts.subject, Told::Value("Pri\u{fffd}cing".to_owned()));
        assert_eq!(facts.assigned, Told::Value(OperatorId::new("OP")));
        assert_eq!(facts.created_at, time::from_ms(1_767_220_000_000));
        assert_eq!((facts.updated_at, facts.newest_fingerprint), (None, Some(Fingerprint::new(7))));
    }

    #[test]
    fn an_odd_conversation_is_read_all_the_same() {
        let raw = json!({"session_id": "S", "state": 7, "meta": {"email": "", "subject": [1], "nickname": "  "}, "updated_at": -3});
        let facts = ConversationFacts::from_wire(&Conversation::read(raw).unwrap());
        assert_eq!(facts.status, None);
        assert_eq!((facts.email_key(), facts.updated_at), (None, None));
        assert_eq!(
            (facts.email, facts.nickname, facts.subject),
            (Told::Nothing, Told::Nothing, Told::Silent)
        );
    }

    #[test]
    fn statuses_are_the_words_of_the_contract() {
        for word in ["pending", "unresolved", "resolved"] {
            assert_eq!(word.parse::<Status>().unwrap().to_string(), word);
        }
    }

    #[test]
    fn debug_shows_no_person() {
        let raw = json!({"session_id": "S", "meta": {"email": "ana@x.example", "subject": "Secret", "nickname": "Ana"}});
        let shown = format!("{:?}", ConversationFacts::from_wire(&Conversation::read(raw).unwrap()));
        for personal in ["ana@", "Ana", "Secret"] {
            assert!(!shown.contains(personal), "{shown}");
        }
    }
}
