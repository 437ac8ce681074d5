//! Reading a JSON object field by field, collecting everything that is wrong with it.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde_json::{Map, Value};

use super::FieldError;

/// The most errors that one form collects: more help nobody, and a hostile form could ask for a million.
pub(crate) const MAX_ERRORS: usize = 100;
/// The longest field name that is repeated in an error, in characters.
const MAX_NAME_CHARACTERS: usize = 100;

/// An object whose fields are taken one by one; what is left over in the end is unknown.
pub(crate) struct Form<'a> {
    at: String,
    fields: Map<String, Value>,
    errors: &'a mut Vec<FieldError>,
}

impl<'a> Form<'a> {
    /// Opens `value`, which stands at path `at` (empty for the whole); `None` if it is no object.
    pub(crate) fn open(value: Value, at: String, errors: &'a mut Vec<FieldError>) -> Option<Self> {
        if let Value::Object(fields) = value {
            return Some(Self { at, fields, errors });
        }
        let field = if at.is_empty() { "settings".to_owned() } else { at };
        note(errors, field, "wrong_type", "is not an object");
        None
    }

    /// Takes a boolean.
    pub(crate) fn switch(&mut self, name: &str, default: bool) -> bool {
        match self.fields.shift_remove(name) {
            None => default,
            Some(Value::Bool(on)) => on,
            Some(_) => {
                self.refuse(name, "wrong_type", "is neither true nor false");
                default
            }
        }
    }

    /// Takes a whole number within `range`, or `null`.
    pub(crate) fn number(&mut self, name: &str, range: RangeInclusive<u32>) -> Option<u32> {
        let value = self.fields.shift_remove(name).filter(|value| !value.is_null())?;
        if !(value.is_u64() || value.is_i64()) {
            self.refuse(name, "wrong_type", "is neither a whole number nor null");
            return None;
        }
        let number =
            value.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|n| range.contains(n));
        if number.is_none() {
            self.refuse(
                name,
                "out_of_range",
                format!("is not between {} and {}", range.start(), range.end()),
            );
        }
        number
    }

    /// Takes text that must be there and parse.
    pub(crate) fn required<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        match self.fields.shift_remove(name) {
            None => self.refuse(name, "required", "is missing"),
            Some(Value::String(text)) => match text.parse() {
                Ok(parsed) => return Some(parsed),
                Err(why) => self.refuse(name, "invalid", why.to_string()),
            },
            Some(_) => self.refuse(name, "wrong_type", "is not text"),
        }
        None
    }

    /// Takes one of a few words; absent, the type's default.
    pub(crate) fn word<T: FromStr + Default>(&mut self, name: &str, words: &[&str]) -> Option<T> {
        match self.fields.shift_remove(name) {
            None => return Some(T::default()),
            Some(Value::String(text)) => match text.parse() {
                Ok(parsed) => return Some(parsed),
                Err(_) => self.refuse(name, "invalid", format!("is none of {}", words.join(", "))),
            },
            Some(_) => self.refuse(name, "wrong_type", "is not text"),
        }
        None
    }

    /// Takes a part that is read elsewhere.
    pub(crate) fn part<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Value, &mut Vec<FieldError>) -> T,
    ) -> Option<T> {
        let value = self.fields.shift_remove(name)?;
        Some(read(value, self.errors))
    }

    /// Refuses every field that nobody took.
    pub(crate) fn close(mut self) {
        for (name, _) in std::mem::take(&mut self.fields) {
            self.refuse(&name, "unknown_field", "is not a field that is known here");
        }
    }

    fn refuse(&mut self, name: &str, code: &'static str, detail: impl Into<String>) {
        let name: String = name.chars().take(MAX_NAME_CHARACTERS).collect();
        let field = if self.at.is_empty() { name } else { format!("{}.{name}", self.at) };
        note(self.errors, field, code, detail);
    }
}

/// Notes an error, unless there are [`MAX_ERRORS`] already.
pub(crate) fn note(
    errors: &mut Vec<FieldError>,
    field: impl Into<String>,
    code: &'static str,
    detail: impl Into<String>,
) {
    if errors.len() < MAX_ERRORS {
        errors.push(FieldError::new(field, code, detail));
    }
}
