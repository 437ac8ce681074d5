//! The answer, and everything that led to it.

use std::fmt;

use crisp_client::PeopleId;
use crisp_domain::ContactId;
use serde::{Deserialize, Serialize};

/// Whose conversation it is, and why. It holds ids, no address and no name: what is stored of it names nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The answer.
    pub outcome: Outcome,
    /// What was looked at, in the order of the rules.
    pub evidence: Vec<Evidence>,
    /// The contacts that were looked at, best first.
    pub candidates: Vec<Considered>,
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Outcome {
    /// It is this contact's conversation.
    Matched {
        /// The contact.
        contact_id: ContactId,
        /// The rule that found it.
        rule: Rule,
    },
    /// It is nobody's that we know.
    NoMatch,
}

/// A rule by which a contact is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The contact carries the conversation's Crisp people id.
    PeopleId,
    /// The contact has the email address of the conversation's metadata.
    Email,
}

impl Rule {
    /// The contract's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PeopleId => "people_id",
            Self::Email => "email",
        }
    }
}

/// One thing that was looked at. Its `Display` is a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Evidence {
    /// The conversation is not bound to a profile, so the first rule says nothing.
    PeopleIdAbsent,
    /// No contact carries the profile that the conversation is bound to.
    PeopleIdUnknown {
        /// The profile.
        people_id: PeopleId,
    },
    /// These contacts carry it.
    PeopleIdCarried {
        /// The profile.
        people_id: PeopleId,
        /// The contacts, best first.
        contacts: Vec<ContactId>,
    },
    /// The conversation's metadata hold no address, so the second rule says nothing.
    EmailAbsent,
    /// What stands there as an address is none, so the second rule says nothing.
    EmailUnusable,
    /// No contact has the address.
    EmailUnknown,
    /// These contacts have it.
    EmailHeld {
        /// The contacts, best first.
        contacts: Vec<ContactId>,
    },
}

/// A contact that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Considered {
    /// The contact.
    pub contact_id: ContactId,
    /// Whether it carries the conversation's people id.
    pub people_id_matches: bool,
    /// Whether it has the conversation's email address.
    pub email_matches: bool,
    /// Why it was chosen, or why not.
    pub standing: Standing,
}

/// Why a contact was chosen, or what the chosen one had over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is the answer.
    Chosen,
    /// It has the email address only, and the chosen one carries the people id.
    WithoutPeopleId,
    /// The chosen one was active more recently.
    LessRecentlyActive,
    /// The chosen one is older.
    Younger,
    /// The chosen one has the smaller id, and nothing else tells them apart.
    LargerId,
    /// Neither rule finds it.
    Unrelated,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PeopleIdAbsent => f.write_str("the conversation is not bound to a Crisp profile"),
            Self::PeopleIdUnknown { people_id } => {
                write!(f, "no contact carries the Crisp profile {people_id}")
            }
            Self::PeopleIdCarried { people_id, contacts } => {
                write!(f, "the Crisp profile {people_id} is carried by {}", Contacts(contacts))
            }
            Self::EmailAbsent => f.write_str("the conversation has no email address"),
            Self::EmailUnusable => f.write_str("the conversation has an email address that is none"),
            Self::EmailUnknown => f.write_str("no contact has the conversation's email address"),
            Self::EmailHeld { contacts } => {
                write!(f, "the conversation's email address is that of {}", Contacts(contacts))
            }
        }
    }
}

/// Contacts in a sentence.
struct Contacts<'a>(&'a [ContactId]);

impl fmt::Display for Contacts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        let noun = if ids.len() == 1 { "contact" } else { "contacts" };
        write!(f, "{noun} {}", ids.join(", "))
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chosen => "chosen",
            Self::WithoutPeopleId => "has the email address, but another carries the Crisp profile",
            Self::LessRecentlyActive => "another was active more recently",
            Self::Younger => "another is older",
            Self::LargerId => "another has the smaller id, and nothing else tells them apart",
            Self::Unrelated => "carries neither the Crisp profile nor the email address",
        })
    }
}
