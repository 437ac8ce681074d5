//! Contacts and companies, as services write them: an absent field stays, `null` clears.

use chrono::{DateTime, Utc};
use crisp_storage::directory::{CompanyRow, ContactRow};
use crisp_sync::directory::{CompanyChange, ContactChange, Field};
use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::problem::FieldError;

/// A company to write.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CompanyBody {
    /// The directory's own id of it: in a batch. Elsewhere it stands in the address.
    #[schema(example = "northwind")]
    external_id: Option<String>,
    /// Its name.
    #[serde(default, deserialize_with = "told")]
    #[schema(value_type = Option<String>, example = "Northwind")]
    name: Field<String>,
}

/// A contact to write.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContactBody {
    /// The directory's own id of it: in a batch. Elsewhere it stands in the address.
    #[schema(example = "k-1")]
    external_id: Option<String>,
    /// The email address.
    #[serde(default, deserialize_with = "told")]
    #[schema(value_type = Option<String>, example = "ana@northwind.example")]
    email: Field<String>,
    /// The full name.
    #[serde(default, deserialize_with = "told")]
    #[schema(value_type = Option<String>, example = "Ana Example")]
    name: Field<String>,
    /// The phone number, in any form.
    #[serde(default, deserialize_with = "told")]
    #[schema(value_type = Option<String>, example = "+33 1 23 45 67 89")]
    phone: Field<String>,
    /// When the person signed up, as RFC 3339.
    #[serde(default, deserialize_with = "told_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    signed_up_at: Field<DateTime<Utc>>,
    /// Custom attributes: those named are set, or cleared by `null`; the others stay.
    #[serde(default, deserialize_with = "told")]
    #[schema(value_type = Option<Object>)]
    attributes: Field<Map<String, Value>>,
    /// External ids of all companies that the contact belongs to; absent: as it is, null: none.
    #[serde(default, deserialize_with = "told")]
    #[schema(value_type = Option<Vec<String>>, example = json!(["northwind"]))]
    companies: Field<Vec<String>>,
}

/// Companies and contacts to write together, up to 1,000 rows, all or none.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BatchBody {
    /// Companies; each external id once.
    #[serde(default)]
    pub(super) companies: Vec<CompanyBody>,
    /// Contacts; each external id once.
    #[serde(default)]
    pub(super) contacts: Vec<ContactBody>,
}

/// Where something was written.
#[derive(Serialize, ToSchema)]
pub(crate) struct Place {
    /// Our id of it.
    id: Uuid,
    /// The directory's.
    external_id: String,
}

/// Where the rows of a batch were written, in their order.
#[derive(Serialize, ToSchema)]
pub(crate) struct Places {
    /// The companies.
    pub(super) companies: Vec<Place>,
    /// The contacts.
    pub(super) contacts: Vec<Place>,
}

impl CompanyBody {
    /// The change of the company whose id is `external_id`, or stands in the body.
    pub(super) fn change(self, external_id: Option<String>) -> Result<CompanyChange, FieldError> {
        Ok(CompanyChange { external_id: own_id(external_id, self.external_id)?, name: self.name })
    }
}

impl ContactBody {
    /// The change of the contact whose id is `external_id`, or stands in the body.
    pub(super) fn change(self, external_id: Option<String>) -> Result<ContactChange, FieldError> {
        Ok(ContactChange {
            external_id: own_id(external_id, self.external_id)?,
            email: self.email,
            name: self.name,
            phone: self.phone,
            signed_up_at: self.signed_up_at,
            attributes: self.attributes,
            companies: whole_list(self.companies),
        })
    }
}

impl From<CompanyRow> for Place {
    fn from(row: CompanyRow) -> Self {
        Self { id: row.id, external_id: row.external_id }
    }
}

impl From<ContactRow> for Place {
    fn from(row: ContactRow) -> Self {
        Self { id: row.id, external_id: row.external_id.unwrap_or_default() }
    }
}

/// The whole list of companies, empty where it is cleared; `None`: it stays as it is.
fn whole_list(companies: Field<Vec<String>>) -> Option<Vec<String>> {
    match companies {
        Field::Keep => None,
        Field::Clear => Some(Vec::new()),
        Field::Set(companies) => Some(companies),
    }
}

fn own_id(in_address: Option<String>, in_body: Option<String>) -> Result<String, FieldError> {
    let refused = |code: &'static str, detail: &str| FieldError {
        field: "external_id".to_owned(),
        code: code.into(),
        detail: detail.to_owned(),
    };
    match (in_address, in_body) {
        (Some(own), Some(other)) if own != other => Err(refused("invalid", "is not the one in the address")),
        (Some(own), _) | (None, Some(own)) => Ok(own),
        (None, None) => Err(refused("required", "is required")),
    }
}

/// A field that is there: null, or a value.
fn told<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Field<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.map_or(Field::Clear, Field::Set))
}

/// The same for a time; it has to be one that the database can hold, too.
fn told_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Field<DateTime<Utc>>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(Field::Clear) };
    let refused = || D::Error::invalid_value(Unexpected::Other("text"), &"a time as in 2026-01-01T00:00:00Z");
    crisp_domain::time::from_value(&Value::String(text)).map(Field::Set).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn contact(body: Value) -> ContactChange {
        serde_json::from_value::<ContactBody>(body).unwrap().change(Some("k".to_owned())).unwrap()
    }

    #[test]
    fn absent_null_and_a_value_are_three_things() {
        assert_eq!(
            contact(json!({})),
            ContactChange { external_id: "k".to_owned(), ..ContactChange::default() }
        );
        let change = contact(
            json!({"email": null, "name": "Ana", "signed_up_at": "2026-01-01T01:00:00+01:00", "companies": []}),
        );
        assert_eq!(
            (change.email, change.name, change.phone),
            (Field::Clear, Field::Set("Ana".into()), Field::Keep)
        );
        assert_eq!(change.signed_up_at, Field::Set("2026-01-01T00:00:00Z".parse().unwrap()));
        assert_eq!(change.companies, Some(Vec::new()));
        assert_eq!(contact(json!({"companies": null})).companies, Some(Vec::new()));
        assert_eq!(contact(json!({"companies": ["a"]})).companies, Some(vec!["a".to_owned()]));
    }

    #[test]
    fn a_time_that_nothing_can_hold_is_refused_without_repeating_it() {
        for odd in ["", "tomorrow", "+262142-12-31T23:59:59Z", "-4714-01-01T00:00:00Z"] {
            let error = serde_json::from_value::<ContactBody>(json!({"signed_up_at": odd}))
                .err()
                .unwrap()
                .to_string();
            assert!(error.contains("expected a time") && (odd.is_empty() || !error.contains(odd)), "{error}");
        }
    }

    #[test]
    fn the_id_stands_in_one_place_or_is_the_same_in_both() {
        let body = |body| serde_json::from_value::<CompanyBody>(body).unwrap();
        let own = || Some("a".to_owned());
        assert!(body(json!({"external_id": "a"})).change(own()).is_ok());
        assert_eq!(body(json!({"external_id": "b"})).change(own()).unwrap_err().code, "invalid");
        assert_eq!(body(json!({})).change(None).unwrap_err().code, "required");
        assert_eq!(body(json!({"external_id": "b"})).change(None).unwrap().external_id, "b");
    }
}
