//! What waits, since when, and how far behind Crisp that leaves us.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use crisp_domain::{AccountId, IntegrationId};
use crisp_storage::views::freshness::{self, Freshness};
use crisp_storage::{AccountSession, Database, Error, syncs};
use metrics::{describe_gauge, gauge};

use super::budget::figure;
use super::labels::Accounts;

/// Says what the figures are, for whoever reads `/metrics`.
pub(super) fn describe() {
    describe_gauge!("crisp_hooks_pending", "Web hooks that are stored and not applied yet");
    describe_gauge!("crisp_records_wanted", "Records that are still to be read from Crisp one by one");
    describe_gauge!("crisp_transcripts_due", "Conversations whose messages are still to be read");
    describe_gauge!("crisp_dead_letters", "Web hooks and records that were given up");
    describe_gauge!(
        "crisp_queue_age_seconds",
        "How long the oldest web hook or queued sync has been waiting"
    );
    describe_gauge!("crisp_sync_lag_seconds", "How far an account's slowest integration is behind Crisp");
}

/// The sums over all accounts, and the lag of each.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    hooks: u64,
    records: u64,
    transcripts: u64,
    dead_letters: u64,
    oldest_hook: TimeDelta,
    oldest_sync: TimeDelta,
    lag: BTreeMap<AccountId, TimeDelta>,
}

impl Backlog {
    /// Adds what waits in an account.
    pub(super) async fn add(
        &mut self,
        database: &Database,
        account: AccountId,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let mut session = database.read_primary(account).await?;
        for integration in freshness::list(&mut session).await? {
            let queued = queued_since(&mut session, integration.integration_id.into()).await?;
            self.oldest_sync = self.oldest_sync.max(age(queued, now));
            self.add_integration(account, &integration, now);
        }
        session.commit().await
    }

    fn add_integration(&mut self, account: AccountId, integration: &Freshness, now: DateTime<Utc>) {
        self.hooks += count(integration.hooks_pending);
        self.records += count(integration.records_wanted);
        self.transcripts += count(integration.transcripts_due);
        self.dead_letters += count(integration.dead_letters);
        self.oldest_hook = self.oldest_hook.max(age(integration.oldest_hook_at, now));
        if let Some(lag) = integration.lag(now) {
            let worst = self.lag.entry(account).or_default();
            *worst = lag.max(*worst);
        }
    }

    /// The accounts that have a figure of their own.
    pub(super) fn accounts(&self) -> impl Iterator<Item = AccountId> {
        self.lag.keys().copied()
    }

    /// Sets the gauges.
    pub(super) fn set(self, accounts: &mut Accounts) {
        gauge!("crisp_hooks_pending").set(figure(self.hooks));
        gauge!("crisp_records_wanted").set(figure(self.records));
        gauge!("crisp_transcripts_due").set(figure(self.transcripts));
        gauge!("crisp_dead_letters").set(figure(self.dead_letters));
        gauge!("crisp_queue_age_seconds", "lane" => "hooks").set(seconds(self.oldest_hook));
        gauge!("crisp_queue_age_seconds", "lane" => "sync").set(seconds(self.oldest_sync));
        let mut lag: BTreeMap<String, TimeDelta> = BTreeMap::new();
        for (account, behind) in self.lag {
            let worst = lag.entry(accounts.label(account)).or_default();
            *worst = behind.max(*worst);
        }
        for (account, behind) in lag {
            gauge!("crisp_sync_lag_seconds", "account" => account).set(seconds(behind));
        }
    }
}

/// Since when a sync of the integration waits for a worker.
async fn queued_since(
    session: &mut AccountSession,
    integration: IntegrationId,
) -> Result<Option<DateTime<Utc>>, Error> {
    let run = syncs::find_under_way(session, integration).await?;
    Ok(run.filter(|run| run.state == "queued").map(|run| run.queued_at))
}

fn age(since: Option<DateTime<Utc>>, now: DateTime<Utc>) -> TimeDelta {
    since.map_or(TimeDelta::zero(), |since| (now - since).max(TimeDelta::zero()))
}

fn count(rows: i64) -> u64 {
    u64::try_from(rows).unwrap_or(0)
}

fn seconds(delta: TimeDelta) -> f64 {
    delta.to_std().unwrap_or_default().as_secs_f64()
}
