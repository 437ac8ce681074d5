//! Any message content as text that a person can read.

use crisp_domain::MessageKind;
use crisp_domain::body::{MAX_BODY_BYTES, render};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{any_json, cases};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    r#type: String,
    content: Value,
    body: String,
    /// Whether the content is kept beside the body.
    #[serde(default = "yes")]
    structured: bool,
}

const fn yes() -> bool {
    true
}

#[test]
fn every_case_reads_as_written() {
    for case in cases::<Case>("bodies") {
        let body = render(&MessageKind::from(case.r#type.as_str()), &case.content);
        assert_eq!(body.text, case.body, "{}", case.name);
        assert_eq!(body.content, case.structured.then_some(case.content), "{}", case.name);
    }
}

#[test]
fn every_kind_has_a_case() {
    let kinds = ["text", "file", "animation", "audio", "picker", "field", "carousel", "note", "event"];
    let cases = cases::<Case>("bodies");
    for kind in kinds {
        assert!(cases.iter().any(|case| case.r#type == kind), "{kind}");
        assert_eq!(MessageKind::from(kind).as_str(), kind);
        assert!(!matches!(MessageKind::from(kind), MessageKind::Other(_)), "{kind}");
    }
}

#[test]
fn an_endless_message_is_cut_off_and_a_long_one_is_whole() {
    let long = "é".repeat(MAX_BODY_BYTES / 2);
    assert_eq!(render(&MessageKind::Text, &json!(long)).text, long);
    let endless = render(&MessageKind::Text, &json!("é".repeat(MAX_BODY_BYTES)));
    assert!(endless.text.len() <= MAX_BODY_BYTES && endless.text.ends_with('…'));
    let choices: Vec<Value> = (0..200_000).map(|n| json!({"label": format!("choice {n}")})).collect();
    assert!(render(&MessageKind::Picker, &json!({"choices": choices})).text.len() <= MAX_BODY_BYTES);
}

#[test]
fn a_bottomless_message_is_readable() {
    let deep = (0..1_000).fold(json!("bottom"), |inner, _| json!({"inner": inner}));
    let body = render(&MessageKind::Other("poll".to_owned()), &deep);
    assert!(body.text.starts_with(r#"{"inner":"#));
    assert!(serde_json::from_str::<Value>(&body.content.unwrap().to_string()).is_ok());
}

fn any_kind() -> impl Strategy<Value = MessageKind> {
    let kinds = "text|file|animation|audio|picker|field|carousel|note|event|poll|";
    kinds.prop_map(|name: String| MessageKind::from(name))
}

proptest! {
    #[test]
    fn anything_is_rendered(kind in any_kind(), content in any_json()) {
        let body = render(&kind, &content);
        prop_assert!(!body.text.contains('\0'));
        prop_assert!(kind.is_plain() || !body.text.is_empty() || content == json!(""));
        prop_assert_eq!(body.content.is_none(), content.is_null() || (kind.is_plain() && content.is_string()));
    }
}
