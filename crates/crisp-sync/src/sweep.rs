//! The sweep: the tenant rows are the truth, work items are hints. What a crash between the two lost is restored here.

use chrono::{DateTime, TimeDelta, Utc};
use crisp_domain::{AccountId, IntegrationId};
use crisp_storage::integrations::IntegrationRow;
use crisp_storage::work::Lane;
use crisp_storage::{AccountSession, hooks, integrations, syncs, transcripts, wanted};

use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::connect;
use crate::engine::Engine;
use crate::error::Error;
use crate::schedule::{self, incremental_interval, reconcile_interval};

/// Rows of a kind that are forgotten in one transaction.
const FORGOTTEN_AT_ONCE: i64 = 1_000;
/// How long the record of a sync is kept; the newest of an integration stays.
const KEEP_RUNS: TimeDelta = TimeDelta::days(90);

/// Looks at every account once: restores hints, forgets what is older than it has to be kept. What goes wrong with one
/// account keeps no other from its turn.
pub(crate) async fn sweep(engine: &Engine, stop: &CancellationToken) -> Result<(), Error> {
    for account in engine.database.list_accounts().await? {
        for outcome in [restore(engine, account).await, forget(engine, account).await] {
            if let Err(error) = outcome {
                tracing::warn!(%account, error = error.chain(), "an account could not be swept; it is tried again");
            }
        }
        if stop.is_cancelled() {
            return Ok(());
        }
    }
    engine.ledger.forget_old().await?;
    engine.database.forget_claims(clock::now() - connect::PROOF_OUTLIVES * 2).await?;
    Ok(())
}

/// A lane of an integration, and when it is due.
type Hint = (IntegrationId, Lane, DateTime<Utc>);

async fn restore(engine: &Engine, account: AccountId) -> Result<(), Error> {
    let now = clock::now();
    let mut session = engine.database.read_primary(account).await?;
    let mut rows = integrations::list(&mut session).await?;
    let mut hints: Vec<Hint> = hooks::list_backlogged(&mut session)
        .await?
        .into_iter()
        .map(|integration| (IntegrationId::from(integration), Lane::Hooks, now))
        .collect();
    let mut late = Vec::new();
    for row in &mut rows {
        if bring_forward(engine, row, now) {
            late.push(row.integration_id());
        }
        hints.extend(hints_of(&mut session, row, now).await?);
    }
    session.commit().await?;
    for row in rows.iter().filter(|row| late.contains(&row.integration_id())) {
        let mut session = engine.database.append(account).await?;
        let planned = (row.next_incremental_at, row.next_reconcile_at);
        integrations::bring_forward(&mut session, row.integration_id(), planned).await?;
        session.commit().await?;
    }
    for (integration, lane, due) in hints {
        engine.database.restore(account, integration, lane, due).await?;
    }
    Ok(())
}

/// What an integration's own rows say about its lanes.
async fn hints_of(
    session: &mut AccountSession,
    row: &IntegrationRow,
    now: DateTime<Utc>,
) -> Result<Vec<Hint>, Error> {
    let id = row.integration_id();
    let record = wanted::next_due(session, id).await?;
    let under_way = syncs::find_under_way(session, id).await?;
    let transcript = next_transcript(session, id, under_way.is_some(), now).await?;
    let sync = match &under_way {
        Some(run) => Some(run.resumes_at.unwrap_or(now)),
        None => schedule::next_run(row),
    };
    let has_upkeep = row.settings_revision != row.applied_revision || row.purge_requested_at.is_some();
    let lanes = [
        (Lane::Live, record),
        (Lane::Live, transcript),
        (Lane::Sync, sync),
        (Lane::Upkeep, has_upkeep.then_some(now)),
    ];
    Ok(lanes.into_iter().filter_map(|(lane, due)| Some((id, lane, due?))).collect())
}

/// Holds the schedule to the intervals of today: what was planned under longer ones comes sooner. Returns whether
/// something does.
fn bring_forward(engine: &Engine, row: &mut IntegrationRow, now: DateTime<Utc>) -> bool {
    if row.state != "active" {
        return false;
    }
    let sooner = |planned: Option<DateTime<Utc>>, interval| {
        planned.map(|planned| now.checked_add_signed(interval).map_or(planned, |latest| planned.min(latest)))
    };
    let before = (row.next_incremental_at, row.next_reconcile_at);
    row.next_incremental_at = sooner(row.next_incremental_at, incremental_interval(engine, row));
    row.next_reconcile_at = sooner(row.next_reconcile_at, reconcile_interval(engine));
    (row.next_incremental_at, row.next_reconcile_at) != before
}

/// When the live lane has a transcript to read; while a sync is under way, only those that somebody waits for.
async fn next_transcript(
    session: &mut AccountSession,
    integration: IntegrationId,
    sync_under_way: bool,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, Error> {
    let all = [transcripts::Due::Urgent, transcripts::Due::Calm, transcripts::Due::SetAside];
    let mut next: Option<DateTime<Utc>> = None;
    for due in all.into_iter().take(if sync_under_way { 1 } else { all.len() }) {
        let ready = !transcripts::list_due(session, integration, due, now, 1).await?.is_empty();
        let due_at =
            if ready { Some(now) } else { transcripts::next_retry(session, integration, due).await? };
        next = next.into_iter().chain(due_at).min();
    }
    Ok(next)
}

/// Forgets hooks and records of syncs that were kept long enough, in parts: none of them holds rows for long, however many there are.
async fn forget(engine: &Engine, account: AccountId) -> Result<(), Error> {
    let keep = TimeDelta::from_std(engine.options.hooks_retention).unwrap_or(TimeDelta::days(7));
    let now = clock::now();
    let before = now - keep;
    loop {
        let mut session = engine.database.append(account).await?;
        let applied = hooks::forget_applied(&mut session, before, FORGOTTEN_AT_ONCE).await?;
        let dead = hooks::forget_dead_bodies(&mut session, before, FORGOTTEN_AT_ONCE).await?;
        let runs = syncs::forget(&mut session, now - KEEP_RUNS, FORGOTTEN_AT_ONCE).await?;
        session.commit().await?;
        if applied.max(dead).max(runs) < usize::try_from(FORGOTTEN_AT_ONCE).unwrap_or(usize::MAX) {
            return Ok(());
        }
    }
}
