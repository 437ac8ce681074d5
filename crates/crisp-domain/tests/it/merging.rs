//! What becomes of what a contact holds already.

use std::collections::{BTreeMap, BTreeSet};

use crisp_domain::mapping::{
    ContactFields, MappedFields, Mapping, MappingRow, Merged, Policy, SourcePath, Target,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn mapping(rows: &[(&str, Policy)]) -> Mapping {
    let row = |(to, policy): &(&str, Policy)| MappingRow {
        from: SourcePath::parse("email").unwrap(),
        to: to.parse().unwrap(),
        policy: *policy,
    };
    Mapping::new(rows.iter().map(row).collect()).unwrap()
}

fn fields(values: &[(&str, &str)]) -> ContactFields {
    let mut fields = ContactFields::default();
    for (target, value) in values {
        fields.set(&target.parse().unwrap(), Some(json!(value)));
    }
    fields
}

fn values(values: &[(&str, &str)]) -> BTreeMap<Target, Value> {
    values.iter().map(|(target, value)| (target.parse().unwrap(), json!(value))).collect()
}

fn mapped(list: &[(&str, &str)]) -> MappedFields {
    MappedFields { values: values(list), unread: BTreeSet::new() }
}

fn assert_merged(merged: &Merged, fields_then: &[(&str, &str)], from_crisp: &[(&str, &str)]) {
    assert_eq!(merged.fields, fields(fields_then));
    assert_eq!(merged.from_crisp, values(from_crisp));
}

#[test]
fn overwrite_takes_what_crisp_says() {
    let merged = mapping(&[("name", Policy::Overwrite)]).merge(
        &fields(&[("name", "by hand"), ("phone", "1")]),
        &values(&[]),
        &mapped(&[("name", "Ana")]),
    );
    assert_merged(&merged, &[("name", "Ana"), ("phone", "1")], &[("name", "Ana")]);
}

#[test]
fn what_crisp_no_longer_says_goes_unless_it_was_changed_by_hand() {
    let mapping = mapping(&[("name", Policy::Overwrite), ("attributes.plan", Policy::Overwrite)]);
    let last = values(&[("name", "Ana"), ("attributes.plan", "pro")]);
    let merged = mapping.merge(&fields(&[("name", "Anna"), ("attributes.plan", "pro")]), &last, &mapped(&[]));
    assert_merged(&merged, &[("name", "Anna")], &[]);
}

#[test]
fn fill_empty_fills_what_is_empty_and_nothing_else() {
    let mapping = mapping(&[("name", Policy::FillEmpty), ("phone", Policy::FillEmpty)]);
    let mut current = fields(&[("name", "by hand")]);
    current.phone = Some("  ".to_owned());
    let merged = mapping.merge(&current, &values(&[]), &mapped(&[("name", "Ana"), ("phone", "1")]));
    assert_merged(&merged, &[("name", "by hand"), ("phone", "1")], &[("phone", "1")]);
    let again =
        mapping.merge(&merged.fields, &merged.from_crisp, &mapped(&[("name", "Ana"), ("phone", "2")]));
    assert_eq!(again, merged);
}

#[test]
fn a_field_that_no_row_fills_any_more_gives_back_what_crisp_put_there() {
    let last = values(&[("name", "Ana"), ("attributes.plan", "pro")]);
    let current = fields(&[("name", "Anna"), ("attributes.plan", "pro"), ("attributes.own", "1")]);
    let merged = Mapping::empty().merge(&current, &last, &mapped(&[]));
    assert_merged(&merged, &[("name", "Anna"), ("attributes.own", "1")], &[]);
}

#[test]
fn what_was_not_read_stays_as_it_is() {
    let mapping = mapping(&[("attributes.plan", Policy::Overwrite)]);
    let (current, last) = (fields(&[("attributes.plan", "pro")]), values(&[("attributes.plan", "pro")]));
    let unread = MappedFields {
        unread: BTreeSet::from(["attributes.plan".parse().unwrap()]),
        ..MappedFields::default()
    };
    let merged = mapping.merge(&current, &last, &unread);
    assert_merged(&merged, &[("attributes.plan", "pro")], &[("attributes.plan", "pro")]);
}

#[test]
fn a_time_is_merged_as_a_time() {
    let at = "2026-01-01T00:00:00.000Z";
    let mapping = mapping(&[("signed_up_at", Policy::Overwrite)]);
    let merged = mapping.merge(&ContactFields::default(), &values(&[]), &mapped(&[("signed_up_at", at)]));
    assert_eq!(merged.fields.signed_up_at.unwrap().timestamp(), 1_767_225_600);
    let gone = mapping.merge(&merged.fields, &merged.from_crisp, &mapped(&[]));
    assert_eq!(gone, Merged::default());
}

#[test]
fn debug_shows_fields_but_no_values() {
    let merged = mapping(&[("name", Policy::Overwrite)]).merge(
        &fields(&[("email", "ana@x.example"), ("attributes.plan", "hush")]),
        &values(&[]),
        &mapped(&[("name", "Ana")]),
    );
    let shown = format!("{merged:?} {:?}", mapped(&[("name", "Ana")]));
    for personal in ["ana@", "\"Ana\"", "hush"] {
        assert!(!shown.contains(personal), "{shown}");
    }
}

const TARGETS: [&str; 5] = ["email", "name", "phone", "attributes.a", "attributes.b"];

fn any_values() -> impl Strategy<Value = BTreeMap<Target, Value>> {
    let value = prop_oneof![Just("x"), Just("y"), Just("z")];
    prop::collection::btree_map(prop::sample::select(&TARGETS[..]), value, 0..6).prop_map(|picked| {
        picked.into_iter().map(|(to, value)| (to.parse().unwrap(), json!(value))).collect()
    })
}

fn any_fields() -> impl Strategy<Value = ContactFields> {
    any_values().prop_map(|values| {
        let mut fields = ContactFields::default();
        for (target, value) in values {
            fields.set(&target, Some(value));
        }
        fields
    })
}

fn any_mapping() -> impl Strategy<Value = Mapping> {
    let policy = prop_oneof![Just(Policy::Overwrite), Just(Policy::FillEmpty)];
    prop::collection::btree_map(prop::sample::select(&TARGETS[..]), policy, 0..6)
        .prop_map(|rows| mapping(&rows.into_iter().collect::<Vec<_>>()))
}

fn any_mapped() -> impl Strategy<Value = MappedFields> {
    (any_values(), prop::collection::btree_set(prop::sample::select(&TARGETS[..]), 0..2)).prop_map(
        |(mut values, unread)| {
            let unread: BTreeSet<Target> = unread.into_iter().map(|target| target.parse().unwrap()).collect();
            values.retain(|target, _| !unread.contains(target));
            MappedFields { values, unread }
        },
    )
}

proptest! {
    #[test]
    fn merging_twice_is_merging_once(
        mapping in any_mapping(),
        current in any_fields(),
        last in any_values(),
        mapped in any_mapped(),
    ) {
        let once = mapping.merge(&current, &last, &mapped);
        prop_assert_eq!(&mapping.merge(&once.fields, &once.from_crisp, &mapped), &once);
    }

    #[test]
    fn taking_everything_back_leaves_what_was_made_by_hand(
        mapping in any_mapping(),
        current in any_fields(),
        mapped in any_mapped(),
    ) {
        let merged = mapping.merge(&current, &BTreeMap::new(), &mapped);
        let back = Mapping::empty().merge(&merged.fields, &merged.from_crisp, &MappedFields::default());
        prop_assert!(back.from_crisp.is_empty());
        for target in TARGETS {
            let target: Target = target.parse().unwrap();
            let left = back.fields.get(&target);
            prop_assert!(left.is_none() || left == current.get(&target), "{}", target);
        }
    }
}
