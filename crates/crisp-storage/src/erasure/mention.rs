//! Whether a raw body speaks of a person: pure.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crisp_client::hook::{ConversationChange, Envelope, Event, ProfileChange};
use crisp_domain::email::EmailKey;
use serde_json::Value;

/// Whether `body`, JSON or anything else, holds one of these addresses in any spelling.
pub(super) fn mentions(body: &[u8], emails: &BTreeSet<EmailKey>) -> bool {
    let text = String::from_utf8_lossy(body);
    if emails.iter().any(|email| holds(&text, email)) {
        return true;
    }
    // Escapes may hide it: `\u0040` is an @.
    let read = || serde_json::from_str(&text).ok();
    text.contains('\\')
        && read().is_some_and(|value: Value| emails.iter().any(|email| value_holds(&value, email)))
}

/// Whether a hook says that its conversation or profile has one of these addresses.
pub(super) fn belongs_to(body: &[u8], emails: &BTreeSet<EmailKey>) -> bool {
    given(body).is_some_and(|email| emails.contains(&email))
}

/// The address that a hook gives to its conversation or profile, if it gives one.
pub fn given(body: &[u8]) -> Option<EmailKey> {
    let envelope = Envelope::parse(body).ok()?;
    let told = match Event::parse(&envelope).ok()? {
        Event::Conversation(_, ConversationChange::Email(email))
        | Event::Profile(_, ProfileChange::Created { email }) => email,
        Event::Profile(_, ProfileChange::Updated { email, update }) => field(&update).or(email),
        Event::Profile(_, ProfileChange::Synced { identity, .. }) => field(&identity),
        Event::Conversation(..) | Event::Profile(..) | Event::Plugin(..) | Event::Other(_) => None,
    };
    EmailKey::parse(&told?)
}

fn field(update: &Value) -> Option<String> {
    update.get("email").and_then(Value::as_str).map(str::to_owned)
}

/// Every address that `body`, JSON or anything else, holds.
pub fn addresses(body: &[u8]) -> BTreeSet<EmailKey> {
    let text = String::from_utf8_lossy(body);
    let mut found = BTreeSet::new();
    if !text.contains(['@', '\\']) {
        return found;
    }
    match serde_json::from_str::<Value>(&text) {
        Ok(value) => collect(&value, &mut found),
        Err(_) => found.extend(parsed(&text)),
    }
    found
}

fn collect(value: &Value, found: &mut BTreeSet<EmailKey>) {
    match value {
        Value::String(text) => found.extend(parsed(text)),
        Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
        Value::Object(fields) => {
            for (name, value) in fields {
                found.extend(parsed(name));
                collect(value, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn parsed(text: &str) -> impl Iterator<Item = EmailKey> {
    words(text).filter_map(|word| EmailKey::parse(word.trim_end_matches(['.', '!', '?'])))
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
    let foreign = || words(text).filter(|word| !word.is_ascii());
    text.contains('@') && (folded(text).contains(email.as_str()) || foreign().any(|word| is(word, email)))
}

fn folded(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_uppercase) { Cow::Owned(text.to_lowercase()) } else { Cow::Borrowed(text) }
}

/// What may be an address. One with a name or a domain in its own script is not found by a look at the letters.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let ends = |letter: char| letter.is_whitespace() || "\"'<>(),;:[]{}\\|".contains(letter);
    text.split(ends).filter(|word| word.contains('@'))
}

fn is(word: &str, email: &EmailKey) -> bool {
    EmailKey::parse(word.trim_end_matches(['.', '!', '?'])).as_ref() == Some(email)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn email(text: &str) -> EmailKey {
        EmailKey::parse(text).unwrap()
    }

    fn only(email: &EmailKey) -> BTreeSet<EmailKey> {
        BTreeSet::from([email.clone()])
    }

    fn hook(event: &str, data: &Value) -> Vec<u8> {
        let website = uuid::Uuid::nil();
        json!({ "website_id": website, "event": event, "data": data }).to_string().into_bytes()
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
            assert!(mentions(body.as_bytes(), &only(&ana)), "{body}");
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
            assert!(!mentions(body.as_bytes(), &only(&ana)), "{body}");
        }
        assert!(!mentions(&[0xff, b'@', 0xfe], &only(&ana)));
    }

    #[test]
    fn a_hook_belongs_to_whoever_it_gives_the_address_to_not_to_whoever_writes_about_it() {
        let ana = only(&email("ana@x.example"));
        let data = json!({ "session_id": "session_1", "email": " ANA@x.example" });
        assert!(belongs_to(&hook("session:set_email", &data), &ana));
        let data = json!({ "people_id": "p", "update": { "email": "ana@x.example" } });
        assert!(belongs_to(&hook("people:profile:updated", &data), &ana));
        let data = json!({ "session_id": "session_1", "fingerprint": 1, "from": "user", "type": "text",
            "content": "write to ana@x.example", "timestamp": 1 });
        assert!(!belongs_to(&hook("message:send", &data), &ana));
        assert!(!belongs_to(b"ana@x.example", &ana));
    }

    #[test]
    fn addresses_are_found_wherever_a_body_has_them() {
        let data =
            json!({ "content": "ana@x.example, ben\u{40}x.example!", "deep": [{ "Cid@X.example": 1 }] });
        let found = addresses(&hook("message:send", &data));
        for known in ["ana@x.example", "ben@x.example", "cid@x.example"] {
            assert!(found.contains(&email(known)), "{known} in {}", found.len());
        }
        assert!(addresses(b"no JSON, but ana@x.example is in it").contains(&email("ana@x.example")));
    }
}
