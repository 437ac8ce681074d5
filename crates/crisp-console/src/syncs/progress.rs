//! How a sync goes: three bars, and what is being done now.

use askama::Template;
use chrono::{DateTime, Utc};
use crisp_http::AppState;
use crisp_http::auth::Caller;
use crisp_storage::syncs::SyncRow;
use crisp_storage::views::freshness;
use uuid::Uuid;

use super::line::{SyncLine, by, failed};
use crate::failure::Failure;
use crate::moment::{Count, Moment, count, span};
use crate::words;

/// The part of the page that changes while a sync runs.
#[derive(Template)]
#[template(path = "_progress.html")]
pub(super) struct ProgressPart {
    pub(super) id: Uuid,
    pub(super) integration: Uuid,
    pub(super) title: &'static str,
    pub(super) line: SyncLine,
    pub(super) by: String,
    pub(super) now_doing: String,
    pub(super) bars: Vec<Bar>,
    pub(super) facts: Vec<Fact>,
    pub(super) problem: Option<String>,
    pub(super) resumes_at: Option<Moment>,
    pub(super) finished_at: Option<Moment>,
    pub(super) skipped: i64,
    pub(super) failed: i64,
}

/// One of the three bars.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) name: &'static str,
    /// `done`, `now` or `later`.
    pub(super) class: &'static str,
    pub(super) value: i64,
    /// `None`: nobody knows yet.
    pub(super) max: Option<i64>,
    pub(super) figure: String,
    pub(super) counts: Vec<(&'static str, Count)>,
}

/// A figure with its name.
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) value: String,
}

/// The order of the phases.
const PHASES: [&str; 3] = ["people", "conversations", "messages"];

impl ProgressPart {
    pub(super) async fn of(state: &AppState, caller: &Caller, run: &SyncRow) -> Result<Self, Failure> {
        let now = crisp_http::now();
        let transcripts_due = if run.is_under_way() { transcripts_due(state, caller, run).await? } else { 0 };
        let budget = state.engine.ledger().state().await?;
        let used = match budget.limit {
            Some(limit) => format!("{} of {}", count(budget.used), count(limit)),
            None => format!("{}, without a limit", count(budget.used)),
        };
        Ok(Self {
            id: run.id,
            integration: run.integration_id,
            title: words::sync_kind(&run.kind, &run.trigger),
            line: SyncLine::of(run, now),
            by: by(run),
            now_doing: now_doing(run, transcripts_due),
            bars: bars(run, transcripts_due),
            facts: facts(run, used, now),
            problem: run.problem_code.as_ref().map(|_| problem(run)),
            resumes_at: run.resumes_at.filter(|_| run.state == "waiting_for_quota").map(Moment),
            finished_at: run.finished_at.map(Moment),
            skipped: run.conversations_skipped,
            failed: failed(run),
        })
    }
}

/// Conversations whose messages are still to be read.
async fn transcripts_due(state: &AppState, caller: &Caller, run: &SyncRow) -> Result<i64, Failure> {
    let mut session = state.database().read_primary(caller.account).await?;
    let fresh = freshness::list(&mut session).await?;
    session.commit().await?;
    let own = fresh.into_iter().find(|one| one.integration_id == run.integration_id);
    Ok(own.map_or(0, |one| one.transcripts_due))
}

fn problem(run: &SyncRow) -> String {
    run.problem_detail
        .clone()
        .unwrap_or_else(|| "Something went wrong on our side. It has been recorded.".to_owned())
}

fn now_doing(run: &SyncRow, transcripts_due: i64) -> String {
    match (run.state.as_str(), run.phase.as_deref()) {
        ("queued", _) => "Waiting for a worker to take it up. That takes moments.".to_owned(),
        ("waiting_for_quota", _) => {
            "The requests to Crisp that we have for now are spent. It goes on by itself; what was read is here already."
                .to_owned()
        }
        ("running", Some("people")) => "Reading people from Crisp.".to_owned(),
        ("running", Some("conversations")) => "Reading conversations, and finding out whose they are.".to_owned(),
        ("running", Some("messages")) if transcripts_due > 0 => {
            format!("Reading messages: {} conversations to go, the newest first.", Count(transcripts_due))
        }
        ("running", Some("messages")) => "Reading messages, those of the newest conversations first.".to_owned(),
        ("running", _) => "Getting ready.".to_owned(),
        ("succeeded", _) => "Everything that there is to read has been read.".to_owned(),
        ("partial", _) => "It ran to its end, but some records could not be read.".to_owned(),
        ("cancelled", _) => "It was cancelled. What it had imported stays.".to_owned(),
        _ => "It could not be finished. What it had imported stays.".to_owned(),
    }
}

fn bars(run: &SyncRow, transcripts_due: i64) -> Vec<Bar> {
    let phase = run.phase.as_deref().and_then(|phase| PHASES.iter().position(|one| *one == phase));
    let class = |place: usize| match phase {
        _ if !run.is_under_way() => "done",
        Some(now) if now == place => "now",
        Some(now) if now > place => "done",
        Some(_) | None => "later",
    };
    let ended = !run.is_under_way();
    let matched = run.conversations_created + run.conversations_updated + run.conversations_unchanged;
    let transcripts =
        (matched.max(transcripts_due) > 0 && class(2) == "now").then_some(matched.max(transcripts_due));
    let people = (run.people_read, run.expected_people);
    let conversations = (run.conversations_read, run.expected_conversations);
    let messages = transcripts.map_or((run.messages_read, None), |all| (all - transcripts_due, Some(all)));
    vec![
        bar("People", class(0), people, run.people_read, people_counts(run), ended),
        bar(
            "Conversations",
            class(1),
            conversations,
            run.conversations_read,
            conversation_counts(run),
            ended,
        ),
        bar("Messages", class(2), messages, run.messages_read, message_counts(run), ended),
    ]
}

fn bar(
    name: &'static str,
    class: &'static str,
    (value, expected): (i64, Option<i64>),
    read: i64,
    counts: Vec<(&'static str, Count)>,
    ended: bool,
) -> Bar {
    let is_full = ended || class == "done";
    let max = if is_full { Some(value.max(1)) } else { expected.map(|max| max.max(value).max(1)) };
    let value = if is_full { value.max(1) } else { value };
    let known = expected.filter(|_| !is_full && name != "Messages");
    let figure = known.map_or_else(
        || Count(read).to_string(),
        |max| format!("{} of {}", Count(read), Count(max.max(read))),
    );
    let counts = counts.into_iter().filter(|(_, count)| count.0 > 0).collect();
    Bar {
        name,
        class,
        value: if class == "later" { 0 } else { value },
        max: if class == "later" { Some(1) } else { max },
        figure,
        counts,
    }
}

fn people_counts(run: &SyncRow) -> Vec<(&'static str, Count)> {
    let of = |name, number| (name, Count(number));
    vec![
        of("new", run.people_created),
        of("updated", run.people_updated),
        of("unchanged", run.people_unchanged),
        of("removed", run.people_removed),
        of("unreadable", run.people_failed),
    ]
}

fn conversation_counts(run: &SyncRow) -> Vec<(&'static str, Count)> {
    let of = |name, number| (name, Count(number));
    vec![
        of("new", run.conversations_created),
        of("updated", run.conversations_updated),
        of("unchanged", run.conversations_unchanged),
        of("skipped", run.conversations_skipped),
        of("removed", run.conversations_removed),
        of("unreadable", run.conversations_failed),
    ]
}

fn message_counts(run: &SyncRow) -> Vec<(&'static str, Count)> {
    let of = |name, number| (name, Count(number));
    vec![
        of("new", run.messages_created),
        of("updated", run.messages_updated),
        of("unchanged", run.messages_unchanged),
        of("removed", run.messages_removed),
        of("unreadable", run.messages_failed),
    ]
}

fn facts(run: &SyncRow, used: String, now: DateTime<Utc>) -> Vec<Fact> {
    let took = run.started_at.map(|begun| run.finished_at.unwrap_or(now) - begun);
    let mut facts = Vec::new();
    let mut fact = |name, value| facts.push(Fact { name, value });
    fact(
        if run.is_under_way() { "Running for" } else { "Took" },
        took.map_or("Not begun yet".to_owned(), span),
    );
    if run.is_under_way() {
        let left = run.expected_finish_at.map(|end| format!("About {}", span(end - now)));
        fact("Time left", left.unwrap_or_else(|| "Working it out".to_owned()));
    }
    let records = run.people_read + run.conversations_read + run.messages_read;
    let rate = took.filter(|took| took.num_seconds() > 0).map(|took| records * 60 / took.num_seconds());
    fact("Pace", rate.map_or("–".to_owned(), |rate| format!("{} records a minute", Count(rate))));
    fact("Crisp requests of this sync", Count(run.crisp_requests).to_string());
    fact("Requests used today, in all", used);
    facts
}

#[cfg(test)]
mod tests {
    use crisp_domain::{AccountId, IntegrationId};

    use super::*;

    fn run() -> SyncRow {
        let now = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
        let ids = (AccountId::new_v7(now), IntegrationId::new_v7(now));
        SyncRow::queued(ids, crisp_domain::SyncId::new_v7(now), ("full", "first_import"), None, now)
    }

    fn running(phase: &str) -> SyncRow {
        let mut row = run();
        row.state = "running".to_owned();
        row.phase = Some(phase.to_owned());
        row
    }

    #[test]
    fn bars_before_the_phase_are_full_and_those_after_it_empty() {
        let mut row = running("conversations");
        row.people_read = 40;
        row.conversations_read = 10;
        row.expected_conversations = Some(100);
        let bars = bars(&row, 0);
        let shown: Vec<_> = bars.iter().map(|bar| (bar.class, bar.value, bar.max)).collect();
        assert_eq!(shown, [("done", 40, Some(40)), ("now", 10, Some(100)), ("later", 0, Some(1))]);
        assert_eq!(bars[1].figure, "10 of 100");
    }

    #[test]
    fn messages_are_measured_by_the_conversations_that_wait_for_theirs() {
        let mut row = running("messages");
        row.conversations_created = 10;
        row.messages_read = 123;
        let bar = &bars(&row, 4)[2];
        assert_eq!((bar.value, bar.max, bar.figure.as_str()), (6, Some(10), "123"));
    }

    #[test]
    fn a_sync_that_waits_for_quota_says_so() {
        let mut row = running("messages");
        row.state = "waiting_for_quota".to_owned();
        assert!(now_doing(&row, 3).contains("goes on by itself"));
    }
}
