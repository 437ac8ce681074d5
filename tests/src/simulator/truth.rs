//! What is true: everything an import should find, record by record, without asking over HTTP.

use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use super::oddities::mended;
use super::records::{Conversation, Message, Operator, Person};
use super::shared::Shared;
use super::website::Website;

/// The truth about one website, as it is at the moment of each question.
#[derive(Debug, Clone)]
pub struct Truth {
    shared: Arc<Shared>,
    website: Uuid,
}

impl Truth {
    pub(crate) fn new(shared: Arc<Shared>, website: Uuid) -> Self {
        Self { shared, website }
    }

    /// All profiles, unreadable ones included.
    pub fn people(&self) -> impl Iterator<Item = Person> + use<> {
        let truth = self.clone();
        let slots = self.website().lock().people.slots();
        (0..slots).filter_map(move |slot| {
            let website = truth.website();
            let held = website.lock().people.held(slot)?;
            Some(told_person(&held.get(&website.site)))
        })
    }

    /// One profile.
    pub fn person(&self, people_id: &str) -> Option<Person> {
        self.website().person(people_id).map(|person| told_person(&person))
    }

    /// All conversations, empty and unreadable ones included.
    pub fn conversations(&self) -> impl Iterator<Item = Conversation> + use<> {
        let truth = self.clone();
        let slots = self.website().lock().conversations.slots();
        (0..slots).filter_map(move |slot| {
            let website = truth.website();
            let held = website.lock().conversations.held(slot)?;
            Some(told_conversation(&held.get(&website.site)))
        })
    }

    /// One conversation.
    pub fn conversation(&self, session_id: &str) -> Option<Conversation> {
        self.website().conversation(session_id).map(|row| told_conversation(&row))
    }

    /// The messages of a conversation, oldest first; none where there is no such conversation.
    pub fn messages(&self, session_id: &str) -> Vec<Message> {
        let thread = self.website().thread(session_id).unwrap_or_default();
        thread.iter().map(told_message).collect()
    }

    /// The support team.
    pub fn operators(&self) -> Vec<Operator> {
        self.website().site.operators()
    }

    /// The token that Crisp hands to the installer's browser.
    pub fn token(&self) -> String {
        self.website().site.token()
    }

    /// The fewest requests that read everything: ⌈P/50⌉ + ⌈C/50⌉ + Σ⌈mᵢ/batch⌉ over the conversations that match.
    pub fn least_possible(&self, matched: impl Fn(&Conversation) -> bool) -> u64 {
        let batch = u64::from(self.shared.behaviour().batch.max(1));
        let (people, conversations) = self.website().list_lengths(self.shared.clock.now_ms());
        let matching = self.conversations().filter(|row| matched(row));
        let messages: u64 = matching.map(|row| u64::from(row.messages).div_ceil(batch)).sum();
        people.div_ceil(50) + conversations.div_ceil(50) + messages
    }

    /// How many slots there were at the start, and are now.
    pub(crate) fn person_slots(&self) -> (u32, u32) {
        let website = self.website();
        (website.site.options.people, website.lock().people.slots())
    }

    pub(crate) fn person_at(&self, slot: u32) -> Option<Person> {
        self.person(&self.website().site.people_id(slot))
    }

    /// How many slots there were at the start, and are now.
    pub(crate) fn conversation_slots(&self) -> (u32, u32) {
        let website = self.website();
        (website.site.conversations(), website.lock().conversations.slots())
    }

    pub(crate) fn conversation_at(&self, slot: u32) -> Option<Conversation> {
        self.conversation(&self.website().site.session_id(slot))
    }

    fn website(&self) -> &Website {
        self.shared.website(self.website)
    }
}

pub(crate) fn told_person(person: &Person) -> Person {
    let mut told = person.clone();
    told.nickname = told.nickname.as_deref().map(mended);
    told
}

pub(crate) fn told_conversation(conversation: &Conversation) -> Conversation {
    let mut told = conversation.clone();
    told.subject = told.subject.as_deref().map(mended);
    if let Some(preview) = &mut told.preview {
        preview.excerpt = mended(&preview.excerpt);
    }
    told
}

pub(crate) fn told_message(message: &Message) -> Message {
    let mut told = message.clone();
    if let Value::String(text) = &told.content {
        told.content = mended(text).into();
    }
    told
}
