//! Any text as a path into a profile: it is a path that reads as it was written, or it is refused.
//!
//! The first line of the input is the path, the rest a profile.
#![no_main]

use crisp_domain::mapping::SourcePath;
use crisp_domain::{ImportSettings, mapping};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

fuzz_target!(|input: &str| {
    let (path, profile) = input.split_once('\n').unwrap_or((input, "{}"));
    let profile: Value = serde_json::from_str(profile).unwrap_or_default();
    for field in mapping::source_fields(&profile) {
        assert!(SourcePath::parse(field.path.as_str()).is_ok(), "what is offered can be chosen");
    }
    let Ok(parsed) = SourcePath::parse(path) else { return };
    assert_eq!(SourcePath::parse(&parsed.to_string()), Ok(parsed.clone()));
    assert_eq!(parsed.to_string(), path);
    let row = json!({"mapping": [{"from": path, "to": "attributes.x", "policy": "overwrite"}]});
    let settings = ImportSettings::parse(row).expect("a path that parses can be saved");
    let _ = settings.mapping.map(&profile, profile.get("data").and_then(Value::as_object));
});
