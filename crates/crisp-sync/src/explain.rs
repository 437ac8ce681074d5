//! Why a conversation belongs to its contact, or to nobody.

use chrono::{DateTime, Utc};
use crisp_domain::{AccountId, ConversationId, IntegrationId};
use crisp_matching::{Considered, Decision, Evidence, Outcome, Rule};
use crisp_storage::conversations::{self, ConversationRow};
use crisp_storage::matches::{self, PastDecision};
use crisp_storage::views::skipped::{self, Skipped};
use crisp_storage::{AccountSession, integrations};
use serde::Serialize;

use crate::engine::Engine;
use crate::error::Error;
use crate::refusal::Refusal;

/// A decision with everything that led to it, in the contract's form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// What was decided last.
    #[serde(flatten)]
    pub latest: Explained,
    /// Every decision, the latest included, newest first: a conversation may have changed hands.
    pub history: Vec<Explained>,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The answer.
    pub decision: Answer,
    /// The contact, if it was matched.
    pub contact_id: Option<crisp_domain::ContactId>,
    /// The rule that matched, or would have.
    pub rule: Option<Rule>,
    /// What was looked at, in the order of the rules.
    pub evidence: Vec<Reason>,
    /// The contacts that were looked at, best first.
    pub candidates: Vec<Candidate>,
    /// What made us decide: a sync, a hook, the directory, the mapping.
    pub cause: String,
    /// When.
    pub decided_at: DateTime<Utc>,
}

/// The answer to whose conversation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It is a contact's.
    Matched,
    /// It is nobody's that we know.
    NoMatch,
    /// It was last updated before the backfill window begins.
    BeforeBackfill,
    /// It could not be read, so nothing could be decided.
    Unreadable,
}

/// A piece of evidence, for programs and for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// What it is.
    #[serde(flatten)]
    pub evidence: Seen,
    /// The same as a sentence.
    pub detail: String,
}

/// What a piece of evidence is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Seen {
    /// What a rule of matching looked at.
    Rule(Evidence),
    /// The record itself, which could not be read.
    Record {
        /// `unreadable`.
        code: &'static str,
    },
}

/// A contact that was looked at, for programs and for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// What it is.
    #[serde(flatten)]
    pub considered: Considered,
    /// Why it was chosen or not, as a sentence.
    pub detail: String,
}

/// Why a conversation belongs where it does, by our id of it.
pub async fn conversation(
    engine: &Engine,
    account: AccountId,
    id: ConversationId,
) -> Result<Explanation, Refusal> {
    let mut session = engine.database.read_primary(account).await?;
    let row = conversations::find(&mut session, id).await?;
    explain(session, row).await
}

/// The same by Crisp's id: also for a conversation that was skipped.
pub async fn session(
    engine: &Engine,
    account: AccountId,
    integration: IntegrationId,
    session_id: &str,
) -> Result<Explanation, Refusal> {
    let mut session = engine.database.read_primary(account).await?;
    integrations::find(&mut session, integration).await?.ok_or(Refusal::NotFound)?;
    let found = conversations::list_by_session(&mut session, integration, &[session_id.to_owned()]).await?;
    if let Some(row) = found.into_iter().next() {
        return explain(session, Some(row)).await;
    }
    let skipped = skipped::find(&mut session, integration, session_id).await?.ok_or(Refusal::NotFound)?;
    session.commit().await?;
    Ok(unreadable(skipped))
}

/// A record of which nothing is known but that it could not be read.
fn unreadable(skipped: Skipped) -> Explanation {
    let latest = Explained {
        decision: Answer::Unreadable,
        contact_id: None,
        rule: None,
        evidence: vec![Reason { evidence: Seen::Record { code: "unreadable" }, detail: skipped.detail }],
        candidates: Vec::new(),
        cause: "sync".to_owned(),
        decided_at: skipped.updated_at,
    };
    Explanation { history: vec![latest.clone()], latest }
}

async fn explain(mut session: AccountSession, row: Option<ConversationRow>) -> Result<Explanation, Refusal> {
    let row = row.filter(|row| row.removed_at.is_none()).ok_or(Refusal::NotFound)?;
    let past = matches::history(&mut session, ConversationId::from(row.id)).await?;
    session.commit().await?;
    let mut history = past.into_iter().map(explained).collect::<Result<Vec<_>, _>>()?;
    // A match that the backfill window overrules is stored as what the rules said.
    if let Some(latest) =
        history.first_mut().filter(|_| row.skip_reason.as_deref() == Some("before_backfill"))
    {
        latest.decision = Answer::BeforeBackfill;
        latest.contact_id = None;
    }
    let latest = history.first().cloned().ok_or(Refusal::NotFound)?;
    Ok(Explanation { latest, history })
}

fn explained(past: PastDecision) -> Result<Explained, Error> {
    let decision: Decision = serde_json::from_value(past.decision).or(Err(Error::Corrupt("decision")))?;
    let (answer, contact_id, rule) = match decision.outcome {
        Outcome::Matched { contact_id, rule } => (Answer::Matched, Some(contact_id), Some(rule)),
        Outcome::NoMatch => (Answer::NoMatch, None, None),
    };
    let reason = |evidence: Evidence| Reason { detail: evidence.to_string(), evidence: Seen::Rule(evidence) };
    let candidate =
        |considered: Considered| Candidate { detail: considered.standing.to_string(), considered };
    Ok(Explained {
        decision: answer,
        contact_id,
        rule,
        evidence: decision.evidence.into_iter().map(reason).collect(),
        candidates: decision.candidates.into_iter().map(candidate).collect(),
        cause: past.cause,
        decided_at: past.decided_at,
    })
}
