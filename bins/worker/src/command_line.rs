//! What the program can be asked to do.

use std::process::ExitCode;

use crisp_settings::wire::Schema;
use crisp_settings::{SettingsArgs, process, together};

use crate::{dead_letters, start, sync};

/// The process that syncs Crisp websites with Custify.
///
/// Any number of workers may run side by side. Every setting below is an environment variable and a flag; the flag
/// wins. A secret can also be given as a file.
#[derive(Debug, clap::Parser)]
#[command(name = "worker", version, propagate_version = true)]
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
    /// Take due work until asked to stop (the default).
    Run,
    /// Run one sync here and show how it goes; exits with 0 only if it succeeded.
    Sync(sync::SyncCommand),
    /// Web hooks and records that were given up after too many failures.
    #[command(subcommand)]
    DeadLetters(dead_letters::Command),
}

impl CommandLine {
    /// Does what was asked for.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let Self { command, no_migrate, settings } = self;
        let command = command.unwrap_or(Command::Run);
        let usable = if let Command::Run = command { start::check(&settings) } else { Ok(()) };
        let (logging, ()) = together(settings.logging.resolve(), usable)?;
        logging.init()?;
        let schema = if no_migrate { Schema::Expect } else { Schema::Migrate };
        match command {
            Command::Run => start::run(&settings, schema).await?,
            Command::Sync(command) => return sync::run(&command, &settings, schema).await,
            Command::DeadLetters(command) => {
                process::until_asked_to_stop(dead_letters::run(&command, &settings, schema)).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn a_sync_needs_an_integration_and_a_kind() {
        let id = "8c842203-7ed8-4e29-a608-7cf78a7d2fcc";
        let parse = |line: &[&str]| CommandLine::try_parse_from(line);
        assert!(parse(&["worker", "sync", "--integration", id, "--kind", "full"]).is_ok());
        assert!(parse(&["worker", "sync", "--kind", "incremental"]).is_err());
        assert!(parse(&["worker", "sync", "--integration", id, "--kind", "reconcile"]).is_err());
        assert!(parse(&["worker", "sync", "--integration", "x", "--kind", "full"]).is_err());
        assert!(parse(&["worker", "dead-letters", "retry", "--no-migrate"]).is_ok());
    }
}
