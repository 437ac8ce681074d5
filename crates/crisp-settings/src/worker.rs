//! The process that does the syncing.

use std::num::NonZeroUsize;

use crate::api::listen_address;
use crate::listen::ListenAddress;
use crate::refused::{Found, Refused};
use crate::value;

const CONCURRENCY: &str = "WORKER_CONCURRENCY";
const LISTEN: &str = "WORKER_LISTEN";
const DEFAULT_CONCURRENCY: &str = "4";
/// Beyond this, start another worker.
const MOST_SYNCS: NonZeroUsize = match NonZeroUsize::new(1000) {
    Some(count) => count,
    None => NonZeroUsize::MAX,
};

/// The flags and variables of the worker.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Worker")]
pub struct WorkerArgs {
    /// How many syncs this process runs at a time.
    #[arg(long, global = true, env = CONCURRENCY, default_value = DEFAULT_CONCURRENCY, value_name = "COUNT")]
    worker_concurrency: String,
    /// Address for health checks and metrics; none if empty.
    #[arg(long, global = true, env = LISTEN, value_name = "HOST:PORT")]
    worker_listen: Option<String>,
}

/// The worker, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerSettings {
    /// Syncs at a time.
    pub concurrency: NonZeroUsize,
    /// Where health and metrics are served, if at all.
    pub listen: Option<ListenAddress>,
}

impl WorkerArgs {
    /// The worker's settings; all have defaults.
    pub fn resolve(&self) -> Result<WorkerSettings, Refused> {
        let mut found = Found::default();
        let bounds = NonZeroUsize::MIN..=MOST_SYNCS;
        let concurrency =
            found.read(value::number(CONCURRENCY, &self.worker_concurrency, DEFAULT_CONCURRENCY, bounds));
        let given = value::present(self.worker_listen.as_deref());
        let listen = found.read(given.map(|given| listen_address(LISTEN, given)).transpose());
        let settings =
            concurrency.zip(listen).map(|(concurrency, listen)| WorkerSettings { concurrency, listen });
        found.finish(settings)
    }
}
