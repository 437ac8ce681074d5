//! What an admin chose to import, validated whole.

mod field_error;
pub(crate) mod form;

pub use field_error::FieldError;

use std::ops::RangeInclusive;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::mapping::{self, Mapping};
use form::Form;

/// How far back the first sync may be told to look: from a day to a hundred years.
pub const BACKFILL_DAYS: RangeInclusive<u32> = 1..=36_500;
/// How often an incremental sync may be told to run: from each second, for who must watch closely, to once a week.
pub const INCREMENTAL_INTERVAL_SECONDS: RangeInclusive<u32> = 1..=604_800;

/// The import settings of one integration, in the form of the contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are the four switches of the settings form, each named"
)]
pub struct ImportSettings {
    /// Whether people are imported.
    pub import_people: bool,
    /// Whether conversations are imported, with their messages.
    pub import_conversations: bool,
    /// Whether internal notes are imported.
    pub include_notes: bool,
    /// Whether cards, IBANs and keys are taken out of messages and subjects before they are stored.
    pub redact: bool,
    /// How many days back the first sync imports conversations; `None` is all of them. See [`BACKFILL_DAYS`].
    pub backfill_days: Option<u32>,
    /// Seconds between incremental syncs; `None` follows the process. See [`INCREMENTAL_INTERVAL_SECONDS`].
    pub incremental_interval_seconds: Option<u32>,
    /// Which profile field goes to which contact field.
    pub mapping: Mapping,
}

impl Default for ImportSettings {
    fn default() -> Self {
        Self {
            import_people: true,
            import_conversations: true,
            include_notes: true,
            redact: false,
            backfill_days: None,
            incremental_interval_seconds: None,
            mapping: Mapping::default(),
        }
    }
}

impl ImportSettings {
    /// Reads the whole settings object: an absent field takes its default, an unknown one is refused, and each thing
    /// that is wrong is an error of its own.
    pub fn parse(settings: Value) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let parsed = Self::read(settings, &mut errors);
        match parsed {
            Some(settings) if errors.is_empty() => Ok(settings),
            _ => Err(errors),
        }
    }

    fn read(settings: Value, errors: &mut Vec<FieldError>) -> Option<Self> {
        let default = Self::default();
        let mut form = Form::open(settings, String::new(), errors)?;
        let read = Self {
            import_people: form.switch("import_people", default.import_people),
            import_conversations: form.switch("import_conversations", default.import_conversations),
            include_notes: form.switch("include_notes", default.include_notes),
            redact: form.switch("redact", default.redact),
            backfill_days: form.number("backfill_days", BACKFILL_DAYS),
            incremental_interval_seconds: form
                .number("incremental_interval_seconds", INCREMENTAL_INTERVAL_SECONDS),
            mapping: form.part("mapping", mapping::from_json).unwrap_or(default.mapping),
        };
        form.close();
        Some(read)
    }
}

impl<'de> Deserialize<'de> for ImportSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(Value::deserialize(deserializer)?).map_err(|errors| {
            let all: Vec<String> = errors.iter().map(ToString::to_string).collect();
            serde::de::Error::custom(all.join("; "))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn errors(settings: Value) -> Vec<(String, &'static str)> {
        let errors = ImportSettings::parse(settings).unwrap_err();
        errors.into_iter().map(|error| (error.field, error.code)).collect()
    }

    #[test]
    fn what_is_absent_takes_its_default() {
        assert_eq!(ImportSettings::parse(json!({})), Ok(ImportSettings::default()));
        let some =
            ImportSettings::parse(json!({"redact": true, "backfill_days": 30, "mapping": []})).unwrap();
        assert_eq!((some.redact, some.backfill_days, some.mapping.rows().len()), (true, Some(30), 0));
    }

    #[test]
    fn settings_are_written_as_in_the_contract_and_read_back() {
        let written = serde_json::to_value(ImportSettings::default()).unwrap();
        let names: Vec<_> = written.as_object().unwrap().keys().collect();
        assert_eq!(
            names,
            [
                "import_people",
                "import_conversations",
                "include_notes",
                "redact",
                "backfill_days",
                "incremental_interval_seconds",
                "mapping"
            ]
        );
        assert_eq!(serde_json::from_value::<ImportSettings>(written).unwrap(), ImportSettings::default());
    }

    #[test]
    fn everything_wrong_is_told_at_once_each_at_its_field() {
        let found = errors(json!({
            "import_people": "yes",
            "backfill_days": 0,
            "incremental_interval_seconds": 1.5,
            "import_companies": true,
            "mapping": [
                {"from": "email", "to": "email", "policy": "overwrite"},
                {"from": "a..b", "to": "name", "policy": "overwrite"},
                {"from": "email", "to": "attributes.Job", "policy": "merge"},
                {"from": 7, "to": "email", "extra": 1},
                "email",
                {"from": "score", "to": "email"},
            ]
        }));
        let expected = [
            ("import_people", "wrong_type"),
            ("backfill_days", "out_of_range"),
            ("incremental_interval_seconds", "wrong_type"),
            ("mapping[1].from", "invalid"),
            ("mapping[2].to", "invalid"),
            ("mapping[2].policy", "invalid"),
            ("mapping[3].from", "wrong_type"),
            ("mapping[3].extra", "unknown_field"),
            ("mapping[4]", "wrong_type"),
            ("mapping[5].to", "duplicate"),
            ("import_companies", "unknown_field"),
        ];
        assert_eq!(found, expected.map(|(field, code)| (field.to_owned(), code)));
    }

    #[test]
    fn bounds_are_inclusive_and_null_means_none() {
        let of = |seconds: Value| ImportSettings::parse(json!({"incremental_interval_seconds": seconds}));
        assert_eq!(of(json!(null)).unwrap().incremental_interval_seconds, None);
        assert_eq!(of(json!(1)).unwrap().incremental_interval_seconds, Some(1));
        assert_eq!(of(json!(604_800)).unwrap().incremental_interval_seconds, Some(604_800));
        for odd in [json!(0), json!(604_801), json!(-1), json!(u64::MAX)] {
            assert_eq!(of(odd).unwrap_err()[0].code, "out_of_range");
        }
    }

    #[test]
    fn no_form_makes_an_endless_answer() {
        let fields: serde_json::Map<_, _> = (0..10_000).map(|n| (format!("x{n}"), json!(n))).collect();
        assert_eq!(errors(Value::Object(fields)).len(), form::MAX_ERRORS);
        assert_eq!(errors(json!({"x".repeat(1_000): 1}))[0].0.chars().count(), 100);
        assert_eq!(errors(json!([1])), [("settings".to_owned(), "wrong_type")]);
        let rows: Vec<_> = (0..1_000).map(|_| json!({"from": 7, "to": "email", "a": 1, "b": 2})).collect();
        assert_eq!(errors(json!({"mapping": rows})).len(), form::MAX_ERRORS);
        let rows: Vec<_> = (0..100).map(|_| json!("row")).collect();
        assert_eq!(errors(json!({"mapping": rows, "x": 1})).len(), form::MAX_ERRORS);
    }

    proptest! {
        #[test]
        fn any_field_of_any_type_is_answered(name in "[a-z_]{1,30}", odd in -5_i64..700_000) {
            let _ = ImportSettings::parse(json!({name: odd, "backfill_days": odd, "mapping": [odd]}));
        }
    }
}
