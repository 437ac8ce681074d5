//! The settings of the binaries: what can be set, how, what happens when it is wrong, and what is made of it.
//!
//! Every setting has one name and three ways to be given: the environment variable `NAME`, the flag `--name`
//! (which wins), and, for a secret, a file: `NAME_FILE` or `--name-file`. They are arranged in groups, one
//! [`clap::Args`] struct each, which a binary flattens into its command line. What a command does not use it
//! does not resolve: `api openapi` runs with nothing set at all.
//!
//! ```
//! use clap::Parser as _;
//! use crisp_settings::{DatabaseArgs, SyncArgs, together};
//!
//! #[derive(clap::Parser)]
//! struct CommandLine {
//!     #[command(flatten)]
//!     database: DatabaseArgs,
//!     #[command(flatten)]
//!     sync: SyncArgs,
//! }
//!
//! let line = CommandLine::parse_from(["worker", "--database-url", "postgres://localhost/custify"]);
//! let (database, sync) = together(line.database.resolve(), line.sync.resolve())?;
//! assert_eq!(database.max_connections.get(), 10);
//! assert_eq!(sync.incremental_interval.as_secs(), 900);
//! # Ok::<(), crisp_settings::Refused>(())
//! ```
//!
//! `resolve` turns what was typed into values that need no further checking. It reports everything that is wrong
//! in the group at once, as [`Refused`]: for each setting its name, what is wrong and what to do, and never the
//! value of a secret. A binary prints that and leaves with [`Refused::EXIT_CODE`].
//!
//! A blank value counts as absent, because that is how compose files and shells say "not set"; blanks and line
//! ends around a value, as they come with pasting, are dropped.
//!
//! [`wire`] goes on from there: it makes of settings what a process runs on, the database, the keys, the engine.
//! [`process`] and [`metrics`] are what all processes have in common around that.
//!
//! This crate knows nothing of HTTP, of Crisp's data or of how anything is synced. Only the binaries use it.

mod all;
mod api;
mod auth;
mod crisp;
mod database;
mod encryption;
mod listen;
mod logging;
mod refused;
mod sync;
mod value;
mod worker;

pub mod metrics;
pub mod process;
pub mod wire;

pub use all::SettingsArgs;
pub use api::{ApiArgs, ApiSettings};
pub use auth::{AuthArgs, AuthSettings};
pub use crisp::{CrispArgs, CrispSettings, PluginCredentials, PluginSecrets};
pub use database::{DatabaseArgs, DatabaseSettings};
pub use encryption::{EncryptionArgs, EncryptionKey, EncryptionSettings};
pub use listen::ListenAddress;
pub use logging::{LogFormat, LoggingArgs, LoggingError, LoggingSettings};
pub use refused::{Refusal, Refused, together};
pub use sync::{SyncArgs, SyncSettings};
pub use worker::{WorkerArgs, WorkerSettings};

#[cfg(test)]
mod tests;
