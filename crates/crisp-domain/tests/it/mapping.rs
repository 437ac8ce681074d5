//! A profile's fields in a contact.

use std::collections::{BTreeMap, BTreeSet};

use crisp_domain::Mapping;
use crisp_domain::mapping::{MappingRow, Policy, SourcePath, Target, data_fields, source_fields};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{any_json, cases};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    mapping: Mapping,
    profile: Value,
    data: Option<Map<String, Value>>,
    expected: BTreeMap<Target, Value>,
    #[serde(default)]
    unread: BTreeSet<Target>,
}

#[test]
fn every_case_is_mapped_as_written() {
    for case in cases::<Case>("mappings") {
        let mapped = case.mapping.map(&case.profile, case.data.as_ref());
        assert_eq!(mapped.values, case.expected, "{}", case.name);
        assert_eq!(mapped.unread, case.unread, "{}", case.name);
    }
}

#[test]
fn every_field_of_a_profile_is_offered_with_its_value() {
    let profile = json!({"email": "ana@x.example", "person": {"nickname": "Ana", "region": null, "näme": 1,
        "profiles": [{"type": "linkedin", "handle": "ana"}], "locales": ["en", "fr"]}, "segments": [], "score": 4,
        "data": {"plan": "pro"}});
    let offered: Vec<(String, Value)> =
        source_fields(&profile).into_iter().map(|field| (field.path.to_string(), field.example)).collect();
    let expected = [
        ("email", json!("ana@x.example")),
        ("person.nickname", json!("Ana")),
        ("person.region", json!(null)),
        ("person.profiles.0.type", json!("linkedin")),
        ("person.profiles.0.handle", json!("ana")),
        ("person.locales", json!("en, fr")),
        ("segments", json!(null)),
        ("score", json!(4)),
    ];
    assert_eq!(offered, expected.map(|(path, example)| (path.to_owned(), example)));
}

#[test]
fn custom_data_is_offered_by_its_keys_and_examples_are_short() {
    let data = json!({"Plan name": "pro", " odd ": 1, "story": "x".repeat(1_000), "nested": {"a": 1}});
    let offered = data_fields(data.as_object().unwrap());
    let paths: Vec<&str> = offered.iter().map(|field| field.path.as_str()).collect();
    assert_eq!(paths, ["data.Plan name", "data.story"]);
    assert!(offered[1].example.as_str().unwrap().len() <= 200);
}

#[test]
fn a_huge_profile_offers_a_bounded_list() {
    let fields: Map<String, Value> = (0..10_000).map(|n| (format!("f{n}"), json!(n))).collect();
    assert_eq!(source_fields(&json!({ "person": fields })).len(), 500);
    let deep = (0..1_000).fold(json!(1), |inner, _| json!({"person": inner}));
    assert_eq!(source_fields(&deep).len(), 0);
}

proptest! {
    #[test]
    fn any_profile_is_mapped(profile in any_json()) {
        let mapped = Mapping::default().map(&profile, None);
        prop_assert!(mapped.unread.is_empty());
        prop_assert!(mapped.values.values().all(|value| !value.is_null() && value.as_str() != Some("")));
    }

    #[test]
    fn what_is_offered_can_be_mapped(profile in any_json()) {
        for field in source_fields(&profile) {
            let row = MappingRow { from: field.path.clone(), to: "attributes.x".parse().unwrap(), policy: Policy::Overwrite };
            let mapped = Mapping::new(vec![row]).unwrap().map(&profile, None);
            let is_blank = field.example.is_null() || field.example.as_str().is_some_and(|text| text.trim().is_empty());
            // An instant in an unusable form is offered, and says nothing.
            prop_assert!(mapped.values.is_empty() || !is_blank, "{}", field.path);
            prop_assert!(SourcePath::parse(field.path.as_str()).is_ok());
        }
    }
}
