//! How an integration is: what came when, what is missing, and what can be done.

use askama::Template;
use axum::response::Response;
use crisp_http::AppState;
use crisp_http::auth::Caller;
use crisp_storage::integrations::{self, IntegrationRow};
use crisp_storage::syncs::{self, SyncRow};
use crisp_storage::views::freshness::{self, Freshness};
use crisp_storage::views::skipped;
use crisp_sync::connect::{self, Problem};

use super::{Head, Tab};
use crate::failure::Failure;
use crate::moment::{Count, Moment, count, counted, span};
use crate::page::{Shell, page};
use crate::syncs::line::SyncLine;

/// Runs that the page shows; the rest is a link away.
const RECENT: i64 = 5;

#[derive(Template)]
#[template(path = "health.html")]
struct HealthPage {
    shell: Shell,
    head: Head,
    verdict: Verdict,
    problem: Option<Problem>,
    first_import_due: bool,
    /// Whether something is under way that a look again will show to have moved.
    is_moving: bool,
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
    redactions: Option<String>,
    requests_used: Count,
    requests_limit: Option<Count>,
}

/// How it all is, in one line.
struct Verdict {
    class: &'static str,
    words: &'static str,
}

/// What has arrived and is not applied yet.
struct Waiting {
    /// Each in words.
    parts: Vec<String>,
    given_up: Option<String>,
}

impl Waiting {
    fn of(fresh: &Freshness) -> Option<Self> {
        let parts = [
            (fresh.hooks_pending, ["web hook", "web hooks"]),
            (fresh.records_wanted, ["single record", "single records"]),
            (fresh.transcripts_due, ["conversation’s messages", "conversations’ messages"]),
        ];
        let parts = parts.into_iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = parts.map(|(count, [one, many])| counted(count, one, many)).collect();
        let given_up = (fresh.dead_letters > 0).then(|| counted(fresh.dead_letters, "change", "changes"));
        (!parts.is_empty() || given_up.is_some()).then_some(Self { parts, given_up })
    }
}

impl Verdict {
    /// The worst thing first.
    fn of(row: &IntegrationRow, last: Option<&SyncRow>, fresh: Option<&Freshness>) -> Self {
        let said = |class, words| Self { class, words };
        if row.problem_code.is_some() {
            return said("bad", "Nothing comes in until this is put right.");
        }
        match last.map(|run| run.state.as_str()) {
            Some("failed") => return said("bad", "The last sync failed. It is tried again by itself."),
            Some("queued" | "running") => return said("busy", "A sync is under way."),
            Some("waiting_for_quota") => {
                return said("busy", "A sync waits for more requests to Crisp, and goes on by itself.");
            }
            Some(_) | None => {}
        }
        if row.hook_gap_since.is_some() {
            return said(
                "warning",
                "Up to date, but web hooks are missing: updates run more often meanwhile.",
            );
        }
        if fresh.is_some_and(|fresh| fresh.dead_letters > 0) {
            return said("warning", "Up to date, except for a few changes that could not be applied.");
        }
        said("good", "Everything is up to date.")
    }
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
    let verdict = Verdict::of(&row, recent.first(), fresh.as_ref());
    let waiting = fresh.as_ref().and_then(Waiting::of);
    let is_remapping = row.settings_revision != row.applied_revision;
    Ok(page(&HealthPage {
        verdict,
        is_moving: waiting.is_some() || is_remapping || lines.iter().any(|line| line.is_under_way),
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
        waiting,
        skipped,
        remap: is_remapping.then_some((Count(row.remap_done), row.remap_total.map(Count))),
        redactions: (channel.redactions > 0).then(|| {
            counted(channel.redactions, "card number, IBAN or key was", "card numbers, IBANs and keys were")
        }),
        requests_used: count(budget.used),
        requests_limit: budget.limit.map(count),
        head: Head::of(&row, Tab::Overview),
        shell,
    }))
}

#[cfg(test)]
mod tests {
    use crisp_domain::{AccountId, IntegrationId, SyncId};
    use serde_json::json;

    use super::*;

    #[test]
    fn the_worst_thing_is_said_first() {
        let now = chrono::DateTime::from_timestamp(1_767_225_600, 0).unwrap();
        let owner = (AccountId::new_v7(now), IntegrationId::new_v7(now));
        let mut row = IntegrationRow::draft(owner.0, owner.1, String::new(), json!({}), now);
        let mut run = SyncRow::queued(owner, SyncId::new_v7(now), ("full", "manual"), None, now);
        let class = |row: &IntegrationRow, run: &SyncRow| Verdict::of(row, Some(run), None).class;
        assert_eq!(class(&row, &run), "busy");
        "succeeded".clone_into(&mut run.state);
        assert_eq!(class(&row, &run), "good");
        row.hook_gap_since = Some(now);
        assert_eq!(class(&row, &run), "warning");
        "failed".clone_into(&mut run.state);
        assert_eq!(class(&row, &run), "bad");
        row.problem_code = Some("credential_rejected".to_owned());
        assert!(Verdict::of(&row, Some(&run), None).words.contains("put right"));
    }
}
