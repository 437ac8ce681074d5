//! The words of the case files.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use crisp_domain::{ContactId, EmailKey};
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// Reads a case file of `tests/cases`.
pub(crate) fn cases<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let path = format!("{}/tests/cases/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|why| panic!("{path}: {why}"))
}

/// The contact that a case calls by a number; larger numbers are larger ids.
pub(crate) fn contact_id(number: u128) -> ContactId {
    ContactId::new(Uuid::from_u128(number))
}

/// The address that a case writes.
pub(crate) fn email(text: Option<&str>) -> Option<EmailKey> {
    text.map(|text| EmailKey::parse(text).unwrap_or_else(|| panic!("{text} is no address")))
}

/// The beginning of a day.
pub(crate) fn day(date: NaiveDate) -> DateTime<Utc> {
    date.and_time(NaiveTime::MIN).and_utc()
}

/// When a contact of a case was created, if the case does not say.
pub(crate) fn created(date: Option<NaiveDate>) -> DateTime<Utc> {
    day(date.unwrap_or_else(|| NaiveDate::from_ymd_opt(2025, 6, 1).unwrap()))
}
