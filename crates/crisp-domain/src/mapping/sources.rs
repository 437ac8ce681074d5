//! Every field that a real profile has, for the mapping editor.

use std::fmt;

use serde_json::{Map, Value};

use super::SourcePath;
use super::read::joined;
use crate::discreet::Hidden;
use crate::text;

/// The most fields that are listed of one profile; a full one has about sixty.
const MAX_FIELDS: usize = 500;
/// How deep fields are looked for.
const MAX_DEPTH: usize = 8;
/// How many items of a list of objects are looked into.
const MAX_ITEMS: usize = 5;
/// The longest example, in bytes.
const MAX_EXAMPLE_BYTES: usize = 200;

/// A field that a profile has, and what this profile has in it. `Debug` shows the path only.
#[derive(Clone, PartialEq)]
pub struct SourceField {
    /// The path that a mapping row would read.
    pub path: SourcePath,
    /// The value: text (shortened), a number, a boolean, or null; a list of these is joined by commas.
    pub example: Value,
}

/// The fields of a profile that can be mapped, in the profile's own order; at most 500.
pub fn source_fields(profile: &Value) -> Vec<SourceField> {
    let mut fields = Vec::new();
    if let Value::Object(object) = profile {
        collect(object, "", MAX_DEPTH, &mut fields);
    }
    fields
}

/// The keys of custom data that can be mapped, as `data.<key>`; at most 500.
pub fn data_fields(data: &Map<String, Value>) -> Vec<SourceField> {
    let field = |(key, value): (&String, &Value)| {
        Some(SourceField { path: SourcePath::of_data_key(key).ok()?, example: example(value)? })
    };
    data.iter().filter_map(field).take(MAX_FIELDS).collect()
}

fn collect(object: &Map<String, Value>, prefix: &str, levels: usize, fields: &mut Vec<SourceField>) {
    for (key, value) in object {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        visit(value, &path, levels, fields);
    }
}

fn visit(value: &Value, path: &str, levels: usize, fields: &mut Vec<SourceField>) {
    match value {
        _ if levels == 0 || fields.len() >= MAX_FIELDS => {}
        Value::Object(inner) => collect(inner, path, levels - 1, fields),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (index, item) in items.iter().enumerate().take(MAX_ITEMS) {
                visit(item, &format!("{path}.{index}"), levels - 1, fields);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            fields.extend(leaf(path, value));
        }
    }
}

fn leaf(path: &str, value: &Value) -> Option<SourceField> {
    let path = SourcePath::parse(path).ok().filter(|path| path.data_key().is_none())?;
    Some(SourceField { path, example: example(value)? })
}

fn example(value: &Value) -> Option<Value> {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(value.clone()),
        Value::String(text) => Some(shortened(text)),
        Value::Array(items) if items.is_empty() => Some(Value::Null),
        Value::Array(items) => joined(items).as_ref().and_then(Value::as_str).map(shortened),
        Value::Object(_) => None,
    }
}

fn shortened(text: &str) -> Value {
    Value::String(text::clamp(text::storable(text), MAX_EXAMPLE_BYTES))
}

impl fmt::Debug for SourceField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceField").field("path", &self.path).field("example", &Hidden).finish()
    }
}
