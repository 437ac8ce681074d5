//! What the program can be asked to do.

use std::process::ExitCode;

use crisp_settings::wire::Schema;
use crisp_settings::{SettingsArgs, process, together};

use crate::{credentials, doctor, keys, migrate, openapi, start};

/// The HTTP server of Custify's Crisp integration.
///
/// Every setting below is an environment variable and a flag; the flag wins. A secret can also be given as a file.
#[derive(Debug, clap::Parser)]
#[command(name = "api", version, propagate_version = true)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    /// Don't bring the database's schema up to date at the start; refuse to start if it is not.
    #[arg(long, global = true)]
    no_migrate: bool,
    #[command(flatten)]
    settings: SettingsArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Serve HTTP (the default).
    Serve,
    /// Bring the database's schema up to date.
    Migrate,
    /// Print the OpenAPI document.
    Openapi,
    /// Store the plugin's secrets, or show which are stored.
    #[command(subcommand)]
    Credentials(credentials::Command),
    /// Look after the keys that secrets are sealed with.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Check settings, database and Crisp, and say what to do.
    Doctor,
}

impl CommandLine {
    /// Does what was asked for.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let Self { command, no_migrate, settings } = self;
        let command = command.unwrap_or(Command::Serve);
        let usable = if let Command::Serve = command { start::check(&settings) } else { Ok(()) };
        let (logging, ()) = together(settings.logging.resolve(), usable)?;
        logging.init()?;
        let schema = if no_migrate { Schema::Expect } else { Schema::Migrate };
        match command {
            Command::Serve => start::run(&settings, schema).await?,
            Command::Openapi => openapi::run()?,
            Command::Migrate => process::until_asked_to_stop(migrate::run(&settings)).await?,
            Command::Credentials(command) => {
                process::until_asked_to_stop(credentials::run(command, &settings, schema)).await?;
            }
            Command::Keys(command) => {
                process::until_asked_to_stop(keys::run(&command, &settings, schema)).await?;
            }
            Command::Doctor => return process::until_asked_to_stop(doctor::run(&settings)).await,
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn help_names_every_command_and_every_setting() {
        let help = CommandLine::command().render_long_help().to_string();
        for name in ["serve", "migrate", "openapi", "credentials", "keys", "doctor", "--no-migrate"] {
            assert!(help.contains(name), "{name}");
        }
        for name in
            ["DATABASE_URL", "CRISP_PLUGIN_KEY_FILE", "ENCRYPTION_KEYS", "AUTH_JWKS_FILE", "LOG_FORMAT"]
        {
            assert!(help.contains(name), "{name}");
        }
    }
}
