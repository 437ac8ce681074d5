//! The help page's troubleshooting as checks that run by themselves: *contacts not importing*, *conversations not
//! showing*, *real-time updates not working*.
//!
//! Everything is looked at first (`Facts`), then judged by pure functions, so that each check's words can be tested
//! without a Crisp that misbehaves. Running the checks changes nothing and costs four requests.

mod crisp;
mod ours;

use chrono::{DateTime, TimeDelta, Utc};
use crisp_domain::{AccountId, ImportSettings, IntegrationId};
use crisp_storage::integrations::{self, HookChannel, IntegrationRow};
use crisp_storage::quota::LedgerState;
use crisp_storage::syncs::{self, SyncRow};
use crisp_storage::views::freshness::{self, Freshness};
use crisp_storage::views::skipped;
use crisp_storage::work::Lane;
use crisp_storage::{AccountSession, claims, profiles};
use serde::Serialize;

use crate::clock;
use crate::connect;
use crate::engine::Engine;
use crate::refusal::Refusal;
use crate::settings;
use crisp::Probe;

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Which check.
    pub code: &'static str,
    /// How it went.
    pub state: CheckState,
    /// What was found, in a plain sentence.
    pub detail: String,
    /// What to do about it; empty where nothing is to be done.
    pub what_to_do: String,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::Display, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum CheckState {
    /// As it should be.
    Ok,
    /// It may explain what somebody wonders about, or could not be told.
    Warning,
    /// It keeps the integration from working.
    Failed,
}

/// Everything that the checks look at.
struct Facts {
    integration: IntegrationRow,
    settings: ImportSettings,
    channel: HookChannel,
    freshness: Option<Freshness>,
    last_sync: Option<SyncRow>,
    skipped: skipped::Counts,
    profiles: i64,
    budget: LedgerState,
    crisp: Probe,
    now: DateTime<Utc>,
}

/// Runs all checks, in the order in which a person would go through them.
pub async fn diagnosis(
    engine: &Engine,
    account: AccountId,
    integration: IntegrationId,
) -> Result<Vec<Check>, Refusal> {
    let mut session = engine.database.read_primary(account).await?;
    let row = integrations::find(&mut session, integration).await?.ok_or(Refusal::NotFound)?;
    engine.admit_click(account).await?;
    // A website that is not held any more may be somebody else's: nothing is asked about it.
    let held = claims::claimed_at(&mut session, integration).await?.is_some();
    let facts = own_facts(engine, &mut session, row).await?;
    session.commit().await?;
    let website = facts.integration.website().filter(|_| held);
    let facts = Facts { crisp: Probe::take(engine, account, website).await, ..facts };
    if connect::waits_for_crisp(&facts.integration) && facts.crisp.is_well() {
        // What it waits for has come: a worker takes it up now instead of when it would look next.
        engine.database.signal(account, integration, Lane::Sync, clock::now()).await?;
    }
    Ok(judged(&facts))
}

async fn own_facts(
    engine: &Engine,
    session: &mut AccountSession,
    row: IntegrationRow,
) -> Result<Facts, Refusal> {
    let id = row.integration_id();
    Ok(Facts {
        settings: settings::shown(engine, &row)?,
        channel: integrations::hook_channel(session, id).await?,
        freshness: freshness::list(session).await?.into_iter().find(|one| one.integration_id == row.id),
        last_sync: syncs::find_last(session, id).await?,
        skipped: skipped::count(session, id).await?,
        profiles: profiles::count(session, id).await?,
        budget: engine.ledger.state().await?,
        crisp: Probe::default(),
        now: clock::now(),
        integration: row,
    })
}

fn judged(facts: &Facts) -> Vec<Check> {
    vec![
        crisp::plugin_installed(facts),
        crisp::website_id(facts),
        crisp::credential(facts),
        crisp::conversations_enabled(facts),
        ours::contact_exists(facts),
        ours::integration_active(facts),
        ours::realtime(facts),
        ours::incremental(facts),
        ours::skipped(facts),
        ours::quota(facts),
    ]
}

/// A check before it knows its name.
struct Finding {
    state: CheckState,
    detail: String,
    what_to_do: String,
}

impl Finding {
    fn ok(detail: impl Into<String>) -> Self {
        Self { state: CheckState::Ok, detail: detail.into(), what_to_do: String::new() }
    }

    fn warning(detail: impl Into<String>, what_to_do: impl Into<String>) -> Self {
        Self { state: CheckState::Warning, detail: detail.into(), what_to_do: what_to_do.into() }
    }

    fn failed(detail: impl Into<String>, what_to_do: impl Into<String>) -> Self {
        Self { state: CheckState::Failed, detail: detail.into(), what_to_do: what_to_do.into() }
    }

    fn of(self, code: &'static str) -> Check {
        Check { code, state: self.state, detail: self.detail, what_to_do: self.what_to_do }
    }
}

/// A stretch of time as people say it.
fn span(length: TimeDelta) -> String {
    let plural = |count: i64, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    match length.max(TimeDelta::zero()) {
        short if short < TimeDelta::minutes(2) => plural(short.num_seconds(), "second"),
        short if short < TimeDelta::hours(2) => plural(short.num_minutes(), "minute"),
        short if short < TimeDelta::days(2) => plural(short.num_hours(), "hour"),
        long => plural(long.num_days(), "day"),
    }
}

#[cfg(test)]
mod tests;
