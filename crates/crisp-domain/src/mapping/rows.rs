//! The rows of a mapping: the default ones, and those an admin sends.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Mapping, MappingRow, Policy, SourcePath, Target};
use crate::settings::FieldError;
use crate::settings::form::{Form, note};

/// The most rows a mapping may have.
pub const MAX_ROWS: usize = 100;

/// The product's table "people profile → contact".
const DEFAULT_ROWS: [(&str, &str); 8] = [
    ("email", "email"),
    ("person.nickname", "name"),
    ("person.phone", "phone"),
    ("created_at", "signed_up_at"),
    ("person.employment.title", "attributes.job_title"),
    ("company.name", "attributes.company_name"),
    ("person.geolocation.country", "attributes.country"),
    ("active.last", "attributes.last_active_at"),
];

impl Default for Mapping {
    fn default() -> Self {
        let row = |(from, to): (&str, &str)| {
            Some(MappingRow {
                from: SourcePath::parse(from).ok()?,
                to: to.parse().ok()?,
                policy: Policy::Overwrite,
            })
        };
        Self { rows: DEFAULT_ROWS.into_iter().filter_map(row).collect() }
    }
}

impl Mapping {
    /// Checks that there are not too many rows and that no two have the same target.
    pub fn new(rows: Vec<MappingRow>) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        check_count(rows.len(), "mapping", &mut errors);
        for (index, row) in rows.iter().enumerate().take(MAX_ROWS) {
            check_unique(rows.iter().take(index).map(|earlier| &earlier.to), row, index, &mut errors);
        }
        if errors.is_empty() { Ok(Self { rows }) } else { Err(errors) }
    }
}

impl<'de> Deserialize<'de> for Mapping {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut errors = Vec::new();
        let mapping = from_json(Value::deserialize(deserializer)?, &mut errors);
        match errors.first() {
            None => Ok(mapping),
            Some(first) => Err(serde::de::Error::custom(first)),
        }
    }
}

/// Reads the rows an admin sent; what is wrong with them goes to `errors`.
pub(crate) fn from_json(value: Value, errors: &mut Vec<FieldError>) -> Mapping {
    let Value::Array(values) = value else {
        note(errors, "mapping", "wrong_type", "is not a list of rows");
        return Mapping::empty();
    };
    check_count(values.len(), "mapping", errors);
    let mut rows: Vec<MappingRow> = Vec::new();
    for (index, value) in values.into_iter().enumerate().take(MAX_ROWS) {
        if let Some(row) = row_from_json(value, index, errors) {
            check_unique(rows.iter().map(|earlier| &earlier.to), &row, index, errors);
            rows.push(row);
        }
    }
    Mapping { rows }
}

fn row_from_json(value: Value, index: usize, errors: &mut Vec<FieldError>) -> Option<MappingRow> {
    let mut form = Form::open(value, format!("mapping[{index}]"), errors)?;
    let from = form.required::<SourcePath>("from");
    let to = form.required::<Target>("to");
    let policy = form.word("policy", &["overwrite", "fill_empty"]);
    form.close();
    Some(MappingRow { from: from?, to: to?, policy: policy? })
}

fn check_count(count: usize, field: &str, errors: &mut Vec<FieldError>) {
    if count > MAX_ROWS {
        note(errors, field, "too_many", format!("has {count} rows, and may have {MAX_ROWS}"));
    }
}

fn check_unique<'a>(
    mut earlier: impl Iterator<Item = &'a Target>,
    row: &MappingRow,
    index: usize,
    errors: &mut Vec<FieldError>,
) {
    if earlier.any(|target| *target == row.to) {
        note(errors, format!("mapping[{index}].to"), "duplicate", "has a row above already");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_default_mapping_is_the_contracts() {
        let mapping = Mapping::default();
        assert_eq!(mapping.rows().len(), DEFAULT_ROWS.len());
        assert!(!mapping.uses_data());
        assert_eq!(
            serde_json::to_value(&mapping).unwrap()[4],
            json!({"from": "person.employment.title", "to": "attributes.job_title", "policy": "overwrite"})
        );
    }

    #[test]
    fn a_mapping_is_read_as_it_is_written() {
        let written = serde_json::to_value(Mapping::default()).unwrap();
        assert_eq!(serde_json::from_value::<Mapping>(written).unwrap(), Mapping::default());
    }

    #[test]
    fn rows_made_in_code_are_checked_too() {
        let row = Mapping::default().rows()[0].clone();
        let errors = Mapping::new(vec![row.clone(), row.clone()]).unwrap_err();
        assert_eq!((errors[0].field.as_str(), errors[0].code), ("mapping[1].to", "duplicate"));
        assert!(Mapping::new(vec![row; 101]).unwrap_err().iter().any(|error| error.code == "too_many"));
    }
}
