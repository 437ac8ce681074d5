//! Conversations come, change hands and state, and go.

use serde_json::{Map, Value, json};

use super::{Change, NewMessage, NoSuch, held_conversation};
use crate::simulator::records::{Conversation, Side, Sorted, State};

/// A conversation to start.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the fields are those of Crisp's conversation object, by their names")]
pub struct NewConversation {
    pub people_id: Option<String>,
    pub email: Option<String>,
    pub nickname: Option<String>,
    pub subject: Option<String>,
}

impl NewConversation {
    /// Of somebody with this address.
    pub fn by_email(email: &str) -> Self {
        Self { email: Some(email.to_owned()), ..Self::default() }
    }

    /// Of this profile.
    pub fn by_people_id(people_id: &str) -> Self {
        Self { people_id: Some(people_id.to_owned()), ..Self::default() }
    }
}

impl Change {
    /// Starts a conversation with the visitor's first message; answers its session id.
    pub fn start_conversation(&self, new: NewConversation, text: &str) -> String {
        let website = self.website();
        let mut contents = website.lock();
        let slot = contents.conversations.fresh_slot();
        let session_id = website.site.session_id(slot);
        let stamp = self.shared.clock.stamp();
        let row = Conversation {
            session_id: session_id.clone(),
            people_id: new.people_id,
            email: new.email,
            nickname: new.nickname.or_else(|| Some(format!("visitor{}", 100_000 + slot % 900_000))),
            subject: new.subject,
            origin: Some("chat".to_owned()),
            active_last: Some(stamp),
            created_at: Some(stamp),
            updated_at: Some(stamp),
            readable: true,
            sorted: Sorted { created: stamp, updated: stamp },
            ..Conversation::default()
        };
        contents.put_thread(slot, Vec::new());
        contents.put_conversation(slot, Some(row), self.shared.clock.now_ms());
        drop(contents);
        self.emit("session:request:initiated", &session_id, Value::Null);
        // It has just been put there, so this cannot fail.
        let _ = self.send(&session_id, NewMessage::text(Side::User, text));
        session_id
    }

    /// Removes a conversation with all its messages.
    pub fn remove_conversation(&self, session_id: &str) -> Result<(), NoSuch> {
        let website = self.website();
        let mut contents = website.lock();
        let (slot, _) = held_conversation(website, &contents, session_id)?;
        contents.put_conversation(slot, None, self.shared.clock.now_ms());
        contents.put_thread(slot, Vec::new());
        self.emit("session:removed", session_id, Value::Null);
        Ok(())
    }

    /// Sets the state; moves no `updated_at`.
    pub fn set_state(&self, session_id: &str, state: State) -> Result<(), NoSuch> {
        self.revise(session_id, "session:set_state", |row| {
            row.state = state;
            if state == State::Resolved {
                row.waiting_since = None;
            }
            json!({"state": state.as_str()})
        })
    }

    /// Assigns an operator (`user_id`), or nobody; moves no `updated_at`.
    pub fn assign(&self, session_id: &str, operator: Option<&str>) -> Result<(), NoSuch> {
        self.revise(session_id, "session:set_routing", |row| {
            let previous = std::mem::replace(&mut row.assigned, operator.map(str::to_owned));
            json!({"routing_id": operator, "previous_routing_id": previous})
        })
    }

    /// Sets the email; moves no `updated_at`.
    pub fn set_email(&self, session_id: &str, email: &str) -> Result<(), NoSuch> {
        self.revise(session_id, "session:set_email", |row| {
            row.email = absent_if_empty(email);
            json!({"email": email})
        })
    }

    /// Sets the nickname; moves no `updated_at`.
    pub fn set_nickname(&self, session_id: &str, nickname: &str) -> Result<(), NoSuch> {
        self.revise(session_id, "session:set_nickname", |row| {
            row.nickname = absent_if_empty(nickname);
            json!({"nickname": nickname})
        })
    }

    /// Sets the phone number; moves no `updated_at`.
    pub fn set_phone(&self, session_id: &str, phone: &str) -> Result<(), NoSuch> {
        self.revise(session_id, "session:set_phone", |row| {
            row.phone = absent_if_empty(phone);
            json!({"phone": phone})
        })
    }

    /// Sets the subject; moves no `updated_at`.
    pub fn set_subject(&self, session_id: &str, subject: &str) -> Result<(), NoSuch> {
        self.revise(session_id, "session:set_subject", |row| {
            row.subject = absent_if_empty(subject);
            json!({"subject": subject})
        })
    }

    /// Sets the segments; moves no `updated_at`.
    pub fn set_segments(&self, session_id: &str, segments: &[&str]) -> Result<(), NoSuch> {
        self.revise(session_id, "session:set_segments", |row| {
            row.segments = segments.iter().map(|&segment| segment.to_owned()).collect();
            json!({"segments": segments})
        })
    }

    /// Sets the custom data; moves no `updated_at`.
    pub fn set_data(&self, session_id: &str, data: &Map<String, Value>) -> Result<(), NoSuch> {
        self.revise(session_id, "session:set_data", |row| {
            row.data.clone_from(data);
            json!({"data": data})
        })
    }

    /// Binds a conversation to a profile; moves no `updated_at`.
    pub fn bind(&self, session_id: &str, people_id: &str) -> Result<(), NoSuch> {
        self.revise(session_id, "people:bind:session", |row| {
            row.people_id = Some(people_id.to_owned());
            json!({"people_id": people_id})
        })
    }
}

fn absent_if_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
