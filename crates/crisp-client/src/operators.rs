//! Operators: the people of a website's team.

use std::fmt;

use serde_json::Value;

#[cfg(feature = "http")]
use crate::fields::word;
use crate::fields::{id, text};
use crate::ids::OperatorId;
use crate::page::{Record, Unreadable, Wire};

/// A person of the website's team. Whoever left it is not listed any more.
#[derive(Clone, PartialEq, Eq)]
pub struct Operator {
    /// The operator's id.
    pub user_id: OperatorId,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// The address.
    pub email: Option<String>,
}

impl Operator {
    /// First and last name, as far as they are known.
    pub fn display_name(&self) -> Option<String> {
        let parts: Vec<&str> =
            [&self.first_name, &self.last_name].into_iter().flatten().map(|part| part.trim()).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }
}

impl Wire for Operator {
    const IDENTITY: &'static str = "details.user_id";

    fn read(raw: Value) -> Record<Self> {
        Ok(Self {
            user_id: id(&raw, Self::IDENTITY).ok_or_else(Unreadable::identity_missing::<Self>)?,
            first_name: text(&raw, "details.first_name"),
            last_name: text(&raw, "details.last_name"),
            email: text(&raw, "details.email"),
        })
    }
}

/// A row of the operator list: an operator, or an invitation that nobody took up.
#[cfg(feature = "http")]
pub(crate) struct Seat(Option<Operator>);

#[cfg(feature = "http")]
impl Seat {
    pub(crate) fn taken(self) -> Option<Operator> {
        self.0
    }
}

#[cfg(feature = "http")]
impl Wire for Seat {
    const IDENTITY: &'static str = Operator::IDENTITY;

    fn read(raw: Value) -> Record<Self> {
        let invitation = word(&raw, "type").is_some_and(|kind| kind != "operator");
        match Operator::read(raw) {
            Ok(operator) => Ok(Self(Some(operator))),
            Err(_) if invitation => Ok(Self(None)),
            Err(odd) => Err(odd),
        }
    }
}

impl fmt::Debug for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operator").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_is_what_is_known_of_it() {
        for (details, expected) in [
            (json!({"user_id":"OP","first_name":"Ole","last_name":"Olsen"}), Some("Ole Olsen")),
            (json!({"user_id":"OP","first_name":"","last_name":" Olsen "}), Some("Olsen")),
            (json!({"user_id":"OP","first_name":null,"last_name":[4]}), None),
        ] {
            let operator = Operator::read(json!({"type":"operator","details":details})).unwrap();
            assert_eq!(operator.display_name().as_deref(), expected);
        }
    }

    #[test]
    fn debug_shows_no_person() {
        let operator = Operator::read(json!({"details":{"user_id":"OP","first_name":"Ole"}})).unwrap();
        assert_eq!(format!("{operator:?}"), r#"Operator { user_id: OperatorId("OP"), .. }"#);
    }
}
