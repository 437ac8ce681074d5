//! Crisp's ids as types of their own, so that a session can never be passed where a person is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::moment;

/// An id that is empty or made of blanks only; Crisp means "unknown" by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id cannot be blank")]
pub struct BlankId;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps the UUID.
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// The UUID inside.
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text.trim()).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    };
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Wraps text that is known to be such an id; parse text of unknown origin instead.
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            /// The id as Crisp wrote it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = BlankId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::try_from(text.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = BlankId;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                if text.trim().is_empty() { Err(BlankId) } else { Ok(Self(text)) }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

uuid_id! {
    /// A Crisp website, which its dashboard calls a workspace. Public knowledge, no secret.
    WebsiteId
}
uuid_id! {
    /// A plugin of Crisp's marketplace.
    PluginId
}
text_id! {
    /// A profile: a person as one website knows them. A UUID so far, but nothing promises it.
    PeopleId
}
text_id! {
    /// A conversation; `session_` and a UUID so far.
    SessionId
}
text_id! {
    /// A person of the website's team, who answers.
    OperatorId
}

/// A message within its conversation: an integer that is unique there and nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(i64);

impl Fingerprint {
    /// Wraps the number; API senders may choose any, small negative ones exist.
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// The number inside.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// When the message was written (ms, to the second), where the number tells: those that Crisp makes have 15 or 16
    /// digits, of which the first ten are unix seconds.
    pub fn time_ms(self) -> Option<i64> {
        let seconds = match self.0 {
            100_000_000_000_000..1_000_000_000_000_000 => self.0 / 100_000,
            1_000_000_000_000_000..10_000_000_000_000_000 => self.0 / 1_000_000,
            _ => return None,
        };
        moment::of_epoch(seconds).filter(|time| moment::is_plausible(*time))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Fingerprint {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive_text_and_json() {
        let website: WebsiteId = " 3B1D6F0E-52c7-4f0a-9a58-1e7c0d4b9a21 ".parse().unwrap();
        assert_eq!(website.to_string(), "3b1d6f0e-52c7-4f0a-9a58-1e7c0d4b9a21");
        let session: SessionId = serde_json::from_str("\"session_1\"").unwrap();
        assert_eq!(serde_json::to_string(&session).unwrap(), "\"session_1\"");
        let fingerprint: Fingerprint = "-12".parse().unwrap();
        assert_eq!(serde_json::to_string(&fingerprint).unwrap(), "-12");
    }

    #[test]
    fn a_fingerprint_of_crisps_own_tells_when_it_was_made() {
        for (number, expected) in [
            (176_722_560_418_342, Some(1_767_225_604_000)),
            (1_767_225_604_183_429, Some(1_767_225_604_000)),
            (99_999_999_999_999, None),
            (999_999_999_999_999, None),
            (12, None),
            (-7, None),
            (i64::MIN, None),
        ] {
            assert_eq!(Fingerprint::new(number).time_ms(), expected, "{number}");
        }
    }

    #[test]
    fn a_blank_is_no_id() {
        assert_eq!("  ".parse::<PeopleId>(), Err(BlankId));
        assert!(serde_json::from_str::<OperatorId>("\"\"").is_err());
    }
}
