//! Messages of shown conversations, and the figures of a conversation that follow from them.

use chrono::{DateTime, Utc};
use crisp_domain::ids::{ConversationId, IntegrationId};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use uuid::Uuid;

use crate::bulk::{Bulk, Parent, Written};
use crate::discreet::discreet_debug;
use crate::error::Error;
use crate::schema::messages;
use crate::session::AccountSession;

/// A message as stored; the migration describes every column.
#[derive(Clone, PartialEq, Queryable, Selectable, Serialize)]
#[diesel(table_name = messages)]
#[expect(missing_docs, reason = "the migration comments every column")]
pub struct MessageRow {
    pub fingerprint: i64,
    pub id: Uuid,
    pub direction: Option<String>,
    pub internal: bool,
    pub kind: Option<String>,
    pub body: Option<String>,
    pub content: Option<serde_json::Value>,
    pub sender_name: Option<String>,
    pub sender_id: Option<String>,
    pub sent_at: Option<DateTime<Utc>>,
    pub edited_at: Option<DateTime<Utc>>,
    pub removed_at: Option<DateTime<Utc>>,
    pub content_stamp_ms: Option<i64>,
    pub content_hooked_at: Option<DateTime<Utc>>,
    pub sent_at_assumed: bool,
}

discreet_debug!(MessageRow: id);

pub(crate) const BULK: Bulk = Bulk {
    table: "messages",
    key: &["fingerprint"],
    fixed: &[("id", "uuid")],
    columns: &[
        ("fingerprint", "bigint"),
        ("direction", "text"),
        ("internal", "boolean"),
        ("kind", "text"),
        ("body", "text"),
        ("content", "jsonb"),
        ("sender_name", "text"),
        ("sender_id", "text"),
        ("sent_at", "timestamptz"),
        ("edited_at", "timestamptz"),
        ("removed_at", "timestamptz"),
        ("content_stamp_ms", "bigint"),
        ("content_hooked_at", "timestamptz"),
        ("sent_at_assumed", "boolean"),
    ],
};

/// The stored messages of a conversation among `fingerprints`.
pub async fn list_by_fingerprint(
    session: &mut AccountSession,
    conversation: ConversationId,
    fingerprints: &[i64],
) -> Result<Vec<MessageRow>, Error> {
    let account = session.account().as_uuid();
    messages::table
        .filter(messages::account_id.eq(account))
        .filter(messages::conversation_id.eq(conversation.as_uuid()))
        .filter(messages::fingerprint.eq_any(fingerprints))
        .select(MessageRow::as_select())
        .load(session.connection()?)
        .await
        .map_err(Error::query("load messages"))
}

/// Live messages strictly between two moments (either may be open).
pub async fn list_live_between(
    session: &mut AccountSession,
    conversation: ConversationId,
    after: Option<DateTime<Utc>>,
    before: Option<DateTime<Utc>>,
) -> Result<Vec<MessageRow>, Error> {
    let account = session.account().as_uuid();
    let mut query = messages::table
        .filter(messages::account_id.eq(account))
        .filter(messages::conversation_id.eq(conversation.as_uuid()))
        .filter(messages::removed_at.is_null().and(messages::sent_at.is_not_null()))
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(messages::sent_at.gt(after));
    }
    if let Some(before) = before {
        query = query.filter(messages::sent_at.lt(before));
    }
    query
        .select(MessageRow::as_select())
        .load(session.connection()?)
        .await
        .map_err(Error::query("load messages"))
}

/// Saves messages of one conversation; rows that are as stored cost no write.
pub async fn save(
    session: &mut AccountSession,
    conversation: ConversationId,
    rows: &[MessageRow],
    now: DateTime<Utc>,
) -> Result<Written, Error> {
    BULK.upsert(session, Parent::Conversation(conversation.as_uuid()), rows, now).await
}

/// Forgets the messages of conversations that are not shown any more.
pub async fn forget(session: &mut AccountSession, conversation_ids: &[Uuid]) -> Result<(), Error> {
    if conversation_ids.is_empty() {
        return Ok(());
    }
    let account = session.account().as_uuid();
    diesel::delete(
        messages::table
            .filter(messages::account_id.eq(account))
            .filter(messages::conversation_id.eq_any(conversation_ids)),
    )
    .execute(session.connection()?)
    .await
    .map_err(Error::query("forget messages"))?;
    Ok(())
}

/// Deletes the internal notes of an integration's conversations, tombstones of notes too, and counts anew.
pub async fn forget_notes(
    session: &mut AccountSession,
    integration: IntegrationId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let account = session.account().as_uuid();
    // Two statements: what the second one counts, the first one has deleted (Citus rule Q10).
    let concerned: Vec<Uuid> = diesel::sql_query(
        "with gone as (delete from messages m using conversations c \
             where m.account_id = $1 and c.account_id = $1 and c.integration_id = $2 and m.conversation_id = c.id \
               and m.kind = 'note' returning m.conversation_id) \
         select distinct conversation_id as id from gone",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<SqlUuid, _>(integration.as_uuid())
    .load::<Concerned>(session.connection()?)
    .await
    .map_err(Error::query("forget internal notes"))?
    .into_iter()
    .map(|row| row.id)
    .collect();
    diesel::sql_query(
        "update conversations c set message_count = n.live, last_message_at = n.last, updated_at = $3 \
         from (select x.id, count(m.fingerprint) as live, max(m.sent_at) as last from conversations x \
             left join messages m on m.account_id = x.account_id and m.conversation_id = x.id \
                 and m.removed_at is null and m.sent_at is not null \
             where x.account_id = $1 and x.id = any($2) group by x.id) n \
         where c.account_id = $1 and c.id = n.id",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<Array<SqlUuid>, _>(concerned)
    .bind::<Timestamptz, _>(now)
    .execute(session.connection()?)
    .await
    .map_err(Error::query("count messages anew"))?;
    Ok(())
}

#[derive(QueryableByName)]
struct Concerned {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// What a conversation's messages say about it.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Figures {
    /// Live messages of every type.
    #[diesel(sql_type = BigInt)]
    pub message_count: i64,
    /// When the newest of them was sent.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub last_message_at: Option<DateTime<Utc>>,
    /// When the oldest of them was sent.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub first_message_at: Option<DateTime<Utc>>,
    /// First message of the visitor after the last reply.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub waiting_on_us_since: Option<DateTime<Utc>>,
    /// First message of the visitor.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub first_inbound_at: Option<DateTime<Utc>>,
    /// First reply after it.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub first_reply_at: Option<DateTime<Utc>>,
}

/// Reads the figures of a conversation from its messages.
pub async fn figures(session: &mut AccountSession, conversation: ConversationId) -> Result<Figures, Error> {
    let account = session.account().as_uuid();
    diesel::sql_query(
        "with live as (select direction, internal, sent_at from messages \
             where account_id = $1 and conversation_id = $2 and removed_at is null and sent_at is not null), \
         bounds as (select min(sent_at) filter (where direction = 'inbound' and not internal) as first_inbound, \
             max(sent_at) filter (where direction = 'outbound' and not internal) as last_reply from live) \
         select count(live.sent_at) as message_count, max(live.sent_at) as last_message_at, \
             min(live.sent_at) as first_message_at, \
             min(live.sent_at) filter (where live.direction = 'inbound' and not live.internal \
                 and (bounds.last_reply is null or live.sent_at > bounds.last_reply)) as waiting_on_us_since, \
             min(bounds.first_inbound) as first_inbound_at, \
             min(live.sent_at) filter (where live.direction = 'outbound' and not live.internal \
                 and live.sent_at >= bounds.first_inbound) as first_reply_at \
         from bounds left join live on true",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<SqlUuid, _>(conversation.as_uuid())
    .get_result(session.connection()?)
    .await
    .map_err(Error::query("read the figures of a conversation"))
}
