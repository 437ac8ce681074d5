//! The events of a website, typed as far as they concern what is imported.

use std::fmt;

use serde_json::{Map, Value};

use super::{Envelope, Malformed};
use crate::conversations::State;
use crate::fields::{as_text, at, flag, id, integer, text, told, word};
use crate::ids::{Fingerprint, OperatorId, PeopleId, PluginId, SessionId};
use crate::messages::{From, Message};
use crate::page::Wire;
use crate::told::Told;

/// What happened, and to what.
#[derive(Clone, PartialEq)]
pub enum Event {
    /// A conversation or one of its messages changed.
    Conversation(SessionId, ConversationChange),
    /// A profile changed.
    Profile(PeopleId, ProfileChange),
    /// The plugin's installation changed.
    Plugin(Option<PluginId>, PluginChange),
    /// Any other event, by its name.
    Other(String),
}

/// What happened to a conversation. Where a text is optional, `None` means that it was emptied.
#[derive(Clone, PartialEq)]
pub enum ConversationChange {
    /// `session:request:initiated`: it began.
    Started,
    /// `message:send`: the visitor wrote.
    MessageSent(Box<Message>),
    /// `message:received`: the team wrote, or a bot, or the system; notes and event lines come this way too.
    MessageReceived(Box<Message>),
    /// `message:updated`: that message has this content now; its author and type stay.
    MessageUpdated(Fingerprint, Value),
    /// `message:removed`.
    MessageRemoved(Fingerprint),
    /// `session:set_state`.
    State(State),
    /// `session:set_email`.
    Email(Option<String>),
    /// `session:set_phone`.
    Phone(Option<String>),
    /// `session:set_subject`.
    Subject(Option<String>),
    /// `session:set_nickname`.
    Nickname(Option<String>),
    /// `session:set_origin`.
    Origin(Option<String>),
    /// `session:set_data`: its custom data.
    Data(Map<String, Value>),
    /// `session:set_segments`.
    Segments(Vec<String>),
    /// `session:set_routing`: assigned to this operator, or to nobody.
    Routing(Option<OperatorId>),
    /// `session:removed`.
    Removed,
}

/// What happened to a profile.
#[derive(Clone, PartialEq)]
pub enum ProfileChange {
    /// `people:profile:created`.
    Created {
        /// Its address, if it has one.
        email: Option<String>,
    },
    /// `people:profile:updated`.
    Updated {
        /// Its address, if Crisp sent it.
        email: Option<String>,
        /// The part of the profile that changed.
        update: Value,
    },
    /// `people:profile:removed`.
    Removed,
    /// `people:bind:session`: the conversation belongs to this profile from now on.
    Bound(SessionId),
    /// `people:sync:profile`.
    Synced {
        /// The conversation through which it happened.
        session_id: Option<SessionId>,
        /// Parts of the profile: `person`, `company`.
        identity: Value,
    },
}

/// What happened to the plugin's installation on a website.
#[derive(Clone, PartialEq)]
pub enum PluginChange {
    /// `plugin:subscription:updated` with `bound`.
    Installed,
    /// `plugin:subscription:updated` without.
    Uninstalled,
    /// `plugin:settings:saved`.
    SettingsSaved(Value),
}

impl Event {
    /// Reads the event. Unknown events are no error; a known one without what makes it up is.
    pub fn parse(envelope: &Envelope) -> Result<Self, Malformed> {
        let data = &envelope.data;
        let read = match envelope.event.split(':').next() {
            Some("message" | "session") => conversation_event(&envelope.event, data)?,
            Some("people") => profile_event(&envelope.event, data)?,
            Some("plugin") => plugin_event(&envelope.event, data)?,
            Some(_) | None => None,
        };
        Ok(read.unwrap_or_else(|| Self::Other(envelope.event.clone())))
    }

    /// The conversation that the event is about.
    pub fn session_id(&self) -> Option<&SessionId> {
        match self {
            Self::Conversation(session_id, _) | Self::Profile(_, ProfileChange::Bound(session_id)) => {
                Some(session_id)
            }
            Self::Profile(_, ProfileChange::Synced { session_id, .. }) => session_id.as_ref(),
            Self::Profile(..) | Self::Plugin(..) | Self::Other(_) => None,
        }
    }

    /// The profile that the event is about.
    pub fn people_id(&self) -> Option<&PeopleId> {
        if let Self::Profile(people_id, _) = self { Some(people_id) } else { None }
    }
}

fn conversation_event(name: &str, data: &Value) -> Result<Option<Event>, Malformed> {
    let Some(change) = conversation_change(name, data) else { return Ok(None) };
    let session_id: SessionId = Malformed::need(data, "session_id")?;
    Ok(Some(Event::Conversation(session_id, change?)))
}

fn conversation_change(name: &str, data: &Value) -> Option<Result<ConversationChange, Malformed>> {
    use ConversationChange as Change;
    Some(Ok(match name {
        "session:request:initiated" => Change::Started,
        "session:removed" => Change::Removed,
        "session:set_email" => return Some(emptied_or_text(data, "email").map(Change::Email)),
        "session:set_phone" => return Some(emptied_or_text(data, "phone").map(Change::Phone)),
        "session:set_subject" => return Some(emptied_or_text(data, "subject").map(Change::Subject)),
        "session:set_nickname" => return Some(emptied_or_text(data, "nickname").map(Change::Nickname)),
        "session:set_origin" => return Some(emptied_or_text(data, "origin").map(Change::Origin)),
        "session:set_data" => Change::Data(custom_data(data)),
        "session:set_segments" => Change::Segments(segments(data)),
        "session:set_state" => return Some(state(data).map(Change::State)),
        "session:set_routing" => return Some(routing(data).map(Change::Routing)),
        "message:send" => return Some(message(data, From::User).map(Change::MessageSent)),
        "message:received" => return Some(message(data, From::Operator).map(Change::MessageReceived)),
        "message:updated" => {
            return Some(fingerprint(data).map(|id| Change::MessageUpdated(id, part(data, "content"))));
        }
        "message:removed" => return Some(fingerprint(data).map(Change::MessageRemoved)),
        _ => return None,
    }))
}

fn message(data: &Value, usually_from: From) -> Result<Box<Message>, Malformed> {
    let read = Message::read(data.clone())
        .map_err(|odd| Malformed::new(&format!("data.{}", odd.path), "missing or not a number"))?;
    Ok(Box::new(Message { from: read.from.or(Some(usually_from)), ..read }))
}

fn fingerprint(data: &Value) -> Result<Fingerprint, Malformed> {
    let number = integer(data, "fingerprint").map(Fingerprint::new);
    number.ok_or_else(|| Malformed::new("data.fingerprint", "missing or not a number"))
}

fn state(data: &Value) -> Result<State, Malformed> {
    let known = word(data, "state").and_then(State::from_word);
    known.ok_or_else(|| Malformed::new("data.state", "missing or not a state"))
}

/// The text that a field has now. A hook that does not say which must not empty it.
fn emptied_or_text(data: &Value, key: &str) -> Result<Option<String>, Malformed> {
    match at(data, key).map(|_| told(Some(data), key, as_text)) {
        Some(Told::Value(text)) => Ok(Some(text)),
        Some(Told::Nothing) => Ok(None),
        Some(Told::Silent) | None => Err(Malformed::new(&format!("data.{key}"), "missing or not text")),
    }
}

/// Who is assigned now; a routing that says nothing about it must not read as "nobody".
fn routing(data: &Value) -> Result<Option<OperatorId>, Malformed> {
    match at(data, "routing_id") {
        Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(text.parse().ok()),
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) | None => {
            Err(Malformed::new("data.routing_id", "missing or not an id"))
        }
    }
}

fn custom_data(data: &Value) -> Map<String, Value> {
    at(data, "data").and_then(Value::as_object).cloned().unwrap_or_default()
}

fn segments(data: &Value) -> Vec<String> {
    let listed = at(data, "segments").and_then(Value::as_array).into_iter().flatten();
    listed.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn part(data: &Value, key: &str) -> Value {
    at(data, key).cloned().unwrap_or_default()
}

fn profile_event(name: &str, data: &Value) -> Result<Option<Event>, Malformed> {
    let email = text(data, "email");
    let change = match name {
        "people:profile:created" => ProfileChange::Created { email },
        "people:profile:updated" => ProfileChange::Updated { email, update: part(data, "update") },
        "people:profile:removed" => ProfileChange::Removed,
        "people:bind:session" => ProfileChange::Bound(Malformed::need(data, "session_id")?),
        "people:sync:profile" => {
            ProfileChange::Synced { session_id: id(data, "session_id"), identity: part(data, "identity") }
        }
        _ => return Ok(None),
    };
    Ok(Some(Event::Profile(Malformed::need(data, "people_id")?, change)))
}

fn plugin_event(name: &str, data: &Value) -> Result<Option<Event>, Malformed> {
    let change = match (name, flag(data, "bound")) {
        ("plugin:subscription:updated", Some(true)) => PluginChange::Installed,
        ("plugin:subscription:updated", Some(false)) => PluginChange::Uninstalled,
        ("plugin:subscription:updated", None) => {
            return Err(Malformed::new("data.bound", "missing or not a flag"));
        }
        ("plugin:settings:saved", _) => PluginChange::SettingsSaved(part(data, "settings")),
        _ => return Ok(None),
    };
    Ok(Some(Event::Plugin(text(data, "plugin_id").and_then(|id| id.parse().ok()), change)))
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Ids only: events carry addresses, names and message text.
        f.debug_struct("Event")
            .field("session_id", &self.session_id())
            .field("people_id", &self.people_id())
            .finish_non_exhaustive()
    }
}

/// These consist of addresses, names and text; their kind alone is not worth a list of all variants.
macro_rules! opaque_debug {
    ($($name:ident)*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

opaque_debug! { ConversationChange ProfileChange PluginChange }

#[cfg(test)]
mod tests;
