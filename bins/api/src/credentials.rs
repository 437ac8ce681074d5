//! `api credentials set` and `api credentials show`.

use std::io::Write as _;

use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use crisp_http::now;
use crisp_settings::wire::{self, Schema};
use crisp_settings::{SettingsArgs, together};
use crisp_storage::secrets::{self, SecretInfo};

/// What is done with the plugin's secrets.
#[derive(Debug, Clone, Copy, clap::Subcommand)]
pub(crate) enum Command {
    /// Seal and store the plugin token (`CRISP_PLUGIN_IDENTIFIER`, `CRISP_PLUGIN_KEY`), the signing secret of web
    /// hooks (`CRISP_HOOKS_SECRET`), or both. What is not given stays as it is.
    Set,
    /// Show which secrets are stored, under which key and since when; never what they are.
    Show,
}

/// Stores or shows.
pub(crate) async fn run(command: Command, settings: &SettingsArgs, schema: Schema) -> anyhow::Result<()> {
    match command {
        Command::Set => set(settings, schema).await,
        Command::Show => show(settings, schema).await,
    }
}

async fn set(settings: &SettingsArgs, schema: Schema) -> anyhow::Result<()> {
    let stored = together(settings.database.resolve(), settings.encryption.resolve());
    let ((database, encryption), given) = together(stored, settings.crisp.resolve_secrets())?;
    let (database, ring) = (wire::database(&database)?, wire::key_ring(encryption)?);
    wire::prepare(&database, schema).await?;
    wire::store_secrets(&database, &ring, &given, now()).await?;
    print(&secrets::list(&database).await?)
}

async fn show(settings: &SettingsArgs, schema: Schema) -> anyhow::Result<()> {
    let database = wire::database(&settings.database.resolve()?)?;
    wire::prepare(&database, schema).await?;
    print(&secrets::list(&database).await?)
}

fn print(stored: &[SecretInfo]) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    if stored.is_empty() {
        return Ok(writeln!(out, "No secret is stored yet.")?);
    }
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(["secret", "sealed with key", "since"]);
    for SecretInfo { name, key_id, updated_at } in stored {
        table.add_row([name.clone(), key_id.clone(), updated_at.format("%F %T UTC").to_string()]);
    }
    Ok(writeln!(out, "{table}")?)
}
