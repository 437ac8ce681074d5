//! How an integration is: what came when, what is missing, and what can be done.

use askama::Template;
use axum::response::Response;
use crisp_http::AppState;
use crisp_http::auth::Caller;
use crisp_storage::integrations::{self, IntegrationRow};
use crisp_storage::syncs;
use crisp_storage::views::{freshness, skipped};
use crisp_sync::connect::{self, Problem};

use super::{Head, Tab};
use crate::failure::Failure;
use crate::moment::{Count, Moment, count, span};
use crate::page::{Shell, page};
use crate::syncs::line::SyncLine;

/// Runs that the page shows; the rest is a link away.
const RECENT: i64 = 5;

#[derive(Template)]
#[template(path = "health.html")]
struct HealthPage {
    shell: Shell,
    head: Head,
    problem: Option<Problem>,
    first_import_due: bool,
    running: Option<SyncLine>,
    recent: Vec<SyncLine>,
    last_hook: Option<Moment>,
    hooks_silent: Option<Moment>,
    last_incremental: Option<Moment>,
    next_incremental: Option<Moment>,
    synced_at: Option<Moment>,
    behind: Option<String>,
    waiting: Option<Waiting>,
    skipped: skipped::Counts,
    remap: Option<(Count, Option<Count>)>,
    redactions: i64,
    requests_used: Count,
    requests_limit: Option<Count>,
}

/// What has arrived and is not applied yet.
struct Waiting {
    hooks: Count,
    records: Count,
    transcripts: Count,
    given_up: i64,
}

pub(super) async fn page_of(
    state: &AppState,
    caller: &Caller,
    shell: Shell,
    row: IntegrationRow,
) -> Result<Response, Failure> {
    let (id, now) = (row.integration_id(), crisp_http::now());
    let mut session = state.database().read_primary(caller.account).await?;
    let channel = integrations::hook_channel(&mut session, id).await?;
    let fresh = freshness::list(&mut session).await?.into_iter().find(|one| one.integration_id == row.id);
    let recent = syncs::list(&mut session, id, None, RECENT).await?;
    let skipped = skipped::count(&mut session, id).await?;
    session.commit().await?;
    let budget = state.engine.ledger().state().await?;
    let lines: Vec<SyncLine> = recent.iter().map(|run| SyncLine::of(run, now)).collect();
    let shell = if lines.iter().any(|line| line.is_under_way) { shell.refreshing(10) } else { shell };
    Ok(page(&HealthPage {
        problem: connect::problem(&row),
        first_import_due: row.state == "connected" && !lines.iter().any(|line| line.is_under_way),
        running: recent.iter().find(|run| run.is_under_way()).map(|run| SyncLine::of(run, now)),
        recent: lines,
        last_hook: channel.last_hook_at.map(Moment),
        hooks_silent: row.hook_gap_since.map(Moment),
        last_incremental: row.last_incremental_at.map(Moment),
        next_incremental: row.next_incremental_at.map(Moment),
        synced_at: row.synced_at.map(Moment),
        behind: fresh.as_ref().and_then(|fresh| fresh.lag(now)).map(span),
        waiting: fresh.map(|fresh| Waiting {
            hooks: Count(fresh.hooks_pending),
            records: Count(fresh.records_wanted),
            transcripts: Count(fresh.transcripts_due),
            given_up: fresh.dead_letters,
        }),
        skipped,
        remap: (row.settings_revision != row.applied_revision)
            .then_some((Count(row.remap_done), row.remap_total.map(Count))),
        redactions: channel.redactions,
        requests_used: count(budget.used),
        requests_limit: budget.limit.map(count),
        head: Head::of(&row, Tab::Overview),
        shell,
    }))
}
