//! How a sync goes: three bars, what is being done now, and what can be done about it.

use askama::Template;
use chrono::{DateTime, Utc};
use crisp_http::AppState;
use crisp_http::auth::{Caller, Permission};
use crisp_storage::syncs::{self, SyncRow};
use crisp_storage::views::freshness;
use uuid::Uuid;

use super::bars::{Bar, bars};
use super::line::{SyncLine, by, failed};
use crate::failure::Failure;
use crate::moment::{Count, Moment, count, counted, left, span};
use crate::words;

/// The part of the page that changes while a sync runs.
#[derive(Template)]
#[template(path = "_progress.html")]
#[expect(clippy::struct_excessive_bools, reason = "each decides about one thing that the page shows")]
pub(super) struct ProgressPart {
    pub(super) id: Uuid,
    integration: Uuid,
    pub(super) title: &'static str,
    pub(super) line: SyncLine,
    by: String,
    /// What it is doing, or what came of it, in one line.
    headline: String,
    detail: &'static str,
    bars: Vec<Bar>,
    facts: Vec<Fact>,
    trouble: Option<Trouble>,
    resumes_at: Option<Moment>,
    finished_at: Option<Moment>,
    skipped: Option<String>,
    /// How many of them for which reason.
    skipped_why: String,
    failed: Option<String>,
    is_first_import: bool,
    /// Cancelling has been asked for, and comes with the next step.
    is_cancelling: bool,
    /// It came to nothing, so that it is worth trying again.
    came_to_nothing: bool,
    reads: bool,
}

/// A figure with its name.
struct Fact {
    name: &'static str,
    value: String,
}

/// What went wrong: red only where that was the end of it.
struct Trouble {
    class: &'static str,
    words: String,
}

/// What the row itself does not tell.
struct Beside {
    transcripts_due: i64,
    is_cancelling: bool,
}

impl ProgressPart {
    pub(super) async fn of(state: &AppState, caller: &Caller, run: &SyncRow) -> Result<Self, Failure> {
        let now = crisp_http::now();
        let Beside { transcripts_due, is_cancelling } = beside(state, caller, run).await?;
        let budget = state.engine.ledger().state().await?;
        let used = match budget.limit {
            Some(limit) => format!("{} of {}", count(budget.used), count(limit)),
            None => format!("{}, without a limit", count(budget.used)),
        };
        let (skipped, unread) = (run.conversations_skipped, failed(run));
        Ok(Self {
            id: run.id,
            integration: run.integration_id,
            title: words::sync_kind(&run.kind, &run.trigger),
            line: SyncLine::of(run, now),
            by: by(run),
            headline: headline(run, is_cancelling),
            detail: detail(run, is_cancelling),
            bars: bars(run, transcripts_due),
            facts: facts(run, used, now),
            trouble: trouble(run),
            resumes_at: run.resumes_at.filter(|_| run.state == "waiting_for_quota").map(Moment),
            finished_at: run.finished_at.map(Moment),
            skipped: (skipped > 0).then(|| counted(skipped, "conversation was", "conversations were")),
            skipped_why: skipped_why(run),
            failed: (unread > 0).then(|| counted(unread, "record", "records")),
            is_first_import: run.trigger == "first_import",
            is_cancelling,
            came_to_nothing: matches!(run.state.as_str(), "failed" | "cancelled"),
            reads: caller.may(Permission::ReadConversations),
        })
    }
}

async fn beside(state: &AppState, caller: &Caller, run: &SyncRow) -> Result<Beside, Failure> {
    let mut session = state.database().read_primary(caller.account).await?;
    let fresh = freshness::list(&mut session).await?;
    let asked = syncs::is_cancel_requested(&mut session, run.sync_id()).await?;
    session.commit().await?;
    let own = fresh.into_iter().find(|one| one.integration_id == run.integration_id);
    let due = own.map_or(0, |one| one.transcripts_due);
    Ok(Beside { transcripts_due: due, is_cancelling: asked && run.is_under_way() })
}

fn skipped_why(run: &SyncRow) -> String {
    let early = run.conversations_before_backfill;
    let unmatched = run.conversations_skipped - early;
    let parts = [
        (unmatched, counted(unmatched, "matches no contact", "match no contact")),
        (early, counted(early, "is older than the import window", "are older than the import window")),
    ];
    let parts: Vec<String> =
        parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, words)| words).collect();
    parts.join(", ")
}

/// A hiccup is told while it lasts, and a failure for good; what is over is over.
fn trouble(run: &SyncRow) -> Option<Trouble> {
    let unknown = "Something went wrong on our side. It has been recorded.";
    let words = || run.problem_detail.clone().unwrap_or_else(|| unknown.to_owned());
    run.problem_code.as_ref()?;
    match run.state.as_str() {
        "failed" => Some(Trouble { class: "bad", words: words() }),
        "cancelled" => Some(Trouble { class: "warning", words: words() }),
        "running" | "queued" | "waiting_for_quota" if run.failures_in_row > 0 => {
            Some(Trouble { class: "warning", words: words() })
        }
        _ => None,
    }
}

fn headline(run: &SyncRow, is_cancelling: bool) -> String {
    let of_phase = match (run.state.as_str(), run.phase.as_deref()) {
        _ if is_cancelling => "Cancelling…",
        ("queued", _) => "Waiting for a worker to take it up",
        ("waiting_for_quota", _) => "Waiting for more requests to Crisp",
        ("running", Some("people")) => "Reading people",
        ("running", Some("conversations")) => "Reading conversations",
        ("running", Some("messages")) => "Reading messages",
        ("running", _) => "Getting ready",
        ("cancelled", _) => "Cancelled",
        ("failed", _) => "It could not be finished",
        _ => return done(run),
    };
    of_phase.to_owned()
}

fn detail(run: &SyncRow, is_cancelling: bool) -> &'static str {
    match (run.state.as_str(), run.phase.as_deref()) {
        _ if is_cancelling => "It stops with the step that is under way. What it has imported stays.",
        ("queued", _) => "That takes moments.",
        ("waiting_for_quota", _) => "It goes on by itself. What was read is here already.",
        ("running", Some("conversations")) => "And finding out whose they are.",
        ("running", Some("messages")) => "Those of the newest conversations first.",
        ("running", _) => "You can leave this page: it goes on by itself.",
        ("partial", _) => "It ran to its end, but some records could not be read.",
        ("cancelled" | "failed", _) => "What it had imported stays.",
        _ => "",
    }
}

/// What a finished run has done: everything that it brought or changed.
fn done(run: &SyncRow) -> String {
    let people = run.people_created + run.people_updated;
    let conversations = run.conversations_created + run.conversations_updated;
    let messages = run.messages_created + run.messages_updated;
    let parts = [
        (people, counted(people, "person", "people")),
        (conversations, counted(conversations, "conversation", "conversations")),
        (messages, counted(messages, "message", "messages")),
    ];
    let parts: Vec<String> =
        parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, words)| words).collect();
    let took = run.started_at.zip(run.finished_at).map(|(from, to)| format!(" in {}", span(to - from)));
    let verb = if run.kind == "full" { "Imported" } else { "Brought up to date:" };
    match parts.as_slice() {
        [] => "Nothing new: everything was here already".to_owned(),
        [all @ .., last] if !all.is_empty() => {
            format!("{verb} {} and {last}{}", all.join(", "), took.unwrap_or_default())
        }
        [only, ..] => format!("{verb} {only}{}", took.unwrap_or_default()),
    }
}

fn facts(run: &SyncRow, used: String, now: DateTime<Utc>) -> Vec<Fact> {
    let took = run.started_at.map(|begun| run.finished_at.unwrap_or(now) - begun);
    let mut facts = Vec::new();
    let mut fact = |name, value| facts.push(Fact { name, value });
    if run.is_under_way() {
        let end = run.expected_finish_at.map(|end| left(end - now));
        fact("Time left", end.unwrap_or_else(|| "Not known yet".to_owned()));
    }
    let name = if run.is_under_way() { "Running for" } else { "Took" };
    fact(name, took.map_or("Not begun yet".to_owned(), span));
    let records = run.people_read + run.conversations_read + run.messages_read;
    if let Some(seconds) = took.map(|took| took.num_seconds()).filter(|seconds| *seconds > 0) {
        fact("Pace", format!("{} records a minute", Count(records * 60 / seconds)));
    }
    fact("Requests to Crisp", Count(run.crisp_requests).to_string());
    fact("Requests used today", used);
    facts
}

#[cfg(test)]
pub(super) mod tests {
    use chrono::TimeDelta;
    use crisp_domain::{AccountId, IntegrationId, SyncId};

    use super::*;

    fn begun() -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_225_600, 0).unwrap()
    }

    fn run() -> SyncRow {
        let ids = (AccountId::new_v7(begun()), IntegrationId::new_v7(begun()));
        SyncRow::queued(ids, SyncId::new_v7(begun()), ("full", "first_import"), None, begun())
    }

    pub(in crate::syncs) fn running(phase: &str) -> SyncRow {
        SyncRow { state: "running".to_owned(), phase: Some(phase.to_owned()), ..run() }
    }

    pub(in crate::syncs) fn ended(state: &str) -> SyncRow {
        let finished_at = Some(begun() + TimeDelta::seconds(4));
        SyncRow { state: state.to_owned(), started_at: Some(begun()), finished_at, ..run() }
    }

    #[test]
    fn a_finished_sync_says_what_it_brought() {
        let mut row = ended("succeeded");
        assert_eq!(headline(&row, false), "Nothing new: everything was here already");
        (row.people_created, row.conversations_created, row.messages_created) = (120, 126, 1_067);
        let said = "Imported 120 people, 126 conversations and 1,067 messages in 4 seconds";
        assert_eq!(headline(&row, false), said);
        (row.people_created, row.conversations_created, row.messages_created) = (1, 0, 0);
        assert_eq!(headline(&row, false), "Imported 1 person in 4 seconds");
    }

    #[test]
    fn what_was_skipped_is_told_by_reason() {
        let mut row = ended("succeeded");
        (row.conversations_skipped, row.conversations_before_backfill) = (35, 34);
        assert_eq!(skipped_why(&row), "1 matches no contact, 34 are older than the import window");
    }

    #[test]
    fn a_past_hiccup_is_not_shown_and_only_a_failure_is_red() {
        let troubled = |mut row: SyncRow, in_row| {
            row.problem_code = Some("crisp_unavailable".to_owned());
            row.failures_in_row = in_row;
            trouble(&row).map(|trouble| trouble.class)
        };
        assert_eq!(troubled(ended("succeeded"), 0), None);
        assert_eq!(troubled(running("people"), 0), None);
        assert_eq!(troubled(running("people"), 2), Some("warning"));
        assert_eq!(troubled(ended("failed"), 15), Some("bad"));
    }

    #[test]
    fn a_running_sync_says_how_long_it_will_take_or_that_nobody_knows() {
        let left = |row: &SyncRow| facts(row, String::new(), begun())[0].value.clone();
        let mut row = running("messages");
        assert_eq!(left(&row), "Not known yet");
        row.expected_finish_at = Some(begun() + TimeDelta::seconds(250));
        assert_eq!(left(&row), "about 4 min");
        row.expected_finish_at = Some(begun() - TimeDelta::seconds(1));
        assert_eq!(left(&row), "nearly done");
    }

    #[test]
    fn a_sync_that_waits_for_quota_says_so() {
        let row = SyncRow { state: "waiting_for_quota".to_owned(), ..running("messages") };
        assert!(detail(&row, false).contains("goes on by itself"));
        assert_eq!(headline(&row, true), "Cancelling…");
    }
}
