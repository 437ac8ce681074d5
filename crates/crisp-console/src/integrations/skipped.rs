//! What was read from Crisp and is not shown: searchable, with the reason and what would bring it in.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use crisp_http::auth::Caller;
use crisp_http::{AppState, List, Paging, Path, Query};
use crisp_storage::views::skipped::{self, Filter, Position, Reason, Skipped};
use crisp_sync::explain::{self, Explanation};
use serde::Deserialize;
use uuid::Uuid;

use super::{Head, Tab, find, name};
use crate::failure::Failure;
use crate::input::{Of, filled, in_address};
use crate::moment::Moment;
use crate::page::{Section, Shell, page};
use crate::words::{self, Tone};

#[derive(Template)]
#[template(path = "skipped.html")]
struct SkippedPage {
    shell: Shell,
    head: Head,
    search: String,
    reason: String,
    counts: skipped::Counts,
    rows: Vec<Row>,
    next: Option<String>,
}

/// Something that was skipped.
struct Row {
    title: String,
    who: String,
    reason: &'static str,
    tone: Tone,
    detail: String,
    updated_at: Moment,
    /// The part of the address that names it.
    address: String,
}

#[derive(Template)]
#[template(path = "skipped_one.html")]
struct OnePage {
    shell: Shell,
    head: Head,
    row: Row,
    would_match: Vec<String>,
    evidence: Vec<String>,
    candidates: Vec<String>,
    decided_at: Option<Moment>,
    crisp_link: Option<String>,
    /// What can be done here, if anything.
    action: Option<(String, &'static str)>,
}

/// Which of them.
#[derive(Deserialize)]
pub(crate) struct Which {
    reason: Option<String>,
    search: Option<String>,
}

/// Lists what was skipped, the newest first.
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Of(Path(id)): Of<Path<Uuid>>,
    Of(Query(which)): Of<Query<Which>>,
    Of(paging): Of<Paging<Position>>,
) -> Result<Response, Failure> {
    let integration = find(&state, &caller, id).await?;
    let reason = filled(which.reason.as_deref()).and_then(|word| word.parse::<Reason>().ok());
    let filter = Filter { reason, search: filled(which.search.as_deref()).map(str::to_owned) };
    let mut session = state.database().read(caller.account).await?;
    let own = integration.integration_id();
    let rows =
        skipped::list(&mut session, own, &filter, paging.after.as_ref(), paging.rows_to_read()).await?;
    let counts = skipped::count(&mut session, own).await?;
    session.commit().await?;
    let list = List::of(rows, &paging, Skipped::position, Row::from);
    let title = format!("Skipped · {}", name(&integration));
    Ok(page(&SkippedPage {
        shell: Shell::of(&caller, Section::Integrations, title),
        head: Head::of(&integration, Tab::Skipped),
        search: filter.search.unwrap_or_default(),
        reason: reason.map(|reason| reason.to_string()).unwrap_or_default(),
        counts,
        rows: list.items,
        next: list.next_cursor,
    }))
}

/// Says of one of them why it was skipped, and what would make it match.
pub(crate) async fn explain(
    State(state): State<AppState>,
    caller: Caller,
    Of(Path((id, external_id))): Of<Path<(Uuid, String)>>,
) -> Result<Response, Failure> {
    let integration = find(&state, &caller, id).await?;
    let mut session = state.database().read_primary(caller.account).await?;
    let found = skipped::find(&mut session, integration.integration_id(), &external_id).await?;
    session.commit().await?;
    let skipped = found.ok_or_else(Failure::not_found)?;
    let explained = explain::session(&state.engine, caller.account, id.into(), &external_id).await.ok();
    let title = format!("Skipped conversation · {}", name(&integration));
    let crisp_link = crate::conversations::crisp_link(&state, integration.website_id, &external_id)
        .filter(|_| skipped.reason != Reason::Unreadable);
    Ok(page(&OnePage {
        shell: Shell::of(&caller, Section::Integrations, title),
        head: Head::of(&integration, Tab::Skipped),
        would_match: would_match(&skipped),
        evidence: sentences(explained.as_ref()),
        candidates: candidates(explained.as_ref()),
        action: action(&skipped, id),
        decided_at: explained.map(|explained| Moment(explained.latest.decided_at)),
        crisp_link,
        row: Row::from(skipped),
    }))
}

fn sentences(explained: Option<&Explanation>) -> Vec<String> {
    explained
        .iter()
        .flat_map(|one| &one.latest.evidence)
        .map(|reason| words::sentence(&reason.detail))
        .collect()
}

fn candidates(explained: Option<&Explanation>) -> Vec<String> {
    explained
        .iter()
        .flat_map(|one| &one.latest.candidates)
        .map(|candidate| words::sentence(&candidate.detail))
        .collect()
}

/// The page on which the nearest of these ways is gone.
fn action(skipped: &Skipped, integration: Uuid) -> Option<(String, &'static str)> {
    match (skipped.reason, &skipped.email) {
        (Reason::NoMatch, Some(email)) => {
            Some((format!("/contacts?search={}", in_address(email)), "Look for this contact"))
        }
        (Reason::BeforeBackfill, _) => {
            Some((format!("/integrations/{integration}/settings"), "Change the import window"))
        }
        (Reason::NoMatch | Reason::Unreadable, _) => None,
    }
}

/// What somebody can do so that it comes in by itself.
fn would_match(skipped: &Skipped) -> Vec<String> {
    match skipped.reason {
        Reason::NoMatch => no_match_ways(skipped),
        Reason::BeforeBackfill => vec![
            "Widen the import window in the import settings, then run a full sync.".to_owned(),
            "Or wait: as soon as somebody writes in it again, it is new enough.".to_owned(),
        ],
        Reason::Unreadable => vec![
            "Nothing has to be done here: it is read again whenever it changes in Crisp, and every full sync tries it once more."
                .to_owned(),
        ],
    }
}

fn no_match_ways(skipped: &Skipped) -> Vec<String> {
    let mut ways = Vec::new();
    match &skipped.email {
        Some(email) => {
            ways.push(format!("A contact with the email address {email}, from wherever it comes."));
        }
        None => {
            ways.push("An email address of the visitor, entered in Crisp, that a contact has.".to_owned());
        }
    }
    if skipped.people_id.is_some() {
        ways.push("Or a contact imported from its Crisp profile: people have to be imported, and the profile needs an email address or name.".to_owned());
    } else {
        ways.push(
            "Or a Crisp profile linked to the conversation, of which a contact was imported.".to_owned(),
        );
    }
    ways.push("It then comes in by itself, within moments, with no sync needed.".to_owned());
    ways
}

impl From<Skipped> for Row {
    fn from(skipped: Skipped) -> Self {
        let (reason, tone) = words::skip_reason(&skipped.reason.to_string());
        let untitled = if skipped.reason == Reason::Unreadable {
            "Unreadable record"
        } else {
            "Conversation without a subject"
        };
        Self {
            title: skipped.subject.clone().unwrap_or_else(|| untitled.to_owned()),
            who: skipped.email.or(skipped.people_id).unwrap_or_else(|| "Anonymous visitor".to_owned()),
            reason,
            tone,
            detail: skipped.detail,
            updated_at: Moment(skipped.updated_at),
            address: in_address(&skipped.external_id),
        }
    }
}
