//! Conversations: makes a set of them right in one write step, whatever told of them.

mod change;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use crisp_domain::{ConversationFacts, ConversationId, RenderOptions};
use crisp_storage::conversations::{self, ConversationRow};
use crisp_storage::erasure::ErasureKey;
use crisp_storage::work::{self, Lane};
use crisp_storage::{directory, matches, messages, transcripts, wanted};
use uuid::Uuid;

use crate::erase::{Trail, keep_away};
use crate::error::Error;
use crate::matching::{Undecided, decide_all};
use crate::observe::{self, LAG};
use crate::scope::Scope;
pub(crate) use change::{Change, Channel, Tally};
use change::{channel, tally};

/// How far a message verification may be trusted to hooks: see `docs/sync.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verify {
    /// Messages that hooks brought are read once more.
    Hooked,
    /// The same, and transcripts that were set aside get another chance.
    SetAside,
    /// Hooks are believed.
    Nothing,
    /// Every shown conversation's messages are read again.
    Everything,
}

/// Facts that one read told, and when it was asked.
pub(crate) struct Reading {
    pub(crate) facts: Vec<ConversationFacts>,
    /// Our clock.
    pub(crate) sent_at: DateTime<Utc>,
    pub(crate) verify: Verify,
    /// Whether messages that are due because of it are live work.
    pub(crate) urgent: bool,
    /// Whether each was asked for by name: then it exists, even if it was thought to be gone.
    pub(crate) by_name: bool,
    /// From when on what is listed should have been heard of (Crisp's clock); `None`: nothing is concluded.
    pub(crate) heard_since: Option<DateTime<Utc>>,
}

/// Makes the stored conversations agree with what a read told of them.
pub(crate) async fn apply_reading(
    scope: &mut Scope,
    erasure: &ErasureKey,
    reading: Reading,
) -> Result<Tally, Error> {
    let facts = without_erased(scope, erasure, reading.facts).await?;
    let mut stored = load(scope, facts.keys()).await?;
    let plan = Plan { verify: reading.verify, urgent: reading.urgent, heard_since: reading.heard_since };
    let mut rows = Vec::with_capacity(facts.len());
    let mut doubtful = Vec::new();
    let options = RenderOptions::from(&scope.settings);
    for (session_id, mut facts) in facts {
        facts.subject = facts.subject.translated(|subject| Some(options.subject(subject)));
        let before = stored.remove(&session_id);
        let mut row = before.clone().unwrap_or_else(|| {
            ConversationRow::new(ConversationId::new_v7(scope.now), scope.id(), &facts.session_id)
        });
        let gone =
            row.removed_at.is_some_and(|removed_at| !reading.by_name || removed_at + LAG > reading.sent_at);
        if !gone {
            row.removed_at = None;
        }
        if reading.by_name {
            observe::note_read(&mut row, reading.sent_at);
        }
        if observe::read(&mut row, &facts, reading.sent_at) || gone {
            doubtful.push(session_id);
        }
        rows.push(Change { before, row });
    }
    let tally = save_changes(scope, rows, Some(plan)).await?;
    for session_id in doubtful {
        let due = scope.now + LAG;
        let (id, now) = (scope.id(), scope.now);
        wanted::want(
            &mut scope.session,
            id,
            wanted::Kind::Conversation,
            &session_id,
            wanted::IN_DOUBT,
            due,
            now,
        )
        .await?;
        work::signal(&mut scope.session, id, Lane::Live, due).await?;
    }
    Ok(tally)
}

/// How message reads follow from a change, and what is concluded from it about the hook channel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) verify: Verify,
    pub(crate) urgent: bool,
    pub(crate) heard_since: Option<DateTime<Utc>>,
}

/// Decides, plans message reads, and saves what changed. Without a plan no messages are read because of it.
pub(crate) async fn save_changes(
    scope: &mut Scope,
    mut changes: Vec<Change>,
    plan: Option<Plan>,
) -> Result<Tally, Error> {
    changes.sort_by(|left, right| left.row.session_id.cmp(&right.row.session_id));
    let undecided = changes
        .iter_mut()
        .filter(|change| change.row.removed_at.is_none())
        .map(|change| Undecided { is_new: change.before.is_none(), row: &mut change.row })
        .collect();
    let decisions = decide_all(scope, undecided).await?;
    if let Some(plan) = plan {
        for change in &mut changes {
            plan_messages(&mut change.row, plan.verify, plan.urgent);
        }
    }
    for change in &mut changes {
        forget_plans_of_hidden(change);
    }
    let mut tally = tally(&changes);
    if let Some(since) = plan.and_then(|plan| plan.heard_since) {
        tally.channel = channel(&changes, since);
    }
    let left: Vec<Uuid> = changes.iter().filter_map(Change::contact_left).collect();
    let hidden: Vec<Uuid> =
        changes.iter().filter(|change| change.became_hidden()).map(|change| change.row.id).collect();
    let relink: Vec<Uuid> =
        changes.iter().filter(|change| change.moves_in_views()).map(|change| change.row.id).collect();
    let rows: Vec<ConversationRow> = changes
        .into_iter()
        .filter(|change| change.before.as_ref() != Some(&change.row))
        .map(|change| change.row)
        .collect();
    let (id, now) = (scope.id(), scope.now);
    conversations::save(&mut scope.session, id, &rows, now).await?;
    matches::record(&mut scope.session, &decisions, now).await?;
    messages::forget(&mut scope.session, &hidden).await?;
    conversations::link_companies(&mut scope.session, &relink).await?;
    directory::delete_unused_contacts(&mut scope.session, &left).await?;
    Ok(tally)
}

/// Makes a conversation one that is gone in Crisp: nobody's any more, and in no view.
pub(crate) fn remove(row: &mut ConversationRow, at: DateTime<Utc>) {
    row.removed_at.get_or_insert(at);
    row.contact_id = None;
    row.matched_by = None;
    row.skip_reason = None;
}

/// Marks the messages of a shown conversation as due, if anything about them may be unknown.
fn plan_messages(row: &mut ConversationRow, verify: Verify, urgent: bool) {
    if !row.is_shown() {
        return;
    }
    let as_read = row.messages_known_fingerprint == row.newest_fingerprint
        && row.messages_known_at.is_some()
        && row.messages_known_at >= row.crisp_updated_at;
    let as_heard =
        row.newest_fingerprint.is_some() && row.messages_hooked_fingerprint == row.newest_fingerprint;
    let is_aside = row.messages_attempts >= transcripts::SET_ASIDE_AFTER;
    let due = match verify {
        Verify::Everything => {
            row.messages_reread = true;
            true
        }
        Verify::Hooked => !as_read,
        Verify::SetAside => !as_read || is_aside,
        Verify::Nothing => !(as_read || as_heard && row.messages_known_at.is_some()),
    };
    if due && (is_aside || !row.messages_due) {
        row.messages_due = true;
        row.messages_attempts = 0;
        row.messages_retry_at = None;
    }
    row.messages_urgent |= due && urgent;
}

/// A conversation nobody sees keeps nothing of its messages: should it be shown again, they are read anew.
fn forget_plans_of_hidden(change: &mut Change) {
    let row = &mut change.row;
    let newly_shown = row.is_shown() && !change.before.as_ref().is_some_and(ConversationRow::is_shown);
    if row.is_shown() && !newly_shown {
        return;
    }
    row.messages_reread = false;
    row.messages_walk = None;
    row.messages_known_fingerprint = None;
    row.messages_known_at = None;
    row.messages_read_to_ms = None;
    row.messages_retry_at = None;
    row.messages_attempts = 0;
    row.messages_due = newly_shown;
    if !newly_shown {
        row.messages_urgent = false;
        row.messages_hooked_fingerprint = None;
        row.message_count = 0;
        row.last_message_at = None;
        row.waiting_on_us_since = None;
        row.first_inbound_at = None;
        row.first_reply_at = None;
    }
}

async fn load(
    scope: &mut Scope,
    sessions: impl Iterator<Item = &String>,
) -> Result<HashMap<String, ConversationRow>, Error> {
    let sessions: Vec<String> = sessions.cloned().collect();
    let id = scope.id();
    let rows = conversations::list_by_session(&mut scope.session, id, &sessions).await?;
    Ok(rows.into_iter().map(|row| (row.session_id.clone(), row)).collect())
}

/// Leaves out what belongs to erased people; of a session that stands twice on a shifting page the newer row counts.
async fn without_erased(
    scope: &mut Scope,
    erasure: &ErasureKey,
    facts: Vec<ConversationFacts>,
) -> Result<HashMap<String, ConversationFacts>, Error> {
    let mut by_session: HashMap<String, ConversationFacts> = HashMap::with_capacity(facts.len());
    for fact in facts {
        let known = by_session.get(fact.session_id.as_str()).map(|known| known.updated_at);
        if known.is_none_or(|known| known <= fact.updated_at) {
            by_session.insert(fact.session_id.as_str().to_owned(), fact);
        }
    }
    let trail_of = |fact: &ConversationFacts| Trail {
        session: Some(fact.session_id.as_str().to_owned()),
        writer: fact.people_id.value().map(|people_id| people_id.as_str().to_owned()),
        emails: fact.email_key().into_iter().collect(),
        ..Trail::default()
    };
    let free = keep_away(scope, erasure, by_session.into_values().collect(), trail_of).await?;
    Ok(free.into_iter().map(|fact| (fact.session_id.as_str().to_owned(), fact)).collect())
}

/// Decides anew for conversations of the scope's integration that a change of contacts may concern. Returns whether
/// messages became due.
pub(crate) async fn rematch(scope: &mut Scope, concerned: Vec<ConversationRow>) -> Result<bool, Error> {
    let urgent = concerned.len() <= MAX_URGENT;
    let plan = Plan { verify: Verify::Nothing, urgent, heard_since: None };
    let changes = concerned.into_iter().map(|row| Change { before: Some(row.clone()), row }).collect();
    let tally = save_changes(scope, changes, Some(plan)).await?;
    Ok(tally.created > 0)
}

/// Conversations that one change of contacts may bring in as live work; more of them are a backfill.
const MAX_URGENT: usize = 100;
