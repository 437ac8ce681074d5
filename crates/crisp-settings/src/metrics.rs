//! The metrics of a process: where they are gathered, and the figures that have to be looked up.

use std::time::Duration;

use chrono::{DateTime, Utc};
use crisp_storage::Database;
use crisp_storage::quota::Ledger;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use metrics_util::MetricKindMask;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::process::chain;

mod backlog;
mod budget;
mod labels;

use backlog::Backlog;
use budget::Budget;
use labels::Accounts;

pub use metrics_exporter_prometheus::{BuildError, PrometheusHandle};

/// How often figures are looked up.
const EVERY: Duration = Duration::from_secs(15);
/// How long a gauge is shown that nobody sets any more: an account that is idle or gone, or a database that is away, leaves
/// no figure instead of its last one.
const SHOWN_FOR: Duration = EVERY.saturating_mul(4);
/// Bounds of the histograms of durations, in seconds.
const SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Gathers the metrics of this process from now on; once for a process.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = builder(SHOWN_FOR)?.install_recorder()?;
    budget::describe();
    backlog::describe();
    Ok(handle)
}

fn builder(shown_for: Duration) -> Result<PrometheusBuilder, BuildError> {
    let buckets = Matcher::Suffix("_seconds".to_owned());
    let builder = PrometheusBuilder::new().set_buckets_for_metric(buckets, &SECONDS)?;
    Ok(builder.idle_timeout(MetricKindMask::GAUGE, Some(shown_for)))
}

/// Where the figures come from.
#[derive(Debug, Clone)]
pub struct Gauges {
    /// What waits.
    pub database: Database,
    /// What may still be asked.
    pub ledger: Ledger,
    /// Where they go.
    pub metrics: PrometheusHandle,
    /// What time it is.
    pub clock: fn() -> DateTime<Utc>,
}

impl Gauges {
    /// Looks the figures up again and again, until the process stops: budget, backlog of hooks, age of the queue, lag.
    pub async fn keep(self, stop: CancellationToken) {
        let mut accounts = Accounts::default();
        while !stop.is_cancelled() {
            // Seen through to its end: a transaction must not be dropped half-way.
            if let Err(error) = self.look(&mut accounts).await {
                tracing::warn!(error = chain(&error), "some metrics could not be looked up");
            }
            self.metrics.run_upkeep();
            stop.run_until_cancelled(sleep(EVERY)).await;
        }
    }

    async fn look(&self, accounts: &mut Accounts) -> Result<(), crisp_storage::Error> {
        let budget = Budget::read(&self.ledger).await?;
        let mut backlog = Backlog::default();
        for account in self.database.list_accounts().await? {
            backlog.add(&self.database, account, (self.clock)()).await?;
        }
        accounts.retain(&budget.accounts().chain(backlog.accounts()).collect());
        budget.set(accounts);
        backlog.set(accounts);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
