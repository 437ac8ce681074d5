//! `api migrate`.

use crisp_settings::SettingsArgs;
use crisp_settings::wire::{self, Schema};

/// Brings the schema up to date.
pub(crate) async fn run(settings: &SettingsArgs) -> anyhow::Result<()> {
    let database = wire::database(&settings.database.resolve()?)?;
    wire::prepare(&database, Schema::Migrate).await?;
    tracing::info!("the database's schema is up to date");
    Ok(())
}
