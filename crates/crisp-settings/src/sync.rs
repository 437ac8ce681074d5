//! When what is synced, unless an integration says otherwise.

use std::time::Duration;

use crate::refused::{Found, Refused};
use crate::value;

const INCREMENTAL: &str = "SYNC_INCREMENTAL_INTERVAL_SECONDS";
const RECONCILE: &str = "SYNC_RECONCILE_INTERVAL_SECONDS";
const RETENTION: &str = "HOOKS_RETENTION_DAYS";
const DEFAULT_INCREMENTAL: &str = "900";
const DEFAULT_RECONCILE: &str = "86400";
const DEFAULT_RETENTION: &str = "7";
const LONGEST_RETENTION_DAYS: u32 = 3650;

/// The flags and variables of syncing.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Syncing")]
pub struct SyncArgs {
    /// How often an integration without a schedule of its own fetches what changed.
    #[arg(long, global = true, env = INCREMENTAL, default_value = DEFAULT_INCREMENTAL, value_name = "SECONDS", allow_negative_numbers = true)]
    sync_incremental_interval_seconds: String,
    /// How often everything is compared with Crisp: removals, states, assignments.
    #[arg(long, global = true, env = RECONCILE, default_value = DEFAULT_RECONCILE, value_name = "SECONDS", allow_negative_numbers = true)]
    sync_reconcile_interval_seconds: String,
    /// How long a raw web hook is kept after it was applied.
    #[arg(long, global = true, env = RETENTION, default_value = DEFAULT_RETENTION, value_name = "DAYS", allow_negative_numbers = true)]
    hooks_retention_days: String,
}

/// Schedules, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncSettings {
    /// Between two incremental runs of an integration that has no schedule of its own.
    pub incremental_interval: Duration,
    /// Between two full reconciliations.
    pub reconcile_interval: Duration,
    /// How long a raw web hook is kept after it was applied, in days.
    pub hooks_retention_days: u32,
}

impl SyncArgs {
    /// The schedules; all have defaults.
    pub fn resolve(&self) -> Result<SyncSettings, Refused> {
        let mut found = Found::default();
        let incremental = found.read(value::seconds(
            INCREMENTAL,
            &self.sync_incremental_interval_seconds,
            DEFAULT_INCREMENTAL,
        ));
        let reconcile =
            found.read(value::seconds(RECONCILE, &self.sync_reconcile_interval_seconds, DEFAULT_RECONCILE));
        let retention = value::number(
            RETENTION,
            &self.hooks_retention_days,
            DEFAULT_RETENTION,
            0..=LONGEST_RETENTION_DAYS,
        );
        let retention = found.read(retention);
        let settings =
            incremental.zip(reconcile).zip(retention).map(|((incremental, reconcile), days)| SyncSettings {
                incremental_interval: incremental,
                reconcile_interval: reconcile,
                hooks_retention_days: days,
            });
        found.finish(settings)
    }
}
