//! What a process tells on standard error.

use std::io::IsTerminal as _;

use tracing::Level;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::TryInitError;

use crate::refused::{Found, Refusal, Refused};
use crate::value;

const LOG: &str = "LOG";
const LOG_FORMAT: &str = "LOG_FORMAT";
/// The crates that are ours without `crisp_` in front.
const OUR_PROGRAMS: [&str; 4] = ["api", "worker", "demo", "testkit"];
const DEFAULT_LOG: &str = "info";
const DEFAULT_LOG_FORMAT: &str = "text";

/// The flags and variables of logging.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Logging")]
pub struct LoggingArgs {
    /// What is logged: error, warn, info, debug or trace, for all or by module, as in `info,crisp_sync=debug`.
    /// Libraries are logged at info at the most: below that they quote what they carry.
    #[arg(long, global = true, env = LOG, default_value = DEFAULT_LOG, value_name = "FILTER")]
    log: String,
    /// How it is logged: `text` for people, `json` for machines. Always to standard error.
    #[arg(long, global = true, env = LOG_FORMAT, default_value = DEFAULT_LOG_FORMAT, value_name = "text|json")]
    log_format: String,
}

/// Logging, checked.
#[derive(Debug)]
pub struct LoggingSettings {
    /// Which events are written.
    pub filter: EnvFilter,
    /// In which form.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// A line for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// Something else in this process has already decided how it logs.
#[derive(Debug, thiserror::Error)]
#[error("logging is already set up in this process")]
pub struct LoggingError(#[from] TryInitError);

impl LoggingArgs {
    /// Filter and format; both have defaults.
    pub fn resolve(&self) -> Result<LoggingSettings, Refused> {
        let mut found = Found::default();
        let filter = found.read(filter(value::present(Some(&self.log)).unwrap_or(DEFAULT_LOG)));
        let format = found.read(format(value::present(Some(&self.log_format)).unwrap_or(DEFAULT_LOG_FORMAT)));
        found.finish(filter.zip(format).map(|(filter, format)| LoggingSettings { filter, format }))
    }
}

impl LoggingSettings {
    /// Sends the log of this process to standard error. Once for a process, at its very start.
    pub fn init(self) -> Result<(), LoggingError> {
        use tracing_subscriber::filter::filter_fn;
        use tracing_subscriber::layer::SubscriberExt as _;
        use tracing_subscriber::util::SubscriberInitExt as _;

        let discreet = filter_fn(|about| is_discreet(about.target(), *about.level()));
        let lines = tracing_subscriber::fmt()
            .with_env_filter(self.filter)
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal());
        match self.format {
            LogFormat::Text => lines.finish().with(discreet).try_init()?,
            LogFormat::Json => {
                lines.json().flatten_event(true).with_ansi(false).finish().with(discreet).try_init()?;
            }
        }
        Ok(())
    }
}

/// Whether what is logged under this target at this level can be trusted to name no person and no secret. Libraries
/// can't, below `info`: `tokio_postgres` for one then logs every statement with its parameters.
fn is_discreet(target: &str, level: Level) -> bool {
    let module = target.split("::").next().unwrap_or(target);
    level <= Level::INFO || module.starts_with("crisp_") || OUR_PROGRAMS.contains(&module)
}

fn filter(given: &str) -> Result<EnvFilter, Refusal> {
    let wrong =
        |error| Refusal::new(LOG, format!("is no filter ({error})"), "Give it as in info,crisp_sync=debug.");
    EnvFilter::builder().parse(given).map_err(wrong)
}

fn format(given: &str) -> Result<LogFormat, Refusal> {
    match given {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        other => Err(Refusal::new(LOG_FORMAT, format!("is {other:?}"), "It is either text or json.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libraries_say_of_parameters_and_headers_is_never_logged() {
        for (target, level, discreet) in [
            ("tokio_postgres::query", Level::DEBUG, false),
            ("hyper_util::client", Level::TRACE, false),
            ("apiece", Level::DEBUG, false),
            ("tokio_postgres::connection", Level::INFO, true),
            ("crisp_sync::run", Level::TRACE, true),
            ("api::start", Level::DEBUG, true),
            ("worker", Level::DEBUG, true),
        ] {
            assert_eq!(is_discreet(target, level), discreet, "{target} {level}");
        }
    }
}
