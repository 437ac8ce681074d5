//! Why a process cannot be put together.

use crate::refused::{Refusal, Refused};

/// Why a process cannot be put together from its settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// A setting cannot be used, or one is missing that nothing stored stands in for.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The schema is not that of this version, and migrating was forbidden.
    #[error(
        "the database's schema is not that of this version, and --no-migrate is set; run `api migrate` once, \
         or leave --no-migrate out"
    )]
    NotMigrated,
    /// The database does not do its part.
    #[error("the database cannot be used")]
    Storage(#[source] crisp_storage::Error),
    /// Integrations that wait for the new token could not be told.
    #[error(
        "the integrations that wait for the plugin token could not be told; they look for it by themselves"
    )]
    Untold(#[from] crisp_sync::Error),
    /// The client of Crisp's API cannot be built.
    #[error("Crisp cannot be asked")]
    Crisp(#[from] crisp_client::Error),
}

impl From<Refusal> for WireError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.into())
    }
}

/// What only storage can tell of a setting is a refusal like any other.
impl From<crisp_storage::Error> for WireError {
    fn from(error: crisp_storage::Error) -> Self {
        match refusal(&error) {
            Some(refusal) => refusal.into(),
            None => Self::Storage(error),
        }
    }
}

fn refusal(error: &crisp_storage::Error) -> Option<Refusal> {
    use crisp_storage::Error as Storage;
    if let Storage::Address(why) = error {
        let remedy = "Give it as in postgres://user:password@host:5432/name?sslmode=require.";
        return Some(Refusal::new("DATABASE_URL", format!("cannot be used: {why}"), remedy));
    }
    if let Storage::KeyMissing { what, key_id } = error {
        let wrong = format!("does not hold the key {key_id:?}, with which {what} is sealed");
        let remedy = "Add that key behind the others; after `api keys rotate` it is needed no more.";
        return Some(Refusal::new("ENCRYPTION_KEYS", wrong, remedy));
    }
    if let Storage::KeyRing(why) = error {
        return Some(Refusal::new(
            "ENCRYPTION_KEYS",
            format!("cannot be used: {why}"),
            "Check the list of keys.",
        ));
    }
    None
}
