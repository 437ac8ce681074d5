//! Doing to the simulated workspace what visitors, operators and Crisp do to a real one. Every change is true at once,
//! is listed when the lists have caught up, and is told by a web hook.
//!
//! Crisp's own semantics hold: `updated_at` of a conversation follows its messages and nothing else; removals leave no
//! trace; a profile's `updated_at` moves with mere presence.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::install::subscribe;
use super::oddities::mended;
use super::records::{Conversation, Message, Person};
use super::shared::Shared;
use super::shelf::Held;
use super::website::{Contents, Website};

mod conversations;
mod people;
mod thread;

pub use conversations::NewConversation;
pub use people::{NewPerson, PersonUpdate};
pub use thread::NewMessage;

/// The record that was to be changed does not exist (any more).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such record in the simulated workspace")]
pub struct NoSuch;

/// Changes one website.
#[derive(Debug, Clone)]
pub struct Change {
    shared: Arc<Shared>,
    website: Uuid,
}

impl Change {
    pub(crate) fn new(shared: Arc<Shared>, website: Uuid) -> Self {
        Self { shared, website }
    }

    /// Installs the plugin.
    pub fn install(&self) {
        subscribe(&self.shared, self.website());
    }

    /// Uninstalls the plugin: 404 `not_subscribed` from now on, and no hooks but the one that says so.
    pub fn uninstall(&self) {
        if self.website().subscribe(false) {
            self.shared.emit(self.website(), "plugin:subscription:updated", bound(&self.shared, false));
        }
    }

    /// Saves the plugin's settings on this website.
    pub fn set_settings(&self, settings: &Value) {
        self.website().lock().subscription.settings = settings.clone();
        let plugin = self.shared.plugin().id;
        self.shared.emit(
            self.website(),
            "plugin:settings:saved",
            json!({"plugin_id": plugin, "settings": settings}),
        );
    }

    fn website(&self) -> &Website {
        self.shared.website(self.website)
    }

    /// Tells about a session by a hook.
    fn emit(&self, event: &str, session_id: &str, extra: Value) {
        let mut data = Map::new();
        data.insert("session_id".to_owned(), session_id.into());
        data.insert("inbox_id".to_owned(), Value::Null);
        if let Value::Object(extra) = extra {
            data.extend(extra);
        }
        self.shared.emit(self.website(), event, data.into());
    }

    /// Tells about a person by a hook.
    fn emit_person(&self, event: &str, person: &Person, extra: Value) {
        let mut data = Map::new();
        data.insert("people_id".to_owned(), person.people_id.as_str().into());
        if let Some(email) = &person.email {
            data.insert("email".to_owned(), email.as_str().into());
        }
        if let Value::Object(extra) = extra {
            data.extend(extra);
        }
        self.shared.emit(self.website(), event, data.into());
    }

    /// Writes a conversation anew; the hook is told in the same breath, so that hooks start in the order of the changes.
    fn revise(
        &self,
        session_id: &str,
        event: &str,
        change: impl FnOnce(&mut Conversation) -> Value,
    ) -> Result<(), NoSuch> {
        let website = self.website();
        let mut contents = website.lock();
        let (slot, mut row) = held_conversation(website, &contents, session_id)?;
        let told = change(&mut row);
        contents.put_conversation(slot, Some(row), self.shared.clock.now_ms());
        self.emit(event, session_id, told);
        Ok(())
    }

    /// Writes a profile anew, with a fresh `updated_at`.
    fn revise_person<T>(
        &self,
        people_id: &str,
        change: impl FnOnce(&mut Person) -> T,
    ) -> Result<(Person, T), NoSuch> {
        let website = self.website();
        let mut contents = website.lock();
        let (slot, mut person) = held_person(website, &contents, people_id)?;
        let outcome = change(&mut person);
        let stamp = self.shared.clock.stamp();
        person.updated_at = Some(stamp);
        person.sorted.updated = stamp;
        contents.put_person(slot, Some(person.clone()), self.shared.clock.now_ms());
        Ok((person, outcome))
    }
}

/// What `plugin:subscription:updated` says.
pub(crate) fn bound(shared: &Shared, bound: bool) -> Value {
    json!({"plugin_id": shared.plugin().id, "bound": bound, "target": "plugin"})
}

/// The conversation as Crisp writes it anew: nothing odd is left but the text itself.
fn held_conversation(
    website: &Website,
    contents: &Contents,
    session_id: &str,
) -> Result<(u32, Conversation), NoSuch> {
    let slot = website.site.session_slot(session_id).ok_or(NoSuch)?;
    let held: Held<Conversation> = contents.conversations.held(slot).ok_or(NoSuch)?;
    let mut row = (*held.get(&website.site)).clone();
    row.subject = row.subject.as_deref().map(mended);
    (row.odd, row.readable) = (None, true);
    Ok((slot, row))
}

fn held_person(website: &Website, contents: &Contents, people_id: &str) -> Result<(u32, Person), NoSuch> {
    let slot = website.site.person_slot(people_id).ok_or(NoSuch)?;
    let held: Held<Person> = contents.people.held(slot).ok_or(NoSuch)?;
    let mut person = (*held.get(&website.site)).clone();
    person.nickname = person.nickname.as_deref().map(mended);
    (person.odd, person.readable) = (None, true);
    Ok((slot, person))
}

fn heal(message: &mut Message) {
    (message.odd, message.readable) = (None, true);
}
