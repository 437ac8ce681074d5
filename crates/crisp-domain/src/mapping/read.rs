//! What a profile says, in the fields of a contact.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crisp_client::moment;
use serde_json::{Map, Number, Value};

use super::{Mapping, MappingRow, SourcePath, Target};
use crate::discreet::Hidden;
use crate::email::{self, EmailKey};
use crate::{json, text, time};

/// The longest text that is taken into a field of a contact, in bytes: as long as a message may be.
const MAX_TEXT_BYTES: usize = crate::body::MAX_BODY_BYTES;

/// The values of one profile, by the contact field they go to. `Debug` shows the fields, never the values.
#[derive(Clone, PartialEq, Default)]
pub struct MappedFields {
    /// What the profile says. What it does not say is not in here: absent, null, blank, or of an unusable type.
    pub values: BTreeMap<Target, Value>,
    /// Fields whose source was not read this time (custom data costs a request of its own): they stay as they are.
    pub unread: BTreeSet<Target>,
}

impl Mapping {
    /// Reads a profile as Crisp sent it, and its custom data where that was asked for.
    ///
    /// `email` comes from text, `name` and `phone` from text or a whole number, `signed_up_at` from anything that means an instant; a custom
    /// attribute from text, a number, a boolean, or a list of these, joined by commas. An instant that Crisp writes
    /// in milliseconds becomes RFC 3339.
    pub fn map(&self, profile: &Value, data: Option<&Map<String, Value>>) -> MappedFields {
        let mut mapped = MappedFields::default();
        for row in &self.rows {
            if row.from.data_key().is_some() && data.is_none() {
                mapped.unread.insert(row.to.clone());
            } else if let Some(value) = row.from.find(profile, data).and_then(|value| converted(row, value)) {
                mapped.values.insert(row.to.clone(), value);
            }
        }
        mapped
    }
}

fn converted(row: &MappingRow, value: &Value) -> Option<Value> {
    match &row.to {
        Target::Email => value.as_str().and_then(address).map(Value::String),
        Target::Name | Target::Phone => words(value).map(Value::String),
        Target::SignedUpAt => instant(value),
        Target::Attribute(_) if row.from.is_instant() => instant(value),
        Target::Attribute(_) => attribute(&row.from, value),
    }
}

/// Text, or a whole number as its digits: a phone number that lost its quotation marks is still one.
fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => readable(text),
        Value::Number(number) => json::whole(number).map(|number| number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// An address is kept as it came, but only if it is one.
fn address(text: &str) -> Option<String> {
    EmailKey::parse(text).map(|_| email::trimmed(text).to_owned())
}

fn readable(text: &str) -> Option<String> {
    text::present(text).map(|text| text::clamp(text, MAX_TEXT_BYTES))
}

fn instant(value: &Value) -> Option<Value> {
    time::from_value(value).map(|instant| Value::String(time::rfc3339_ms(instant)))
}

fn attribute(from: &SourcePath, value: &Value) -> Option<Value> {
    match value {
        Value::Null | Value::Object(_) => None,
        Value::Bool(_) => Some(value.clone()),
        Value::Number(number) => Some(number_or_instant(from, number)),
        Value::String(text) => readable(text).map(Value::String),
        Value::Array(items) => joined(items),
    }
}

fn number_or_instant(from: &SourcePath, number: &Number) -> Value {
    let is_ms = from.is_called_instant() && number.as_i64().is_some_and(moment::is_plausible);
    let value = Value::Number(json::whole(number).unwrap_or_else(|| number.clone()));
    let instant = if is_ms { instant(&value) } else { None };
    instant.unwrap_or_else(|| json::storable(value))
}

pub(super) fn joined(items: &[Value]) -> Option<Value> {
    let mut text = String::new();
    for part in items.iter().filter_map(part) {
        if text.len() > MAX_TEXT_BYTES {
            break;
        }
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&part);
    }
    readable(&text).map(Value::String)
}

fn part(item: &Value) -> Option<String> {
    match item {
        Value::String(text) => text::present(text),
        Value::Number(number) => Some(json::whole(number).unwrap_or_else(|| number.clone()).to_string()),
        Value::Bool(_) => Some(item.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl fmt::Debug for MappedFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values: BTreeMap<_, _> = self.values.keys().map(|target| (target, Hidden)).collect();
        f.debug_struct("MappedFields").field("values", &values).field("unread", &self.unread).finish()
    }
}
