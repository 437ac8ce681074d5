//! From bytes to JSON values, mended before and explained after.

use serde::Deserialize;
use serde_json::Value;

use crate::mend::mend;

/// Longest path or identity that is kept of an odd record, in characters; deep nesting makes endless ones.
const LONGEST_REMARK: usize = 200;

/// Where and why a JSON text could not be read.
#[derive(Debug)]
pub(crate) struct Flaw {
    pub(crate) path: String,
    pub(crate) cause: serde_json::Error,
}

/// Reads a JSON value out of raw bytes, mended.
pub(crate) fn value(body: &[u8]) -> Result<Value, Flaw> {
    parse(&mend(body))
}

/// Reads one JSON text; the flaw names the path.
pub(crate) fn parse<'text, T: Deserialize<'text>>(text: &'text str) -> Result<T, Flaw> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| Flaw { path: shortened(&error.path().to_string()), cause: error.into_inner() })?;
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

pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(LONGEST_REMARK).collect()
}
