//! What is wrong with one field of a form.

use std::fmt;

use serde::Serialize;

/// One thing that is wrong with one field: where, a stable code, and a sentence without its subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The path of the field, such as `mapping[2].to`.
    pub field: String,
    /// A stable code: `unknown_field`, `wrong_type`, `required`, `out_of_range`, `invalid`, `duplicate`, `too_many`.
    pub code: &'static str,
    /// What is wrong, for people. It never repeats the value.
    pub detail: String,
}

impl FieldError {
    /// Makes an error of a field; `detail` continues a sentence that the field begins.
    pub fn new(field: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self { field: field.into(), code, detail: detail.into() }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.detail)
    }
}
