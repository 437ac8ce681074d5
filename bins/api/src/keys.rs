//! `api keys rotate`.

use std::io::Write as _;
use std::time::{Duration, Instant};

use crisp_http::now;
use crisp_settings::wire::{self, Schema};
use crisp_settings::{SettingsArgs, together};
use crisp_storage::secrets::{self, Rotation};

/// Time between two lines of progress: few accounts may hold the whole work, and many nothing.
const LINE_EVERY: Duration = Duration::from_secs(5);

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
    let mut told_at = Instant::now();
    let rotated = secrets::rotate(&database, &ring, now(), |rotation| tell(rotation, &mut told_at))
        .await
        .map_err(wire::WireError::from)?;
    writeln!(
        std::io::stdout(),
        "Sealed again with the key {:?}: {} secrets, {} website tokens. Nothing needs the other keys any more.",
        ring.first_id(),
        rotated.secrets,
        rotated.website_tokens,
    )?;
    Ok(())
}

/// Tells how far it is, at the end and every few seconds on the way there.
fn tell(rotation: &Rotation, told_at: &mut Instant) {
    let done = rotation.accounts_done == rotation.accounts_total;
    if done || told_at.elapsed() >= LINE_EVERY {
        *told_at = Instant::now();
        tracing::info!(done = rotation.accounts_done, of = rotation.accounts_total, "accounts");
    }
}
