//! Any message content as text that a person can read.
//!
//! The forms are best seen in `tests/cases/bodies.json`, one example for each. Content of an unexpected shape is
//! never an error: a known kind without the fields it should have, like an unknown kind, becomes its own text where
//! it is text, and JSON where it is not.

mod blocks;
mod media;

use std::fmt;

use serde_json::Value;

use crate::discreet::hidden;
use crate::message::MessageKind;
use crate::{json, text};

/// The longest body, in bytes: an email with its whole quoted history fits; nobody reads what is longer. A longer one
/// ends with `…`.
pub const MAX_BODY_BYTES: usize = 1_048_576;

/// A rendered message. `Debug` does not show it.
#[derive(Clone, PartialEq)]
pub struct Body {
    /// What a person reads; at most [`MAX_BODY_BYTES`].
    pub text: String,
    /// The structured content as Crisp sent it (made [storable](json::storable)); `None` for plain text and notes.
    pub content: Option<Value>,
}

/// Renders the content of a message of that kind. Never fails.
pub fn render(kind: &MessageKind, content: &Value) -> Body {
    let content = json::storable(content.clone());
    let text = readable(kind, &content).unwrap_or_else(|| stringified(kind, &content));
    let is_kept = !(content.is_null() || kind.is_plain() && content.is_string());
    Body { text: text::clamp(text, MAX_BODY_BYTES), content: is_kept.then_some(content) }
}

/// The readable form, where the content has the shape that its kind should have.
fn readable(kind: &MessageKind, content: &Value) -> Option<String> {
    match kind {
        MessageKind::Text | MessageKind::Note | MessageKind::Other(_) => content.as_str().map(str::to_owned),
        MessageKind::File => media::file(content),
        MessageKind::Animation => media::animation(content),
        MessageKind::Audio => media::audio(content),
        MessageKind::Picker => blocks::picker(content),
        MessageKind::Field => blocks::field_to_fill(content),
        MessageKind::Carousel => blocks::carousel(content),
        MessageKind::Event => blocks::event(content),
    }
}

fn stringified(kind: &MessageKind, content: &Value) -> String {
    match content {
        Value::Null if kind.is_plain() => String::new(),
        Value::Null if kind.as_str().is_empty() => "[message]".to_owned(),
        Value::Null => format!("[{kind}]"),
        Value::String(text) => text.clone(),
        Value::Object(_) if kind.is_plain() => said(content).unwrap_or_else(|| content.to_string()),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => content.to_string(),
    }
}

/// What an object says where plain text was expected: its text, else its name, and its address.
fn said(content: &Value) -> Option<String> {
    let title = field(content, "text").or_else(|| field(content, "name"));
    let lines: Vec<&str> = title.into_iter().chain(field(content, "url")).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The text of a field, where it is there and not blank.
fn field<'a>(content: &'a Value, name: &str) -> Option<&'a str> {
    content.get(name)?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// A label, where it is text that is not blank, or a number.
fn label(content: &Value, name: &str) -> Option<String> {
    content.get(name).and_then(plain)
}

/// Text that is not blank, or a number or truth value in words.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("text_bytes", &self.text.len())
            .field("content", &hidden(self.content.as_ref()))
            .finish()
    }
}
