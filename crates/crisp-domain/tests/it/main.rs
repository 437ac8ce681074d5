//! What comes from Crisp, in Custify's words: case by case, and for random input.
//!
//! * [`bodies`]: any message content as readable text, `cases/bodies.json`, and: nothing fails, nothing is endless
//! * [`mapping`]: a profile's fields in a contact, `cases/mappings.json`, and: every field of a profile can be found
//! * [`merging`]: what becomes of what is there already: hand-made changes stay, merging twice changes nothing
//! * [`redaction`]: cards, accounts and keys, `cases/redactions.json`, and: other long numbers stay
//!
//! A case is added by adding it to the file.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bodies;
mod mapping;
mod merging;
mod redaction;

use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads a case file of `tests/cases`.
fn cases<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let path = format!("{}/tests/cases/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|why| panic!("{path}: {why}"))
}

/// Any JSON, made of the names that records of Crisp have.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((any_name(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn any_name() -> impl Strategy<Value = String> {
    let known =
        "text|url|name|type|duration|choices|label|selected|value|explain|targets|title|actions|namespace";
    let profile =
        "email|person|nickname|phone|employment|geolocation|country|company|active|last|created_at|segments";
    prop_oneof![known, profile, any::<String>()]
}
