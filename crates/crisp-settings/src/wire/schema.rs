//! The schema a process starts with.

use std::time::Duration;

use crisp_storage::Database;
use tokio::time::{Instant, sleep};

use super::WireError;
use crate::process::chain;

/// How long the database may be away while a process starts: a restart of Postgres, or of the whole machine.
const PATIENCE: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What a process does about the schema when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// Brings it up to date. Several processes may do so at once.
    Migrate,
    /// Expects that somebody else did.
    Expect,
}

/// Makes sure of the schema; waits a while for a database that is away.
pub async fn prepare(database: &Database, schema: Schema) -> Result<(), WireError> {
    let begun = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        match attempt(database, schema).await {
            Err(WireError::Storage(error)) if error.is_passing() && begun.elapsed() < PATIENCE => {
                tracing::warn!(error = chain(&error), "the database does not answer yet");
            }
            outcome => return outcome,
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn attempt(database: &Database, schema: Schema) -> Result<(), WireError> {
    match schema {
        Schema::Migrate => Ok(database.migrate().await?),
        Schema::Expect if database.is_migrated().await? => Ok(()),
        Schema::Expect => Err(WireError::NotMigrated),
    }
}
