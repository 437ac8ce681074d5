//! Any content of any type of message: it becomes bounded text that Postgres takes, and redacting twice is redacting once.
//!
//! The first line of the input is the type, the rest the content: JSON, or else plain text.
#![no_main]

use crisp_domain::{MessageKind, RenderOptions, json, redact, text};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|input: &str| {
    let (kind, rest) = input.split_once('\n').unwrap_or(("text", input));
    let content = serde_json::from_str(rest).unwrap_or_else(|_| Value::String(rest.to_owned()));
    let kind = MessageKind::from(kind);
    let (body, none) = RenderOptions { redact: false }.render(&kind, &content);
    assert!(none.is_empty());
    let stored = text::storable(&body.text);
    assert!(!stored.contains('\0'));
    assert_eq!(text::storable(&stored), stored, "what is storable stays as it is");
    if let Some(kept) = body.content {
        let stored = json::storable(kept);
        assert_eq!(json::storable(stored.clone()), stored);
    }
    let (redacted, _) = RenderOptions { redact: true }.render(&kind, &content);
    let (again, more) = redact::redact(&redacted.text);
    assert!(more.is_empty(), "redacted text is redacted: {again:?}");
});
