//! Matches a set of conversations in one round trip, and keeps the decisions.

use std::collections::BTreeSet;

use crisp_client::PeopleId;
use crisp_domain::{ContactId, EmailKey};
use crisp_matching::{Address, Candidate, Decision, Outcome, Question, decide};
use crisp_storage::conversations::ConversationRow;
use crisp_storage::matches::{self, CandidateRow, DecisionRow};
use uuid::Uuid;

use crate::error::Error;
use crate::scope::Scope;

/// A conversation that has to be decided, and whether anything was decided about it before.
pub(crate) struct Undecided<'a> {
    pub(crate) row: &'a mut ConversationRow,
    pub(crate) is_new: bool,
}

/// Decides for conversations of the scope's integration whose they are, and writes the answer into the rows.
///
/// The rows are not saved here; what has to be remembered of the decisions is returned, to be recorded after them.
pub(crate) async fn decide_all(
    scope: &mut Scope,
    undecided: Vec<Undecided<'_>>,
) -> Result<Vec<DecisionRow>, Error> {
    let candidates = candidates_for(scope, &undecided).await?;
    let mut changed = Vec::new();
    for Undecided { row, is_new } in undecided {
        let question = question(row);
        let decision = decide(&question, &relevant(&question, &candidates));
        if settle(row, &decision, scope) || is_new {
            changed.push(decision_row(row.id, &decision, scope)?);
        }
    }
    Ok(changed)
}

async fn candidates_for(scope: &mut Scope, undecided: &[Undecided<'_>]) -> Result<Vec<Candidate>, Error> {
    let people: BTreeSet<String> = undecided.iter().filter_map(|one| one.row.people_id.clone()).collect();
    let emails: BTreeSet<String> = undecided.iter().filter_map(|one| one.row.email_key.clone()).collect();
    if people.is_empty() && emails.is_empty() {
        return Ok(Vec::new());
    }
    let (people, emails): (Vec<_>, Vec<_>) = (people.into_iter().collect(), emails.into_iter().collect());
    let rows = matches::list_candidates(&mut scope.session, scope.integration.id, &people, &emails).await?;
    Ok(rows.into_iter().map(candidate).collect())
}

fn candidate(row: CandidateRow) -> Candidate {
    Candidate {
        contact_id: ContactId::from(row.contact_id),
        people_ids: row.people_ids.into_iter().map(PeopleId::new).collect(),
        email: row.email_key.as_deref().and_then(EmailKey::parse),
        last_active_at: row.last_active_at,
        created_at: row.created_at,
    }
}

fn question(row: &ConversationRow) -> Question {
    Question {
        people_id: row.people_id.clone().map(PeopleId::new),
        email: match row.email_key.as_deref().and_then(EmailKey::parse) {
            Some(key) => Address::Key(key),
            None => Address::of(row.email.as_deref()),
        },
    }
}

/// The candidates that have anything to do with this conversation: a page's worth is loaded at once.
fn relevant(question: &Question, candidates: &[Candidate]) -> Vec<Candidate> {
    candidates
        .iter()
        .filter(|candidate| {
            question.people_id.as_ref().is_some_and(|id| candidate.people_ids.contains(id))
                || question.email.key().is_some_and(|key| candidate.email.as_ref() == Some(key))
        })
        .cloned()
        .collect()
}

/// Writes the answer into the row. Returns whether it differs from the one before.
fn settle(row: &mut ConversationRow, decision: &Decision, scope: &Scope) -> bool {
    let before = (row.contact_id, row.matched_by.clone(), row.skip_reason.clone());
    let outside = lies_before_backfill(row, scope) && row.contact_id.is_none();
    match decision.outcome {
        Outcome::Matched { contact_id, rule } if !outside => {
            row.contact_id = Some(contact_id.as_uuid());
            row.matched_by = Some(rule.as_str().to_owned());
            row.skip_reason = None;
        }
        Outcome::Matched { .. } | Outcome::NoMatch => {
            row.contact_id = None;
            row.matched_by = None;
            row.skip_reason = Some(if outside { "before_backfill" } else { "no_match" }.to_owned());
        }
    }
    before != (row.contact_id, row.matched_by.clone(), row.skip_reason.clone())
}

fn lies_before_backfill(row: &ConversationRow, scope: &Scope) -> bool {
    match (row.crisp_updated_at, scope.integration.backfill_from) {
        (Some(updated_at), Some(backfill_from)) => updated_at < backfill_from,
        _ => false,
    }
}

fn decision_row(conversation_id: Uuid, decision: &Decision, scope: &Scope) -> Result<DecisionRow, Error> {
    Ok(DecisionRow {
        id: crisp_domain::ids::uuid_v7(scope.now),
        conversation_id,
        cause: scope.cause.to_owned(),
        decision: serde_json::to_value(decision).map_err(Error::corrupt("decision"))?,
    })
}
