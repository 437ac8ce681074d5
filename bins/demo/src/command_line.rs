//! What the demo can be asked to do.

use std::num::NonZeroU32;

use clap::{CommandFactory as _, FromArgMatches as _};
use crisp_settings::{DatabaseArgs, LoggingArgs};

/// Shows the whole Crisp integration at work: own Postgres, simulated Crisp, api, worker, a first import.
///
/// Nothing has to be set up. It stays up until Ctrl-C, and leaves nothing behind.
#[derive(Debug, clap::Parser)]
#[command(name = "demo", version)]
pub(crate) struct CommandLine {
    /// Leave after the first import, with the record of the sync as last line, in JSON. Exits with 0 if it succeeded.
    #[arg(long)]
    pub(crate) once: bool,
    /// People in the simulated Crisp workspace.
    #[arg(long, default_value = "400", value_name = "COUNT")]
    pub(crate) people: NonZeroU32,
    /// Conversations in the simulated Crisp workspace.
    #[arg(long, default_value = "300", value_name = "COUNT")]
    pub(crate) conversations: NonZeroU32,
    /// Another seed draws another workspace.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Port of the api on this machine. Without it 8080, or any other if that is taken.
    #[arg(long)]
    pub(crate) port: Option<u16>,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    #[command(flatten)]
    pub(crate) logging: LoggingArgs,
}

/// The flags that name a database.
const DATABASE_FLAGS: [&str; 5] = [
    "database_url",
    "database_url_file",
    "database_read_url",
    "database_read_url_file",
    "database_max_connections",
];

impl CommandLine {
    /// Reads the command line; leaves with a message where it makes no sense.
    pub(crate) fn of_this_process() -> Self {
        Self::from_arg_matches(&Self::command_of_the_demo().get_matches())
            .unwrap_or_else(|error| error.exit())
    }

    /// The demo talks by itself: only what is wrong is logged, unless more is asked for. And it brings its own
    /// Postgres: a database is taken when its flag names one, never because one stands in the environment.
    fn command_of_the_demo() -> clap::Command {
        let command = Self::command().mut_arg("log", |log| log.default_value("warn"));
        DATABASE_FLAGS.iter().fold(command, |command, flag| {
            command.mut_arg(flag, |flag| flag.env(clap::builder::Resettable::<clap::builder::OsStr>::Reset))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command_of_the_demo().debug_assert();
    }

    #[test]
    fn the_database_of_the_environment_is_left_alone() {
        let mut command = CommandLine::command_of_the_demo();
        command.build();
        let flags = command.get_arguments().filter(|flag| flag.get_id().as_str().starts_with("database_"));
        let from_environment: Vec<bool> = flags.map(|flag| flag.get_env().is_some()).collect();
        assert_eq!(from_environment, [false; DATABASE_FLAGS.len()]);
        let named =
            command.try_get_matches_from(["demo", "--database-url", "postgres://localhost/x"]).unwrap();
        assert!(named.contains_id("database_url"));
    }

    #[test]
    fn an_empty_workspace_makes_no_demo() {
        let parse = |line: &[&str]| CommandLine::command_of_the_demo().try_get_matches_from(line);
        assert!(parse(&["demo", "--people", "0"]).is_err());
        assert!(
            parse(&["demo", "--once", "--people", "2000", "--conversations", "1000", "--seed", "7"]).is_ok()
        );
    }
}
