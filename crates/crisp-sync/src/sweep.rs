//! The sweep: the tenant rows are the truth, work items are hints. What a crash between the two lost is restored here.

use chrono::TimeDelta;
use crisp_domain::{AccountId, IntegrationId};
use crisp_storage::work::{self, Lane};
use crisp_storage::{hooks, integrations, syncs, wanted};

use crate::clock;
use crate::engine::Engine;
use crate::error::Error;

/// Looks at every account once: restores hints, forgets what is older than it has to be kept.
pub(crate) async fn sweep(engine: &Engine) -> Result<(), Error> {
    for account in engine.database.list_accounts().await? {
        restore(engine, account).await?;
        forget(engine, account).await?;
    }
    engine.ledger.forget_old().await?;
    Ok(())
}

async fn restore(engine: &Engine, account: AccountId) -> Result<(), Error> {
    let now = clock::now();
    let mut session = engine.database.append(account).await?;
    let backlogged = hooks::list_backlogged(&mut session).await?;
    for integration in backlogged {
        work::restore(&mut session, IntegrationId::from(integration), Lane::Hooks, now).await?;
    }
    for row in integrations::list(&mut session).await? {
        let id = row.integration_id();
        if let Some(due) = wanted::next_due(&mut session, id).await? {
            work::restore(&mut session, id, Lane::Live, due).await?;
        }
        let (left, retry_at) = crisp_storage::conversations::count_messages_due(&mut session, id).await?;
        let under_way = syncs::find_under_way(&mut session, id).await?;
        if left > 0 && under_way.is_none() {
            work::restore(&mut session, id, Lane::Live, retry_at.unwrap_or(now)).await?;
        }
        let sync_due = match (&under_way, row.state.as_str()) {
            (Some(run), _) => Some(run.resumes_at.unwrap_or(now)),
            (None, "active") => row.next_incremental_at.into_iter().chain(row.next_reconcile_at).min(),
            (None, _) => None,
        };
        if let Some(due) = sync_due {
            work::restore(&mut session, id, Lane::Sync, due).await?;
        }
        if row.settings_revision != row.applied_revision || row.purge_requested_at.is_some() {
            work::restore(&mut session, id, Lane::Upkeep, now).await?;
        }
        if let Some(synced_at) = row.synced_at.filter(|_| row.state == "active") {
            let lag = u32::try_from((now - synced_at).num_seconds().max(0)).unwrap_or(u32::MAX);
            metrics::gauge!("crisp_sync_lag_seconds_max").set(f64::from(lag));
        }
    }
    Ok(session.commit().await?)
}

async fn forget(engine: &Engine, account: AccountId) -> Result<(), Error> {
    let keep = TimeDelta::from_std(engine.options.hooks_retention).unwrap_or(TimeDelta::days(7));
    let mut session = engine.database.append(account).await?;
    hooks::forget_applied(&mut session, clock::now() - keep).await?;
    Ok(session.commit().await?)
}
