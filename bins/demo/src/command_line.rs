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

impl CommandLine {
    /// Reads the command line; leaves with a message where it makes no sense.
    pub(crate) fn of_this_process() -> Self {
        Self::from_arg_matches(&Self::command_of_the_demo().get_matches())
            .unwrap_or_else(|error| error.exit())
    }

    /// The demo talks by itself: only what is wrong is logged, unless more is asked for.
    fn command_of_the_demo() -> clap::Command {
        Self::command().mut_arg("log", |log| log.default_value("warn"))
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
    fn an_empty_workspace_makes_no_demo() {
        let parse = |line: &[&str]| CommandLine::command_of_the_demo().try_get_matches_from(line);
        assert!(parse(&["demo", "--people", "0"]).is_err());
        assert!(
            parse(&["demo", "--once", "--people", "2000", "--conversations", "1000", "--seed", "7"]).is_ok()
        );
    }
}
