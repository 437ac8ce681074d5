//! Any JSON as import settings: it is refused with bounded errors, or saved and read back as it was.
#![no_main]

use crisp_domain::ImportSettings;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let Ok(form) = serde_json::from_str(input) else { return };
    match ImportSettings::parse(form) {
        Ok(settings) => {
            let saved = serde_json::to_value(&settings).expect("settings can be written");
            assert_eq!(ImportSettings::parse(saved), Ok(settings));
        }
        Err(errors) => {
            assert!(!errors.is_empty() && errors.len() <= 100);
            for error in errors {
                assert!(error.field.chars().count() <= 250 && !error.to_string().is_empty());
            }
        }
    }
});
