//! `api keys rotate`.

use std::io::Write as _;

use crisp_http::now;
use crisp_settings::wire::{self, Schema};
use crisp_settings::{SettingsArgs, together};
use crisp_storage::secrets::{self, Rotation};

/// Accounts between two lines of progress.
const LINE_EVERY: u64 = 1_000;

/// What is done with the keys.
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum Command {
    /// Seal everything again with the first of `ENCRYPTION_KEYS`, while everything runs. Give the new key as the first
    /// to every process before; take the old ones away after.
    Rotate,
}

/// Rotates.
pub(crate) async fn run(command: &Command, settings: &SettingsArgs, schema: Schema) -> anyhow::Result<()> {
    let Command::Rotate = command;
    let (database, encryption) = together(settings.database.resolve(), settings.encryption.resolve())?;
    let (database, ring) = (wire::database(&database)?, wire::key_ring(encryption)?);
    wire::prepare(&database, schema).await?;
    let rotated = secrets::rotate(&database, &ring, now(), tell).await.map_err(wire::WireError::from)?;
    writeln!(
        std::io::stdout(),
        "Sealed again with the key {:?}: {} secrets, {} website tokens. Nothing needs the other keys any more.",
        ring.first_id(),
        rotated.secrets,
        rotated.website_tokens,
    )?;
    Ok(())
}

fn tell(rotation: &Rotation) {
    if rotation.accounts_done.is_multiple_of(LINE_EVERY) {
        tracing::info!(done = rotation.accounts_done, of = rotation.accounts_total, "accounts");
    }
}
