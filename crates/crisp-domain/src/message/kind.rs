//! The kinds of messages that Crisp has.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::text;

/// The longest name of an unknown kind that is kept, in bytes.
const MAX_BYTES: usize = 64;

/// A kind of message; what Crisp adds one day is [`MessageKind::Other`], and readable too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum MessageKind {
    /// Plain text (Markdown).
    Text,
    /// An uploaded file.
    File,
    /// A moving picture.
    Animation,
    /// A voice message.
    Audio,
    /// A question with choices.
    Picker,
    /// A question with a field to fill in.
    Field,
    /// Cards with buttons.
    Carousel,
    /// A note of the team, which the customer never sees.
    Note,
    /// A line of the system's.
    Event,
    /// Anything else, by Crisp's name for it; empty where Crisp gave none.
    Other(String),
}

impl MessageKind {
    /// The kind of a message as Crisp sent it: where it names none, text is text, and anything else `unknown`.
    pub fn told(name: &str, content: &Value) -> Self {
        match (name, content) {
            ("", Value::String(_)) => Self::Text,
            ("", _) => Self::Other("unknown".to_owned()),
            (name, _) => Self::from(name),
        }
    }

    /// Crisp's name for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text => "text",
            Self::File => "file",
            Self::Animation => "animation",
            Self::Audio => "audio",
            Self::Picker => "picker",
            Self::Field => "field",
            Self::Carousel => "carousel",
            Self::Note => "note",
            Self::Event => "event",
            Self::Other(name) => name,
        }
    }

    /// Whether such a message is for the team's eyes only.
    pub const fn is_internal(&self) -> bool {
        matches!(self, Self::Note | Self::Event)
    }

    /// Whether its content is text and nothing else.
    pub const fn is_plain(&self) -> bool {
        matches!(self, Self::Text | Self::Note)
    }
}

impl From<&str> for MessageKind {
    fn from(name: &str) -> Self {
        match name {
            "text" => Self::Text,
            "file" => Self::File,
            "animation" => Self::Animation,
            "audio" => Self::Audio,
            "picker" => Self::Picker,
            "field" => Self::Field,
            "carousel" => Self::Carousel,
            "note" => Self::Note,
            "event" => Self::Event,
            other => Self::Other(text::clamp(text::storable(other), MAX_BYTES)),
        }
    }
}

impl From<String> for MessageKind {
    fn from(name: String) -> Self {
        Self::from(name.as_str())
    }
}

impl From<MessageKind> for String {
    fn from(kind: MessageKind) -> Self {
        kind.as_str().to_owned()
    }
}

impl fmt::Display for MessageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
