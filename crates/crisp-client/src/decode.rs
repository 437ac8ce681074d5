//! From bytes to JSON values, mended before and explained after.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use serde_path_to_error::{Path, Segment};

use crate::mend::mend;

/// Longest path or identity that is kept of an odd record, in characters; deep nesting makes endless ones.
const LONGEST_REMARK: usize = 200;

/// Where and why a JSON text could not be read.
#[derive(Debug)]
pub(crate) struct Flaw {
    pub(crate) path: String,
    pub(crate) cause: serde_json::Error,
}

/// How deep a damaged record is looked into for what can be saved; Crisp's own fields lie at six levels at the most.
const SALVAGED_LEVELS: usize = 12;
/// The longest key that is shown in a path, in bytes.
const LONGEST_KEY: usize = 64;

/// Reads a JSON value out of raw bytes, mended; see [`lenient`].
pub(crate) fn value(body: &[u8]) -> Result<Value, Flaw> {
    lenient(&mend(body)).map(|(value, _)| value)
}

/// Reads a JSON value. Numbers that no float holds and nesting that no stack holds cost their field only, which
/// becomes null; the flaw names the first of them.
pub(crate) fn lenient(text: &str) -> Result<(Value, Option<Flaw>), Flaw> {
    match parse(text) {
        Ok(value) => Ok((value, None)),
        Err(flaw) if serde_json::from_str::<&RawValue>(text).is_ok() => {
            Ok((salvaged(text, SALVAGED_LEVELS), Some(flaw)))
        }
        Err(flaw) => Err(flaw),
    }
}

fn salvaged(text: &str, levels: usize) -> Value {
    if let Ok(value) = serde_json::from_str(text) {
        return value;
    }
    let inner = |raw: &RawValue| salvaged(raw.get(), levels.saturating_sub(1));
    if levels == 0 {
        Value::Null
    } else if let Ok(fields) = serde_json::from_str::<BTreeMap<String, &RawValue>>(text) {
        fields.into_iter().map(|(key, raw)| (key, inner(raw))).collect()
    } else if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(text) {
        items.into_iter().map(inner).collect()
    } else {
        Value::Null
    }
}

/// Reads one JSON text; the flaw names the path.
pub(crate) fn parse<'text, T: Deserialize<'text>>(text: &'text str) -> Result<T, Flaw> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| Flaw { path: shown(error.path()), cause: error.into_inner() })?;
    deserializer.end().map_err(|cause| Flaw { path: ".".to_owned(), cause })?;
    Ok(read)
}

/// What is wrong, in words that never repeat the value (as those of `serde_json` may).
pub(crate) fn reason(cause: &serde_json::Error) -> &'static str {
    let text = cause.to_string();
    if text.starts_with("recursion limit exceeded") {
        "nested too deeply"
    } else if text.starts_with("number out of range") {
        "a number out of range"
    } else if cause.is_eof() {
        "the text ends too early"
    } else if cause.is_data() {
        "a value of another type"
    } else {
        "not JSON"
    }
}

/// A path for logs and lists: names of fields, but no key that may be a customer's own words.
fn shown(path: &Path) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let is_name = |key: &str| (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(plain);
    let mut shown = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => {
                shown.push('[');
                shown.push_str(&index.to_string());
                shown.push(']');
            }
            Segment::Map { key } | Segment::Enum { variant: key } => {
                shown.push_str(if shown.is_empty() { "" } else { "." });
                shown.push_str(if is_name(key) { key } else { "*" });
            }
            Segment::Unknown => shown.push('?'),
        }
    }
    if shown.is_empty() { ".".to_owned() } else { shortened(&shown) }
}

pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(LONGEST_REMARK).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_cannot_be_held_becomes_null_and_the_rest_stays() {
        let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
        let (value, flaw) =
            lenient(&format!(r#"{{"a":{{"n":1e400,"m":2}},"list":[1,-1e999],"deep":{deep}}}"#)).unwrap();
        assert_eq!(value["a"], json!({"n": null, "m": 2}));
        assert_eq!(value["list"], json!([1, null]));
        assert_eq!(flaw.unwrap().path, "a.n");
        assert!(lenient(r#"{"a":1"#).is_err());
        assert!(lenient(r#"{"a":1}"#).unwrap().1.is_none());
    }

    #[test]
    fn a_path_shows_no_key_that_may_be_a_persons() {
        let flaw = lenient(r#"{"data":{"mail of ana@northwind.example":1e400}}"#).unwrap().1.unwrap();
        assert_eq!(flaw.path, "data.*");
    }
}
