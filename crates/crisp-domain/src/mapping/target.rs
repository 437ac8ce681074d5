//! Where a mapped value goes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString};

/// The longest name of a custom attribute, in bytes.
const MAX_NAME_BYTES: usize = 64;
/// What the target of a custom attribute starts with.
const ATTRIBUTES: &str = "attributes.";

/// A field of a contact: `email`, `name`, `phone`, `signed_up_at`, or `attributes.` and a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Target {
    /// The email address, which conversations are matched by.
    Email,
    /// The full name.
    Name,
    /// The phone number.
    Phone,
    /// When the person signed up.
    SignedUpAt,
    /// A custom attribute.
    Attribute(AttributeName),
}

/// The name of a custom attribute: 1 to 64 of `a`–`z`, `0`–`9` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AttributeName(String);

/// Why a text is no target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// None of the fields that a contact has.
    #[error("is none of email, name, phone, signed_up_at, attributes.<name>")]
    Unknown,
    /// A custom attribute whose name has another form.
    #[error("has an attribute name that is not 1 to 64 of a–z, 0–9 and _")]
    AttributeName,
}

/// What happens to a value that a contact has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Policy {
    /// Crisp wins.
    #[default]
    Overwrite,
    /// What is there stays, whoever put it there; only an empty field is filled.
    FillEmpty,
}

impl AttributeName {
    /// Checks the form of the name.
    pub fn parse(text: &str) -> Result<Self, InvalidTarget> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let valid = (1..=MAX_NAME_BYTES).contains(&text.len()) && text.bytes().all(allowed);
        valid.then(|| Self(text.to_owned())).ok_or(InvalidTarget::AttributeName)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AttributeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email => f.write_str("email"),
            Self::Name => f.write_str("name"),
            Self::Phone => f.write_str("phone"),
            Self::SignedUpAt => f.write_str("signed_up_at"),
            Self::Attribute(name) => write!(f, "{ATTRIBUTES}{name}"),
        }
    }
}

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "email" => Ok(Self::Email),
            "name" => Ok(Self::Name),
            "phone" => Ok(Self::Phone),
            "signed_up_at" => Ok(Self::SignedUpAt),
            _ => {
                let name = text.strip_prefix(ATTRIBUTES).ok_or(InvalidTarget::Unknown)?;
                AttributeName::parse(name).map(Self::Attribute)
            }
        }
    }
}

macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl TryFrom<String> for $name {
            type Error = InvalidTarget;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )*};
}

as_text!(Target, AttributeName);

impl FromStr for AttributeName {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_target_is_written_as_it_is_read() {
        for text in ["email", "name", "phone", "signed_up_at", "attributes.job_title"] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_targets_are_refused() {
        for text in ["", "Email", "job_title", "attributes", "company"] {
            assert_eq!(text.parse::<Target>(), Err(InvalidTarget::Unknown), "{text}");
        }
        for name in ["", "Job", "job title", "jöb", "a.b", &"a".repeat(65)] {
            assert_eq!(
                format!("attributes.{name}").parse::<Target>(),
                Err(InvalidTarget::AttributeName),
                "{name}"
            );
        }
    }

    #[test]
    fn a_target_can_be_a_key_in_json() {
        let fields = BTreeMap::from([(Target::Attribute(AttributeName::parse("plan").unwrap()), 1)]);
        let json = serde_json::to_string(&fields).unwrap();
        assert_eq!(json, r#"{"attributes.plan":1}"#);
        assert_eq!(serde_json::from_str::<BTreeMap<Target, i32>>(&json).unwrap(), fields);
    }

    #[test]
    fn policies_are_the_words_of_the_contract() {
        assert_eq!("fill_empty".parse(), Ok(Policy::FillEmpty));
        assert_eq!(Policy::Overwrite.to_string(), "overwrite");
    }
}
