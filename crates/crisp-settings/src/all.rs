//! Every setting at once, as the command lines of the binaries take them.

use crate::{ApiArgs, AuthArgs, CrispArgs, DatabaseArgs, EncryptionArgs, LoggingArgs, SyncArgs, WorkerArgs};

/// All groups. Every binary takes every setting, so that one environment, or one list of flags, serves them all; what
/// a command has no use for it does not look at.
#[derive(Debug, Clone, clap::Args)]
#[expect(missing_docs, reason = "each group says what it is")]
pub struct SettingsArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    #[command(flatten)]
    pub crisp: CrispArgs,
    #[command(flatten)]
    pub encryption: EncryptionArgs,
    #[command(flatten)]
    pub auth: AuthArgs,
    #[command(flatten)]
    pub sync: SyncArgs,
    #[command(flatten)]
    pub api: ApiArgs,
    #[command(flatten)]
    pub worker: WorkerArgs,
    #[command(flatten)]
    pub logging: LoggingArgs,
}
