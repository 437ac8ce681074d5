//! The sweep: the tenant rows are the truth, work items are hints. What a crash between the two lost is restored here.

use chrono::{DateTime, TimeDelta, Utc};
use crisp_domain::{AccountId, IntegrationId};
use crisp_storage::integrations::IntegrationRow;
use crisp_storage::work::{self, Lane};
use crisp_storage::{AccountSession, conversations, hooks, integrations, syncs, wanted};

use crate::clock;
use crate::connect;
use crate::engine::Engine;
use crate::error::Error;
use crate::schedule::{self, incremental_interval, reconcile_interval};

/// Hooks forgotten in one transaction.
const FORGOTTEN_AT_ONCE: i64 = 1_000;

/// Looks at every account once: restores hints, forgets what is older than it has to be kept. What goes wrong with one
/// account keeps no other from its turn.
pub(crate) async fn sweep(engine: &Engine) -> Result<(), Error> {
    for account in engine.database.list_accounts().await? {
        for outcome in [restore(engine, account).await, forget(engine, account).await] {
            if let Err(error) = outcome {
                tracing::warn!(%account, error = error.chain(), "an account could not be swept; it is tried again");
            }
        }
    }
    engine.ledger.forget_old().await?;
    engine.database.forget_claims(clock::now() - connect::PROOF_OUTLIVES * 2).await?;
    Ok(())
}

async fn restore(engine: &Engine, account: AccountId) -> Result<(), Error> {
    let now = clock::now();
    let mut session = engine.database.append(account).await?;
    let backlogged = hooks::list_backlogged(&mut session).await?;
    for integration in backlogged {
        work::restore(&mut session, IntegrationId::from(integration), Lane::Hooks, now).await?;
    }
    for mut row in integrations::list(&mut session).await? {
        let id = row.integration_id();
        bring_forward(engine, &mut session, &mut row, now).await?;
        if let Some(due) = wanted::next_due(&mut session, id).await? {
            work::restore(&mut session, id, Lane::Live, due).await?;
        }
        let under_way = syncs::find_under_way(&mut session, id).await?;
        if let Some(due) = next_transcript(&mut session, id, under_way.is_some(), now).await? {
            work::restore(&mut session, id, Lane::Live, due).await?;
        }
        let sync_due = match &under_way {
            Some(run) => Some(run.resumes_at.unwrap_or(now)),
            None => schedule::next_run(&row),
        };
        if let Some(due) = sync_due {
            work::restore(&mut session, id, Lane::Sync, due).await?;
        }
        if row.settings_revision != row.applied_revision || row.purge_requested_at.is_some() {
            work::restore(&mut session, id, Lane::Upkeep, now).await?;
        }
    }
    Ok(session.commit().await?)
}

/// Holds the schedule to the intervals of today: what was planned under longer ones comes sooner.
async fn bring_forward(
    engine: &Engine,
    session: &mut AccountSession,
    row: &mut IntegrationRow,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let latest = |planned: Option<DateTime<Utc>>, interval| {
        planned.map(|planned| now.checked_add_signed(interval).map_or(planned, |latest| planned.min(latest)))
    };
    let incremental = latest(row.next_incremental_at, incremental_interval(engine, row));
    let reconcile = latest(row.next_reconcile_at, reconcile_interval(engine));
    if row.state == "active" && (incremental, reconcile) != (row.next_incremental_at, row.next_reconcile_at) {
        row.next_incremental_at = incremental;
        row.next_reconcile_at = reconcile;
        integrations::bring_forward(session, row.integration_id(), incremental, reconcile).await?;
    }
    Ok(())
}

/// When the live lane has a transcript to read; while a sync is under way, only those that somebody waits for.
async fn next_transcript(
    session: &mut AccountSession,
    integration: IntegrationId,
    sync_under_way: bool,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, Error> {
    let all = [conversations::Due::Urgent, conversations::Due::Calm];
    let mut next: Option<DateTime<Utc>> = None;
    for due in all.into_iter().take(if sync_under_way { 1 } else { 2 }) {
        let ready = !conversations::list_messages_due(session, integration, due, now, 1).await?.is_empty();
        let due_at = if ready {
            Some(now)
        } else {
            conversations::next_messages_retry(session, integration, due).await?
        };
        next = next.into_iter().chain(due_at).min();
    }
    Ok(next)
}

/// Forgets hooks that were kept long enough, in parts: none of them holds rows for long, however many there are.
async fn forget(engine: &Engine, account: AccountId) -> Result<(), Error> {
    let keep = TimeDelta::from_std(engine.options.hooks_retention).unwrap_or(TimeDelta::days(7));
    let before = clock::now() - keep;
    loop {
        let mut session = engine.database.append(account).await?;
        let applied = hooks::forget_applied(&mut session, before, FORGOTTEN_AT_ONCE).await?;
        let dead = hooks::forget_dead_bodies(&mut session, before, FORGOTTEN_AT_ONCE).await?;
        session.commit().await?;
        if applied.max(dead) < usize::try_from(FORGOTTEN_AT_ONCE).unwrap_or(usize::MAX) {
            return Ok(());
        }
    }
}
