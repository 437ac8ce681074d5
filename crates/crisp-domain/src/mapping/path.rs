//! Where a value is read in a Crisp profile.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The longest path, in bytes.
const MAX_BYTES: usize = 256;
/// The most segments; Crisp's deepest field has four.
const MAX_SEGMENTS: usize = 12;
/// The longest segment, in bytes.
const MAX_SEGMENT_BYTES: usize = 64;
/// The fields of a Crisp profile (docs/crisp-api.md). What lies below them differs from person to person.
const ROOTS: [&str; 10] = [
    "people_id",
    "email",
    "person",
    "company",
    "segments",
    "notepad",
    "score",
    "active",
    "created_at",
    "updated_at",
];
/// What a path into custom data starts with.
const DATA: &str = "data.";

/// A path such as `person.employment.title`, `segments.0` or `data.plan`.
///
/// A path into the profile is up to 12 segments of ASCII letters, digits, `_` and `-`, joined by dots, the first of them a
/// field of Crisp's profiles; digits also index into a list. After `data.` comes the key of a custom attribute as it is, dots and blanks included. 256 bytes
/// at most.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SourcePath(String);

/// Why a text is no path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// Nothing, or nothing between two dots.
    #[error("names no field: it is empty, or a part between two dots is")]
    Empty,
    /// More than 256 bytes, more than 12 segments, or a segment of more than 64 bytes.
    #[error("is too long: at most 256 bytes in 12 parts of 64 bytes each")]
    TooLong,
    /// A field that no profile has.
    #[error("begins with no field of a Crisp profile: they are {}, or `data.` and a key", ROOTS.join(", "))]
    UnknownRoot,
    /// Something that no field name is made of.
    #[error(
        "holds a character that no field has: letters, digits, `_` and `-` joined by dots, or `data.` and a key"
    )]
    Character,
}

impl SourcePath {
    /// Checks the syntax, and that the path begins with a field of Crisp's profiles; what lies below it, only a profile can
    /// tell.
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        if text.len() > MAX_BYTES {
            return Err(InvalidPath::TooLong);
        }
        match text.strip_prefix(DATA) {
            Some(key) => check_key(key)?,
            None => check_segments(text)?,
        }
        Ok(Self(text.to_owned()))
    }

    /// The path into custom data that reads `key`.
    pub fn of_data_key(key: &str) -> Result<Self, InvalidPath> {
        Self::parse(&format!("{DATA}{key}"))
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of the custom attribute, where the path reads one.
    pub fn data_key(&self) -> Option<&str> {
        self.0.strip_prefix(DATA)
    }

    /// Whether Crisp writes an instant there, in milliseconds.
    pub(crate) fn is_instant(&self) -> bool {
        matches!(self.as_str(), "created_at" | "updated_at" | "active.last")
    }

    /// Whether the name of the field says that it is an instant.
    pub(crate) fn is_called_instant(&self) -> bool {
        self.0.ends_with("_at")
    }

    /// The value there, in the profile or in the custom data.
    pub(crate) fn find<'a>(
        &self,
        profile: &'a Value,
        data: Option<&'a Map<String, Value>>,
    ) -> Option<&'a Value> {
        match self.data_key() {
            Some(key) => data?.get(key),
            None => self.0.split('.').try_fold(profile, step),
        }
    }
}

fn step<'a>(value: &'a Value, segment: &str) -> Option<&'a Value> {
    match value {
        Value::Object(fields) => fields.get(segment),
        Value::Array(items) => items.get(segment.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn check_key(key: &str) -> Result<(), InvalidPath> {
    if key.trim().is_empty() {
        return Err(InvalidPath::Empty);
    }
    if key.trim() != key || key.chars().any(char::is_control) {
        return Err(InvalidPath::Character);
    }
    Ok(())
}

fn check_segments(text: &str) -> Result<(), InvalidPath> {
    if text == "data" || text.split('.').any(str::is_empty) {
        return Err(InvalidPath::Empty);
    }
    if text.split('.').count() > MAX_SEGMENTS || text.split('.').any(|part| part.len() > MAX_SEGMENT_BYTES) {
        return Err(InvalidPath::TooLong);
    }
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.');
    if !text.chars().all(allowed) {
        return Err(InvalidPath::Character);
    }
    let root = text.split('.').next().unwrap_or_default();
    if ROOTS.contains(&root) { Ok(()) } else { Err(InvalidPath::UnknownRoot) }
}

impl fmt::Display for SourcePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SourcePath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for SourcePath {
    type Error = InvalidPath;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<SourcePath> for String {
    fn from(path: SourcePath) -> Self {
        path.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn find(path: &str, profile: &Value) -> Option<Value> {
        SourcePath::parse(path).unwrap().find(profile, None).cloned()
    }

    #[test]
    fn a_path_walks_objects_and_lists() {
        let profile = json!({"person": {"nickname": "Ana"}, "segments": ["trial", "vip"]});
        assert_eq!(find("person.nickname", &profile), Some(json!("Ana")));
        assert_eq!(find("segments.1", &profile), Some(json!("vip")));
        assert_eq!(find("segments.2", &profile), None);
        assert_eq!(find("person.nickname.first", &profile), None);
    }

    #[test]
    fn a_data_key_is_taken_whole() {
        let data = json!({"Plan name": "pro", "a.b": 1});
        let path = SourcePath::of_data_key("Plan name").unwrap();
        assert_eq!(path.find(&Value::Null, data.as_object()), Some(&json!("pro")));
        let dotted = SourcePath::parse("data.a.b").unwrap();
        assert_eq!(dotted.find(&Value::Null, data.as_object()), Some(&json!(1)));
        assert_eq!(dotted.find(&json!({"data": {"a": {"b": 2}}}), None), None);
    }

    #[test]
    fn syntax_has_bounds() {
        use InvalidPath::{Character, Empty, TooLong, UnknownRoot};
        let long = "a".repeat(65);
        let deep = vec!["a"; 13].join(".");
        for (text, why) in [
            ("", Empty),
            (".", Empty),
            ("a..b", Empty),
            ("a.", Empty),
            ("data", Empty),
            ("data.", Empty),
            ("data.  ", Empty),
            (" email", Character),
            ("person.näme", Character),
            ("person[0]", Character),
            ("nickname", UnknownRoot),
            ("Email", UnknownRoot),
            ("custom.plan", UnknownRoot),
            ("data.a\nb", Character),
            ("data. a", Character),
            (&long, TooLong),
            (&deep, TooLong),
            (&"data.a".repeat(100), TooLong),
        ] {
            assert_eq!(SourcePath::parse(text), Err(why), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered_and_a_path_stays_as_written(text in any::<String>()) {
            if let Ok(path) = SourcePath::parse(&text) {
                prop_assert_eq!(path.as_str(), &text);
                prop_assert_eq!(path.find(&Value::Null, None), None);
            }
        }
    }
}
