//! Whether a raw body speaks of a person: pure.

use std::borrow::Cow;

use crisp_domain::email::EmailKey;
use serde_json::Value;

/// Whether `body`, JSON or anything else, holds this address in any spelling.
pub(super) fn mentions(body: &[u8], email: &EmailKey) -> bool {
    let text = String::from_utf8_lossy(body);
    if holds(&text, email) {
        return true;
    }
    // Escapes may hide it: `\u0040` is an @.
    text.contains('\\') && serde_json::from_str(&text).is_ok_and(|value: Value| value_holds(&value, email))
}

fn value_holds(value: &Value, email: &EmailKey) -> bool {
    match value {
        Value::String(text) => holds(text, email),
        Value::Array(values) => values.iter().any(|value| value_holds(value, email)),
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| holds(name, email) || value_holds(value, email))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn holds(text: &str, email: &EmailKey) -> bool {
    text.contains('@') && (folded(text).contains(email.as_str()) || words(text).any(|word| is(word, email)))
}

fn folded(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_uppercase) { Cow::Owned(text.to_lowercase()) } else { Cow::Borrowed(text) }
}

/// What may be an address with a name or a domain in its own script, where a look at the letters is not enough.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let ends = |letter: char| letter.is_whitespace() || "\"'<>(),;:[]{}\\|".contains(letter);
    text.split(ends).filter(|word| word.contains('@') && !word.is_ascii())
}

fn is(word: &str, email: &EmailKey) -> bool {
    EmailKey::parse(word.trim_end_matches(['.', '!', '?'])).as_ref() == Some(email)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(text: &str) -> EmailKey {
        EmailKey::parse(text).unwrap()
    }

    #[test]
    fn an_address_is_found_in_any_spelling() {
        let ana = email("ana@bücher.example");
        for body in [
            r#"{"data":{"email":"ana@xn--bcher-kva.example"}}"#,
            r#"{"data":{"email":"Ana@XN--BCHER-KVA.example"}}"#,
            r#"{"data":{"email":"ANA@Bücher.example"}}"#,
            r#"{"data":{"content":"write to <ana@bücher.example>."}}"#,
            r#"{"data":{"email":"ana\u0040b\u00fccher.example"}}"#,
            r#"{"ana\u0040xn--bcher-kva.example":1}"#,
            "not JSON, but ana@xn--bcher-kva.example is in it",
        ] {
            assert!(mentions(body.as_bytes(), &ana), "{body}");
        }
    }

    #[test]
    fn others_are_not_taken_for_the_person() {
        let ana = email("ana@x.example");
        for body in [
            r#"{"email":"ben@x.example"}"#,
            r#"{"email":"ana@y.example"}"#,
            "",
            "\\u00",
            r#"{"a":"ana at x.example"}"#,
        ] {
            assert!(!mentions(body.as_bytes(), &ana), "{body}");
        }
        assert!(!mentions(&[0xff, b'@', 0xfe], &ana));
    }
}
