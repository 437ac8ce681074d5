//! What is wrong with rows that a service sends: pure, and never repeats a value.

use std::collections::HashSet;

use crisp_domain::{EmailKey, FieldError};
use serde_json::{Map, Value};

use super::{Batch, CompanyChange, ContactChange, MAX_ROWS};
use crate::refusal::Refusal;

/// The longest external id, in characters.
const MAX_ID: usize = 255;
/// The longest name or phone number, in characters.
const MAX_NAME: usize = 1_000;
/// The most companies of one contact.
const MAX_COMPANIES: usize = 500;
/// The most custom attributes sent at once.
const MAX_ATTRIBUTES: usize = 500;
/// The longest name of a custom attribute, in characters.
const MAX_ATTRIBUTE_NAME: usize = 100;
/// The longest value of a custom attribute, in bytes of JSON.
const MAX_ATTRIBUTE: usize = 16_384;
/// The most errors that are told at once.
const MAX_ERRORS: usize = 100;

/// The errors as an answer, if there are any.
pub(super) fn outcome(mut errors: Vec<FieldError>) -> Result<(), Refusal> {
    errors.truncate(MAX_ERRORS);
    if errors.is_empty() { Ok(()) } else { Err(Refusal::Invalid(errors)) }
}

/// Checks a whole batch; fields are named `contacts[3].email`.
pub(super) fn batch(batch: &Batch) -> Vec<FieldError> {
    let rows = batch.companies.len() + batch.contacts.len();
    if rows > MAX_ROWS {
        let detail = format!("has {rows} rows, and may have {MAX_ROWS}");
        return vec![FieldError::new("batch", "too_many", detail)];
    }
    let mut errors = Vec::new();
    let (mut companies, mut contacts) = (HashSet::new(), HashSet::new());
    for (index, one) in batch.companies.iter().enumerate() {
        company(one, &format!("companies[{index}]."), &mut errors);
        once(&mut companies, &one.external_id, &format!("companies[{index}]."), &mut errors);
    }
    for (index, one) in batch.contacts.iter().enumerate() {
        contact(one, &format!("contacts[{index}]."), &mut errors);
        once(&mut contacts, &one.external_id, &format!("contacts[{index}]."), &mut errors);
    }
    errors
}

fn once<'a>(seen: &mut HashSet<&'a str>, id: &'a str, at: &str, errors: &mut Vec<FieldError>) {
    if !seen.insert(id) {
        errors.push(FieldError::new(
            format!("{at}external_id"),
            "duplicate",
            "stands in a row above already",
        ));
    }
}

/// Checks one company; `at` stands before its field names.
pub(super) fn company(company: &CompanyChange, at: &str, errors: &mut Vec<FieldError>) {
    id(&company.external_id, format!("{at}external_id"), errors);
    name(company.name.told(), format!("{at}name"), errors);
}

/// Checks one contact; `at` stands before its field names.
pub(super) fn contact(contact: &ContactChange, at: &str, errors: &mut Vec<FieldError>) {
    id(&contact.external_id, format!("{at}external_id"), errors);
    if contact.email.told().is_some_and(|email| EmailKey::parse(email).is_none()) {
        errors.push(FieldError::new(format!("{at}email"), "invalid", "is no email address"));
    }
    name(contact.name.told(), format!("{at}name"), errors);
    name(contact.phone.told(), format!("{at}phone"), errors);
    if let Some(told) = contact.attributes.told() {
        attributes(told, &format!("{at}attributes"), errors);
    }
    let companies = contact.companies.as_deref().unwrap_or_default();
    if companies.len() > MAX_COMPANIES {
        let detail = format!("has {} companies, and may have {MAX_COMPANIES}", companies.len());
        errors.push(FieldError::new(format!("{at}companies"), "too_many", detail));
    }
    for (index, company) in companies.iter().enumerate().take(MAX_COMPANIES) {
        id(company, format!("{at}companies[{index}]"), errors);
    }
}

fn id(text: &str, field: String, errors: &mut Vec<FieldError>) {
    if text.trim().is_empty() {
        errors.push(FieldError::new(field, "required", "is blank"));
    } else if text.chars().count() > MAX_ID {
        errors.push(FieldError::new(field, "out_of_range", format!("is longer than {MAX_ID} characters")));
    } else if text.chars().any(char::is_control) {
        errors.push(FieldError::new(field, "invalid", "holds a control character"));
    }
}

fn name(told: Option<&String>, field: String, errors: &mut Vec<FieldError>) {
    if told.is_some_and(|text| text.chars().count() > MAX_NAME) {
        errors.push(FieldError::new(field, "out_of_range", format!("is longer than {MAX_NAME} characters")));
    }
}

fn attributes(told: &Map<String, Value>, at: &str, errors: &mut Vec<FieldError>) {
    if told.len() > MAX_ATTRIBUTES {
        let detail = format!("has {} attributes, and may have {MAX_ATTRIBUTES}", told.len());
        errors.push(FieldError::new(at, "too_many", detail));
        return;
    }
    for (name, value) in told {
        let shown: String = name.chars().take(MAX_ATTRIBUTE_NAME).collect();
        let mut refuse =
            |code, detail: &str| errors.push(FieldError::new(format!("{at}.{shown}"), code, detail));
        if name.trim().is_empty() || name.chars().any(char::is_control) || shown.len() < name.len() {
            refuse("invalid", "has a name that is blank, too long, or holds a control character");
        } else if !is_flat(value) {
            refuse("wrong_type", "is neither text, a number, true, false, null, nor a list of these");
        } else if value.to_string().len() > MAX_ATTRIBUTE {
            refuse("out_of_range", "is too long");
        }
    }
}

fn is_flat(value: &Value) -> bool {
    let plain = |value: &Value| !value.is_object() && !value.is_array();
    plain(value) || value.as_array().is_some_and(|items| items.iter().all(plain))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Field;
    use super::*;

    fn told(errors: Vec<FieldError>) -> Vec<(String, &'static str)> {
        errors.into_iter().map(|error| (error.field, error.code)).collect()
    }

    #[test]
    fn every_wrong_field_of_every_row_is_told() {
        let attributes = json!({"plan": "pro", "nested": {"a": 1}, " ": 1, "list": ["a", 1], "deep": [[1]]});
        let wrong = Batch {
            companies: vec![
                CompanyChange { external_id: "c".to_owned(), ..CompanyChange::default() },
                CompanyChange { external_id: "c".to_owned(), name: Field::Set("x".repeat(1_001)) },
            ],
            contacts: vec![ContactChange {
                external_id: " ".to_owned(),
                email: Field::Set("nobody".to_owned()),
                attributes: Field::Set(attributes.as_object().unwrap().clone()),
                companies: Some(vec!["c".to_owned(), String::new(), "a\0b".to_owned()]),
                ..ContactChange::default()
            }],
        };
        let expected = [
            ("companies[1].name", "out_of_range"),
            ("companies[1].external_id", "duplicate"),
            ("contacts[0].external_id", "required"),
            ("contacts[0].email", "invalid"),
            ("contacts[0].attributes.nested", "wrong_type"),
            ("contacts[0].attributes. ", "invalid"),
            ("contacts[0].attributes.deep", "wrong_type"),
            ("contacts[0].companies[1]", "required"),
            ("contacts[0].companies[2]", "invalid"),
        ];
        assert_eq!(told(batch(&wrong)), expected.map(|(field, code)| (field.to_owned(), code)));
    }

    #[test]
    fn a_batch_has_a_largest_size() {
        let row = |n: usize| CompanyChange { external_id: n.to_string(), ..CompanyChange::default() };
        let of = |rows: usize| Batch { companies: (0..rows).map(row).collect(), contacts: Vec::new() };
        assert!(batch(&of(1_000)).is_empty());
        assert_eq!(told(batch(&of(1_001))), [("batch".to_owned(), "too_many")]);
    }
}
