//! People: the profiles that a website keeps of its visitors and customers.

use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::fields::{id, milliseconds, text};
use crate::ids::PeopleId;
use crate::page::{Record, Shape, Unreadable, Wire};

/// A person as one website knows them.
#[derive(Clone, PartialEq)]
pub struct Profile {
    /// The profile's id.
    pub people_id: PeopleId,
    /// The address, if one is known.
    pub email: Option<String>,
    /// The full name in one field (`person.nickname`); visitors get one like `visitor104233`.
    pub nickname: Option<String>,
    /// When the person was last seen (`active.last`), in ms.
    pub active_last_ms: Option<i64>,
    /// When the profile came into being, in ms.
    pub created_at_ms: Option<i64>,
    /// When the profile changed, in ms. Mere presence moves it.
    pub updated_at_ms: Option<i64>,
    /// The whole profile as Crisp sent it.
    pub raw: Value,
}

impl Wire for Profile {
    const IDENTITY: &'static str = "people_id";
    const FIELDS: &'static [(&'static str, Shape)] = &[
        ("email", Shape::Text),
        ("person", Shape::Object),
        ("person.nickname", Shape::Text),
        ("person.phone", Shape::Text),
        ("person.employment", Shape::Object),
        ("person.employment.title", Shape::Text),
        ("person.employment.name", Shape::Text),
        ("person.geolocation", Shape::Object),
        ("person.geolocation.country", Shape::Text),
        ("company", Shape::Object),
        ("company.name", Shape::Text),
        ("active", Shape::Object),
        ("active.last", Shape::Time),
        ("created_at", Shape::Time),
        ("updated_at", Shape::Time),
    ];

    fn read(raw: Value) -> Record<Self> {
        Ok(Self {
            people_id: id(&raw, Self::IDENTITY).ok_or_else(Unreadable::identity_missing::<Self>)?,
            email: text(&raw, "email"),
            nickname: text(&raw, "person.nickname"),
            active_last_ms: milliseconds(&raw, "active.last"),
            created_at_ms: milliseconds(&raw, "created_at"),
            updated_at_ms: milliseconds(&raw, "updated_at"),
            raw,
        })
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile").field("people_id", &self.people_id).finish_non_exhaustive()
    }
}

/// Which page of the people list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeopleQuery {
    /// The page, from 1.
    pub page: u32,
    /// Rows on a page; Crisp takes 20 to 50, anything else is brought into that range.
    pub per_page: u8,
    /// The order; without it Crisp chooses one.
    pub sort: Option<(PeopleSort, Direction)>,
    /// Only profiles created at this instant or later.
    pub created_from: Option<DateTime<Utc>>,
    /// Only profiles created at this instant or earlier.
    pub created_until: Option<DateTime<Utc>>,
}

impl Default for PeopleQuery {
    fn default() -> Self {
        Self { page: 1, per_page: 50, sort: None, created_from: None, created_until: None }
    }
}

/// A field that the people list can be ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeopleSort {
    /// By creation; seen to work.
    CreatedAt,
    /// By last change; unproven, so check that the rows really come in that order.
    UpdatedAt,
    /// By last presence; unproven likewise.
    Active,
    /// By name.
    Nickname,
}

impl PeopleSort {
    /// Crisp's name of the field.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
            Self::Active => "active",
            Self::Nickname => "nickname",
        }
    }
}

/// Which end of an order comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest, or oldest, first.
    Ascending,
    /// Greatest, or newest, first.
    Descending,
}

impl Direction {
    /// Crisp's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ascending => "ascending",
            Self::Descending => "descending",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_documented_profile_is_read() {
        let raw = json!({"people_id":"P","email":"ana@northwind.example","person":{"nickname":"Ana Example","avatar":""},
            "active":{"now":false,"last":1_767_225_000_000_i64},"created_at":1_735_689_600_000_i64,"updated_at":"1767225001200"});
        let profile = Profile::read(raw.clone()).unwrap();
        assert_eq!(profile.people_id.as_str(), "P");
        assert_eq!(profile.email.as_deref(), Some("ana@northwind.example"));
        assert_eq!(profile.nickname.as_deref(), Some("Ana Example"));
        assert_eq!(profile.active_last_ms, Some(1_767_225_000_000));
        assert_eq!(profile.updated_at_ms, Some(1_767_225_001_200));
        assert_eq!(profile.raw, raw);
    }

    #[test]
    fn only_the_id_is_needed() {
        let odd = json!({"people_id":"P","email":{"a":1},"person":[],"active":"yes","created_at":{},"updated_at":null});
        let profile = Profile::read(odd).unwrap();
        assert_eq!(
            (profile.email, profile.nickname, profile.active_last_ms, profile.created_at_ms),
            (None, None, None, None)
        );
        for without in [
            json!({"email":"a@b.example"}),
            json!({"people_id":""}),
            json!({"people_id":[]}),
            json!(null),
            json!("P"),
        ] {
            assert_eq!(Profile::read(without).unwrap_err().path, "people_id");
        }
    }

    #[test]
    fn debug_shows_no_person() {
        let profile = Profile::read(json!({"people_id":"P","email":"ana@northwind.example"})).unwrap();
        assert_eq!(format!("{profile:?}"), r#"Profile { people_id: PeopleId("P"), .. }"#);
    }
}
