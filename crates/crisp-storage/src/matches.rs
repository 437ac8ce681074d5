//! What matching needs to decide, and what it decided.

use chrono::{DateTime, Utc};
use crisp_domain::ids::ConversationId;
use diesel::prelude::*;
use diesel::sql_types::{Array, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use uuid::Uuid;

use crate::discreet::discreet_debug;
use crate::error::Error;
use crate::schema::match_decisions;
use crate::session::AccountSession;

/// A contact that may own a conversation.
#[derive(Clone, PartialEq, Eq, QueryableByName)]
pub struct CandidateRow {
    /// The contact.
    #[diesel(sql_type = SqlUuid)]
    pub contact_id: Uuid,
    /// Its normalised e-mail.
    #[diesel(sql_type = Nullable<Text>)]
    pub email_key: Option<String>,
    /// People ids of the asking integration that it carries.
    #[diesel(sql_type = Array<Text>)]
    pub people_ids: Vec<String>,
    /// Latest activity of its profiles.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub last_active_at: Option<DateTime<Utc>>,
    /// When it was first stored.
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime<Utc>,
}

discreet_debug!(CandidateRow: contact_id);

/// Every contact with one of these e-mails or, through this integration's profiles, one of these people ids: one
/// round trip for a page of conversations.
pub async fn list_candidates(
    session: &mut AccountSession,
    integration: Uuid,
    people_ids: &[String],
    emails: &[String],
) -> Result<Vec<CandidateRow>, Error> {
    let account = session.account().as_uuid();
    diesel::sql_query(
        "select k.id as contact_id, k.email_key, k.last_active_at, k.created_at, \
             coalesce(array_agg(p.people_id) filter (where p.people_id is not null), '{}') as people_ids \
         from contacts k \
         left join profiles p on p.account_id = k.account_id and p.contact_id = k.id and p.integration_id = $2 \
         where k.account_id = $1 and k.id in ( \
             select e.id from contacts e where e.account_id = $1 and e.email_key = any($4) \
             union select o.contact_id from profiles o where o.account_id = $1 and o.integration_id = $2 and o.people_id = any($3)) \
         group by k.id, k.email_key, k.last_active_at, k.created_at",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<SqlUuid, _>(integration)
    .bind::<Array<Text>, _>(people_ids)
    .bind::<Array<Text>, _>(emails)
    .load(session.connection()?)
    .await
    .map_err(Error::query("list candidates for matching"))
}

/// A decision to remember.
#[derive(Debug, Clone, Serialize)]
pub struct DecisionRow {
    /// UUIDv7.
    pub id: Uuid,
    /// The conversation it is about.
    pub conversation_id: Uuid,
    /// What made us decide.
    pub cause: String,
    /// The decision as crisp-matching explains it.
    pub decision: serde_json::Value,
}

/// Remembers decisions; called only for conversations whose answer changed.
pub async fn record(
    session: &mut AccountSession,
    rows: &[DecisionRow],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let account = session.account().as_uuid();
    let records =
        serde_json::to_value(rows).map_err(|source| Error::Corrupt { what: "decisions", source })?;
    diesel::sql_query(
        "insert into match_decisions (account_id, conversation_id, id, decided_at, cause, decision) \
         select p.id, u.conversation_id, u.id, $3, u.cause, u.decision from accounts p \
         cross join jsonb_to_recordset($2) as u(id uuid, conversation_id uuid, cause text, decision jsonb) \
         where p.id = $1 order by u.id on conflict do nothing",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<Jsonb, _>(records)
    .bind::<Timestamptz, _>(now)
    .execute(session.connection()?)
    .await
    .map_err(Error::query("remember decisions"))?;
    Ok(())
}

/// A remembered decision.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable)]
#[diesel(table_name = match_decisions)]
pub struct PastDecision {
    /// When it was made.
    pub decided_at: DateTime<Utc>,
    /// What made us decide.
    pub cause: String,
    /// The decision as crisp-matching explains it.
    pub decision: serde_json::Value,
}

/// The decisions about a conversation, newest first.
pub async fn history(
    session: &mut AccountSession,
    conversation: ConversationId,
) -> Result<Vec<PastDecision>, Error> {
    let account = session.account().as_uuid();
    match_decisions::table
        .filter(match_decisions::account_id.eq(account))
        .filter(match_decisions::conversation_id.eq(conversation.as_uuid()))
        .order(match_decisions::id.desc())
        .limit(50)
        .select(PastDecision::as_select())
        .load(session.connection()?)
        .await
        .map_err(Error::query("read the decisions about a conversation"))
}
