//! The wire half of every oddity.

use serde_json::{Map, Value, json};

use crate::simulator::oddities::{BEYOND, ConversationOddity, MessageOddity, PersonOddity};
use crate::simulator::records::Conversation;

type Object = Map<String, Value>;

const TIMES: [&str; 3] = ["created_at", "updated_at", "waiting_since"];

pub(super) fn person(odd: PersonOddity, profile: &mut Object) {
    match odd {
        PersonOddity::EmptyEmail => set(profile, "email", ""),
        PersonOddity::NicknameNull => set_in(profile, "person", "nickname", Value::Null),
        PersonOddity::NicknameNumber => set_in(profile, "person", "nickname", 42),
        PersonOddity::NoPerson => drop(profile.remove("person")),
        PersonOddity::PersonIsArray => set(profile, "person", json!([])),
        PersonOddity::TimesAsText => reshape_times(profile, &as_text),
        PersonOddity::TimesAsFloats => reshape_times(profile, &as_float),
        PersonOddity::UnknownFields => unknown_fields(profile),
        PersonOddity::EmptyTexts => {
            set_in(profile, "person", "phone", "");
            set_in(profile, "person", "employment", json!({"name": "", "title": "", "role": null}));
            set(profile, "company", json!({"name": ""}));
        }
        PersonOddity::NullEverywhere => {
            for key in ["person", "company", "segments", "notepad", "score"] {
                set(profile, key, Value::Null);
            }
        }
        PersonOddity::ScoreAsText => set(profile, "score", "high"),
        PersonOddity::NoId => drop(profile.remove("people_id")),
        PersonOddity::NumberBeyond => set(profile, "score", BEYOND.to_string()),
        PersonOddity::TooDeep => set(profile, "company", abyss()),
        PersonOddity::NoEmail
        | PersonOddity::ShoutedEmail
        | PersonOddity::SharedEmail
        | PersonOddity::NicknameHuge
        | PersonOddity::NicknameWithNul
        | PersonOddity::NicknameWithLoneSurrogate
        | PersonOddity::NoTimes => {}
    }
}

pub(super) fn conversation(odd: ConversationOddity, truth: &Conversation, row: &mut Object) {
    match odd {
        ConversationOddity::NoMeta => drop(row.remove("meta")),
        ConversationOddity::MetaIsNull => set(row, "meta", Value::Null),
        ConversationOddity::MetaIsArray => set(row, "meta", json!([])),
        ConversationOddity::StatusOnly => drop(row.remove("state")),
        ConversationOddity::TimesAsText => reshape_times(row, &as_text),
        ConversationOddity::TimesAsFloats => reshape_times(row, &as_float),
        ConversationOddity::UnknownFields => unknown_fields(row),
        ConversationOddity::EmptyTexts => {
            for key in ["nickname", "subject", "origin", "phone"] {
                set_in(row, "meta", key, "");
            }
        }
        ConversationOddity::NoAssigned => drop(row.remove("assigned")),
        ConversationOddity::AssignedIsText => set(row, "assigned", "nobody"),
        ConversationOddity::NoPreview => {
            row.remove("preview_message");
            set(row, "last_message", Value::Null);
        }
        ConversationOddity::PeopleIdEmpty => set(row, "people_id", ""),
        ConversationOddity::NicknameNumber => set_in(row, "meta", "nickname", 7),
        ConversationOddity::NoId => drop(row.remove("session_id")),
        ConversationOddity::NumberBeyond => set(row, "status", BEYOND.to_string()),
        ConversationOddity::TooDeep => set(row, "compose", abyss()),
        ConversationOddity::SubjectHuge
        | ConversationOddity::SubjectWithNul
        | ConversationOddity::SubjectWithLoneSurrogate => {
            debug_assert!(truth.subject.is_some(), "the truth is bent first");
        }
    }
}

pub(super) fn message(odd: MessageOddity, row: &mut Object) {
    match odd {
        MessageOddity::TimestampAsText => reshape(row, "timestamp", &as_text),
        MessageOddity::TimestampAsFloat => reshape(row, "timestamp", &as_float),
        MessageOddity::NoUser => drop(row.remove("user")),
        MessageOddity::UserIsNull => set(row, "user", Value::Null),
        MessageOddity::UnknownFields => unknown_fields(row),
        MessageOddity::FlagsAsText => {
            for (key, value) in [("stamped", json!("yes")), ("read", json!(true)), ("mentions", Value::Null)]
            {
                set(row, key, value);
            }
        }
        MessageOddity::NoFingerprint => drop(row.remove("fingerprint")),
        MessageOddity::NumberBeyond => set(row, "timestamp", BEYOND.to_string()),
        MessageOddity::TooDeep => set(row, "properties", abyss()),
        MessageOddity::NegativeFingerprint
        | MessageOddity::SameTimestamp
        | MessageOddity::NoTimestamp
        | MessageOddity::NoFrom
        | MessageOddity::UnknownKind
        | MessageOddity::ContentNumber
        | MessageOddity::ContentNull
        | MessageOddity::ContentEmpty
        | MessageOddity::ContentHuge
        | MessageOddity::ContentWithNul
        | MessageOddity::ContentWithLoneSurrogate => {}
    }
}

fn set(object: &mut Object, key: &str, value: impl Into<Value>) {
    object.insert(key.to_owned(), value.into());
}

fn set_in(object: &mut Object, outer: &str, key: &str, value: impl Into<Value>) {
    if let Some(Value::Object(inner)) = object.get_mut(outer) {
        set(inner, key, value);
    }
}

fn reshape_times(object: &mut Object, shape: &dyn Fn(i64) -> Value) {
    for key in TIMES {
        reshape(object, key, shape);
    }
}

fn reshape(object: &mut Object, key: &str, shape: &dyn Fn(i64) -> Value) {
    if let Some(time) = object.get(key).and_then(Value::as_i64) {
        set(object, key, shape(time));
    }
}

fn as_text(time: i64) -> Value {
    time.to_string().into()
}

fn as_float(time: i64) -> Value {
    serde_json::from_str(&format!("{time}.0")).unwrap_or_default()
}

fn unknown_fields(object: &mut Object) {
    set(object, "x_future", json!({"nested": [1, {"two": null}], "emoji": "🚀", "a\u{0}b": "c"}));
    set(object, "", json!(true));
    set(object, "ULTRA_LONG_KEY_".repeat(20).as_str(), json!(-0.5));
}

/// Deeper than any honest reader goes.
fn abyss() -> Value {
    (0..400).fold(Value::Null, |inner, _| json!([inner]))
}
