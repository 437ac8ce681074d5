//! Messages of shown conversations, and the figures of a conversation that follow from them.

use std::collections::BTreeSet;

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
#[derive(Clone, PartialEq, Queryable, QueryableByName, Selectable, Serialize)]
#[diesel(table_name = messages)]
#[expect(missing_docs, reason = "the migration comments every column")]
pub struct MessageRow {
    pub conversation_id: Uuid,
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

/// The stored messages among those that are named by conversation and fingerprint.
pub async fn list_named(
    session: &mut AccountSession,
    names: &BTreeSet<(Uuid, i64)>,
) -> Result<Vec<MessageRow>, Error> {
    let account = session.account().as_uuid();
    let (conversations, fingerprints): (Vec<Uuid>, Vec<i64>) = names.iter().copied().unzip();
    let conversations: BTreeSet<Uuid> = conversations.into_iter().collect();
    let mut found: Vec<MessageRow> = messages::table
        .filter(messages::account_id.eq(account))
        .filter(messages::conversation_id.eq_any(conversations))
        .filter(messages::fingerprint.eq_any(fingerprints))
        .select(MessageRow::as_select())
        .load(session.connection()?)
        .await
        .map_err(Error::query("load messages"))?;
    // Two conversations may each have a message of the same fingerprint, of which one was asked for.
    found.retain(|row| names.contains(&(row.conversation_id, row.fingerprint)));
    Ok(found)
}

/// A stretch of a conversation's time, its ends not included; both may be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Between {
    /// Whose messages.
    pub conversation: ConversationId,
    /// Sent after this moment.
    pub after: Option<DateTime<Utc>>,
    /// Sent before this moment.
    pub before: Option<DateTime<Utc>>,
}

/// The live messages in any of these stretches.
pub async fn list_live_between(
    session: &mut AccountSession,
    stretches: &[Between],
) -> Result<Vec<MessageRow>, Error> {
    if stretches.is_empty() {
        return Ok(Vec::new());
    }
    let account = session.account().as_uuid();
    let conversations: Vec<Uuid> = stretches.iter().map(|one| one.conversation.as_uuid()).collect();
    let after: Vec<Option<DateTime<Utc>>> = stretches.iter().map(|one| one.after).collect();
    let before: Vec<Option<DateTime<Utc>>> = stretches.iter().map(|one| one.before).collect();
    diesel::sql_query(
        "select m.* from messages m \
         join unnest($2::uuid[], $3::timestamptz[], $4::timestamptz[]) as s(conversation_id, after, before) \
             on s.conversation_id = m.conversation_id \
         where m.account_id = $1 and m.conversation_id = any($2::uuid[]) \
             and m.removed_at is null and m.sent_at is not null \
             and (s.after is null or m.sent_at > s.after) and (s.before is null or m.sent_at < s.before)",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<Array<SqlUuid>, _>(conversations)
    .bind::<Array<Nullable<Timestamptz>>, _>(after)
    .bind::<Array<Nullable<Timestamptz>>, _>(before)
    .load(session.connection()?)
    .await
    .map_err(Error::query("load messages"))
}

/// Saves messages, whichever their conversations; rows that are as stored cost no write.
pub async fn save(
    session: &mut AccountSession,
    rows: &[MessageRow],
    now: DateTime<Utc>,
) -> Result<Written, Error> {
    BULK.upsert(session, Parent::Conversations, rows, now).await
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
        "update conversations c set message_count = n.live, last_message_at = n.last, notes_left_out = true, updated_at = $3 \
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
    /// Whose messages.
    #[diesel(sql_type = SqlUuid)]
    pub conversation_id: Uuid,
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

/// Reads the figures of conversations from their messages; there is one of each, also where there are no messages.
pub async fn figures(session: &mut AccountSession, conversation_ids: &[Uuid]) -> Result<Vec<Figures>, Error> {
    if conversation_ids.is_empty() {
        return Ok(Vec::new());
    }
    let account = session.account().as_uuid();
    diesel::sql_query(
        "with live as (select conversation_id, direction, internal, sent_at from messages \
             where account_id = $1 and conversation_id = any($2::uuid[]) and removed_at is null and sent_at is not null), \
         bounds as (select c.id, \
             min(live.sent_at) filter (where live.direction = 'inbound' and not live.internal) as first_inbound, \
             max(live.sent_at) filter (where live.direction = 'outbound' and not live.internal) as last_reply \
             from unnest($2::uuid[]) as c(id) left join live on live.conversation_id = c.id group by c.id) \
         select bounds.id as conversation_id, count(live.sent_at) as message_count, \
             max(live.sent_at) as last_message_at, min(live.sent_at) as first_message_at, \
             min(live.sent_at) filter (where live.direction = 'inbound' and not live.internal \
                 and (bounds.last_reply is null or live.sent_at > bounds.last_reply)) as waiting_on_us_since, \
             min(bounds.first_inbound) as first_inbound_at, \
             min(live.sent_at) filter (where live.direction = 'outbound' and not live.internal \
                 and live.sent_at >= bounds.first_inbound) as first_reply_at \
         from bounds left join live on live.conversation_id = bounds.id group by bounds.id",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<Array<SqlUuid>, _>(conversation_ids)
    .load(session.connection()?)
    .await
    .map_err(Error::query("read the figures of conversations"))
}
