//! What this layer can fail to do.

use thiserror::Error as ThisError;

/// A failure of the storage layer; the cause is its `source()`.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// No connection could be had: Postgres is away, the pool is exhausted, or the address is wrong.
    #[error("the database could not be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A statement failed.
    #[error("could not {doing}")]
    Query {
        /// What the statement was for, as a verb phrase.
        doing: &'static str,
        /// What Postgres said.
        #[source]
        source: diesel::result::Error,
    },
    /// The schema could not be brought up to date.
    #[error("the database could not be migrated")]
    Migration(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The address or its TLS options are unusable.
    #[error("DATABASE_URL is unusable: {0}")]
    Address(&'static str),
    /// A stored value is not what this version writes.
    #[error("stored {what} could not be understood")]
    Corrupt {
        /// Which value.
        what: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The lease under which this work was done has lapsed and may belong to somebody else.
    #[error("the lease on this work was lost")]
    LeaseLost,
    /// A secret was sealed with a key that is not in the ring.
    #[error("{what} is sealed with the key {key_id:?}, which ENCRYPTION_KEYS does not hold")]
    KeyMissing {
        /// Which secret.
        what: &'static str,
        /// The id of the key, which is no secret.
        key_id: String,
    },
    /// A sealed secret was altered, cut short, or belongs to another row.
    #[error("{0} cannot be unsealed: it was altered or belongs to another row")]
    Unsealable(&'static str),
    /// The keys cannot be used together.
    #[error("the encryption keys cannot be used: {0}")]
    KeyRing(&'static str),
    /// A rotation ended, and something is sealed with another key nevertheless.
    #[error(
        "{left} secrets were sealed with another key meanwhile; give every process the new key as the first of \
         ENCRYPTION_KEYS, then rotate again, before an old key is taken away"
    )]
    SealedMeanwhile {
        /// How many.
        left: usize,
    },
    /// A row that must exist does not.
    #[error("{0} does not exist")]
    Missing(&'static str),
}

impl Error {
    /// Names what was being done when a statement failed.
    pub(crate) fn query(doing: &'static str) -> impl FnOnce(diesel::result::Error) -> Self {
        move |source| Self::Query { doing, source }
    }

    /// Whether the statement itself was refused while the connection is alive: trying the same rows again may be
    /// refused for ever.
    ///
    /// Deadlocks and time-outs are among them (Postgres's code does not come through diesel), so a few attempts are due
    /// before the rows are blamed.
    pub fn may_lie_in_the_data(&self) -> bool {
        use diesel::result::{DatabaseErrorKind as Kind, Error as Diesel};
        match self {
            Self::Query { source: Diesel::DatabaseError(kind, _), .. } => !matches!(
                kind,
                Kind::ClosedConnection | Kind::SerializationFailure | Kind::UnableToSendCommand
            ),
            Self::Query { source, .. } => {
                matches!(source, Diesel::SerializationError(_) | Diesel::DeserializationError(_))
            }
            Self::Corrupt { .. } => true,
            Self::Unreachable(_)
            | Self::Migration(_)
            | Self::Address(_)
            | Self::LeaseLost
            | Self::Missing(_)
            | Self::KeyMissing { .. }
            | Self::SealedMeanwhile { .. }
            | Self::Unsealable(_)
            | Self::KeyRing(_) => false,
        }
    }

    /// Whether waiting and trying again may help: the database is away, restarting, or a deadlock broke.
    pub fn is_passing(&self) -> bool {
        use diesel::result::{DatabaseErrorKind as Kind, Error as Diesel};
        match self {
            Self::Unreachable(_) | Self::Query { source: Diesel::BrokenTransactionManager, .. } => true,
            Self::Query { source: Diesel::DatabaseError(kind, _), .. } => {
                matches!(
                    kind,
                    Kind::ClosedConnection
                        | Kind::SerializationFailure
                        | Kind::UnableToSendCommand
                        | Kind::Unknown
                )
            }
            Self::Query { .. }
            | Self::Migration(_)
            | Self::Address(_)
            | Self::Corrupt { .. }
            | Self::LeaseLost
            | Self::SealedMeanwhile { .. }
            | Self::Missing(_)
            | Self::KeyMissing { .. }
            | Self::Unsealable(_)
            | Self::KeyRing(_) => false,
        }
    }
}
