//! Running one integration's syncs in this process, under the lease that workers take for it.

use std::time::Duration;

use crisp_domain::{AccountId, IntegrationId, SyncId};
use crisp_http::now;
use crisp_storage::syncs::SyncRow;
use crisp_storage::work::{Lane, Lease, Release};
use crisp_sync::{Engine, Refusal, syncs};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

/// How often the sync is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How soon a lane that somebody else holds is asked for again.
const AGAIN: Duration = Duration::from_millis(500);

/// The sync lane of one integration, held here as long as nobody else has it.
pub(crate) struct Here<'a> {
    engine: &'a Engine,
    account: AccountId,
    integration: IntegrationId,
    first: Option<Lease>,
}

impl<'a> Here<'a> {
    /// Takes the lane if it is free, before anything becomes due in it.
    pub(crate) async fn take(
        engine: &'a Engine,
        account: AccountId,
        integration: IntegrationId,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let mut here = Self { engine, account, integration, first: None };
        if !stop.is_cancelled() {
            here.first = here.claim().await?;
        }
        Ok(here)
    }

    /// Runs slice after slice until the sync has ended or `stop` is cancelled; answers the sync as it is then.
    pub(crate) async fn run(
        mut self,
        sync: SyncId,
        stop: &CancellationToken,
        mut show: impl FnMut(&SyncRow),
    ) -> anyhow::Result<SyncRow> {
        let mut before = self.look(sync).await?.updated_at;
        loop {
            let lease = match self.first.take() {
                Some(lease) => Some(lease),
                None => self.claim().await?,
            };
            match lease {
                Some(lease) => self.slice(lease, sync, stop, &mut show).await?,
                None => drop(stop.run_until_cancelled(sleep(AGAIN)).await),
            }
            let row = self.look(sync).await?;
            show(&row);
            if !row.is_under_way() || stop.is_cancelled() {
                return Ok(row);
            }
            self.wait(&row, sync, stop, &mut show).await?;
            if row.updated_at == before {
                // A slice that got nowhere is not repeated at once.
                stop.run_until_cancelled(sleep(AGAIN)).await;
            }
            before = row.updated_at;
        }
    }

    async fn slice(
        &self,
        lease: Lease,
        sync: SyncId,
        stop: &CancellationToken,
        show: &mut impl FnMut(&SyncRow),
    ) -> anyhow::Result<()> {
        let working = tokio::spawn({
            let (engine, stop) = (self.engine.clone(), stop.clone());
            async move { crisp_sync::worker::work(&engine, &lease, &stop).await }
        });
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !working.is_finished() {
            ticks.tick().await;
            // A look that fails is no reason to end: the next one may succeed.
            if let Ok(row) = self.look(sync).await {
                show(&row);
            }
        }
        Ok(working.await?)
    }

    /// Waits for quota, or for a step that failed to be tried again.
    async fn wait(
        &self,
        row: &SyncRow,
        sync: SyncId,
        stop: &CancellationToken,
        show: &mut impl FnMut(&SyncRow),
    ) -> anyhow::Result<()> {
        let Some(resumes_at) = row.resumes_at else { return Ok(()) };
        while now() < resumes_at && !stop.is_cancelled() {
            stop.run_until_cancelled(sleep(AGAIN)).await;
            let row = self.look(sync).await?;
            show(&row);
            if row.state != "waiting_for_quota" {
                break;
            }
        }
        Ok(())
    }

    async fn claim(&self) -> Result<Option<Lease>, crisp_storage::Error> {
        let options = self.engine.options();
        let (name, lease) = (&options.worker_name, options.lease);
        self.engine.database().claim_one(self.account, self.integration, Lane::Sync, name, lease).await
    }

    async fn look(&self, sync: SyncId) -> Result<SyncRow, Refusal> {
        syncs::get(self.engine, self.account, sync).await
    }

    /// Gives back a lane in which nothing was done.
    pub(crate) async fn give_back(self) -> Result<(), crisp_storage::Error> {
        match self.first {
            Some(lease) => self.engine.database().release(&lease, Release::DueAt(now())).await,
            None => Ok(()),
        }
    }
}
