//! Any profile, mapped and merged onto a contact: nothing stops it, merging twice is merging once, and taking everything
//! back leaves nothing behind.
#![no_main]

use std::collections::BTreeMap;

use crisp_client::{Profile, Wire};
use crisp_domain::{ContactFields, EmailKey, Mapping, country, json, phone};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|input: &str| {
    let Ok(raw) = serde_json::from_str::<Value>(input) else {
        let _ = (EmailKey::parse(input), phone::normalise(input, Some("FR")), country::alpha2(input));
        return;
    };
    let raw = json::storable(raw);
    let _ = Profile::read(raw.clone());
    let mapping = Mapping::default();
    let mapped = mapping.map(&raw, raw.get("data").and_then(Value::as_object));
    let once = mapping.merge(&ContactFields::default(), &BTreeMap::new(), &mapped);
    let twice = mapping.merge(&once.fields, &once.from_crisp, &mapped);
    assert!(once == twice, "merging twice is merging once");
    let _ = once.fields.phone.as_deref().map(|number| phone::normalise(number, None));
    let taken_back = Mapping::empty().merge(&once.fields, &once.from_crisp, &Default::default());
    assert!(taken_back.fields == ContactFields::default() && taken_back.from_crisp.is_empty());
});
