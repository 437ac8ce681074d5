//! The process that does the syncing.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::api::listen_address;
use crate::listen::ListenAddress;
use crate::refused::{Found, Refused};
use crate::value;

const CONCURRENCY: &str = "WORKER_CONCURRENCY";
const LISTEN: &str = "WORKER_LISTEN";
const LEASE: &str = "WORKER_LEASE_SECONDS";
const DEFAULT_CONCURRENCY: &str = "4";
const DEFAULT_LEASE: &str = "15";
/// A lease is renewed three times before it lapses: a shorter one would lapse whenever a machine is busy.
const SHORTEST_LEASE: u64 = 2;
/// What a crash may cost before another worker goes on, at the very most.
const LONGEST_LEASE: u64 = 600;
/// Beyond this, start another worker.
const MOST_SYNCS: NonZeroUsize = match NonZeroUsize::new(1000) {
    Some(count) => count,
    None => NonZeroUsize::MAX,
};

/// The flags and variables of the worker.
#[derive(Debug, Clone, clap::Args)]
#[expect(
    clippy::struct_field_names,
    reason = "the flags are named after the fields, and the contract names the flags"
)]
#[command(next_help_heading = "Worker")]
pub struct WorkerArgs {
    /// How many syncs this process runs at a time.
    #[arg(long, global = true, env = CONCURRENCY, default_value = DEFAULT_CONCURRENCY, value_name = "COUNT", allow_negative_numbers = true)]
    worker_concurrency: String,
    /// Address for health checks and metrics; none if empty.
    #[arg(long, global = true, env = LISTEN, value_name = "HOST:PORT")]
    worker_listen: Option<String>,
    /// How long a worker that was killed or frozen keeps others from its work. A shorter lease is renewed more often.
    #[arg(long, global = true, env = LEASE, default_value = DEFAULT_LEASE, value_name = "SECONDS", allow_negative_numbers = true)]
    worker_lease_seconds: String,
}

/// The worker, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerSettings {
    /// Syncs at a time.
    pub concurrency: NonZeroUsize,
    /// Where health and metrics are served, if at all.
    pub listen: Option<ListenAddress>,
    /// How long a lease holds unless it is renewed.
    pub lease: Duration,
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
        let bounds = SHORTEST_LEASE..=LONGEST_LEASE;
        let lease = value::number(LEASE, &self.worker_lease_seconds, DEFAULT_LEASE, bounds);
        let lease = found.read(lease.map(Duration::from_secs));
        let settings = concurrency
            .zip(listen)
            .zip(lease)
            .map(|((concurrency, listen), lease)| WorkerSettings { concurrency, listen, lease });
        found.finish(settings)
    }
}
