//! Our own ids. Crisp's ids (profile, session, operator, fingerprint, website) are `crisp_client`'s.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::{NoContext, Timestamp, Uuid};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that is already known to be this kind of id.
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// Makes a new id (UUIDv7): ids made later sort later, to the millisecond.
            pub fn new_v7(now: DateTime<Utc>) -> Self {
                Self(uuid_v7(now))
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
                Uuid::parse_str(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )*};
}

ids! {
    /// A Custify account: the tenant. Every row of tenant data carries it.
    AccountId,
    /// One connection of an account to one Crisp website.
    IntegrationId,
    /// A person in Custify.
    ContactId,
    /// A company in Custify.
    CompanyId,
    /// A conversation as imported; Crisp's own id of it is its session id.
    ConversationId,
    /// A message as imported; Crisp's own id of it is its fingerprint within a session.
    MessageId,
    /// One run of a sync, which is also its record.
    SyncId,
}

/// A new UUIDv7, for a row whose id has no type of its own. A time before 1970 counts as 1970.
pub fn uuid_v7(now: DateTime<Utc>) -> Uuid {
    let seconds = u64::try_from(now.timestamp()).unwrap_or(0);
    Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, now.timestamp_subsec_nanos()))
}

/// The smallest UUIDv7 that can have been made at an instant or later.
pub fn earliest_v7(at: DateTime<Utc>) -> Uuid {
    let ms = u64::try_from(at.timestamp_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(ms, &[0; 10]).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_made_later_sort_later_and_survive_text_and_json() {
        let earlier = ContactId::new_v7(DateTime::from_timestamp_millis(1_767_225_600_000).unwrap());
        let later = ContactId::new_v7(DateTime::from_timestamp_millis(1_767_225_600_001).unwrap());
        assert!(earlier < later);
        assert_eq!(earlier.to_string().parse::<ContactId>().unwrap(), earlier);
        let json = serde_json::to_string(&earlier).unwrap();
        assert_eq!(serde_json::from_str::<ContactId>(&json).unwrap(), earlier);
    }

    #[test]
    fn a_time_before_1970_still_makes_an_id() {
        SyncId::new_v7(DateTime::from_timestamp_millis(-1).unwrap());
    }
}
