//! Conversations: every one that was seen, whether it is shown or waits for its contact.

use chrono::{DateTime, Utc};
use crisp_client::SessionId;
use crisp_domain::ids::{ContactId, ConversationId, IntegrationId};
use diesel::prelude::*;
use diesel::sql_types::{Array, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use uuid::Uuid;

use crate::bulk::{Bulk, Parent, Written};
use crate::discreet::discreet_debug;
use crate::error::Error;
use crate::schema::conversations;
use crate::session::AccountSession;

/// A conversation as stored; the migration describes every column.
#[derive(Clone, PartialEq, Queryable, Selectable, Serialize)]
#[diesel(table_name = conversations)]
#[expect(missing_docs, reason = "the migration comments every column")]
#[expect(clippy::struct_excessive_bools, reason = "a row has what its table has")]
pub struct ConversationRow {
    pub id: Uuid,
    pub integration_id: Uuid,
    pub session_id: String,
    pub people_id: Option<String>,
    pub email: Option<String>,
    pub email_key: Option<String>,
    pub nickname: Option<String>,
    pub status: String,
    pub subject: Option<String>,
    pub origin: Option<String>,
    pub assigned_user_id: Option<String>,
    pub crisp_created_at: Option<DateTime<Utc>>,
    pub crisp_updated_at: Option<DateTime<Utc>>,
    pub contact_id: Option<Uuid>,
    pub matched_by: Option<String>,
    pub skip_reason: Option<String>,
    pub newest_fingerprint: Option<i64>,
    pub messages_due: bool,
    pub messages_urgent: bool,
    pub messages_reread: bool,
    pub notes_left_out: bool,
    pub messages_attempts: i32,
    pub messages_retry_at: Option<DateTime<Utc>>,
    pub messages_walk: Option<serde_json::Value>,
    pub messages_read_to_ms: Option<i64>,
    pub messages_hooked_fingerprint: Option<i64>,
    pub messages_known_fingerprint: Option<i64>,
    pub messages_known_at: Option<DateTime<Utc>>,
    pub message_count: i64,
    pub last_message_at: Option<DateTime<Utc>>,
    pub waiting_on_us_since: Option<DateTime<Utc>>,
    pub first_inbound_at: Option<DateTime<Utc>>,
    pub first_reply_at: Option<DateTime<Utc>>,
    pub hook_stamps: serde_json::Value,
    pub removed_at: Option<DateTime<Utc>>,
    pub removed_stamp: Option<DateTime<Utc>>,
}

discreet_debug!(ConversationRow: id);

impl ConversationRow {
    /// A conversation nothing is known of but its name.
    pub fn new(id: ConversationId, integration: IntegrationId, session: &SessionId) -> Self {
        Self {
            id: id.as_uuid(),
            integration_id: integration.as_uuid(),
            session_id: session.as_str().to_owned(),
            people_id: None,
            email: None,
            email_key: None,
            nickname: None,
            status: "pending".to_owned(),
            subject: None,
            origin: None,
            assigned_user_id: None,
            crisp_created_at: None,
            crisp_updated_at: None,
            contact_id: None,
            matched_by: None,
            skip_reason: None,
            newest_fingerprint: None,
            messages_due: false,
            messages_urgent: false,
            messages_reread: false,
            notes_left_out: false,
            messages_attempts: 0,
            messages_retry_at: None,
            messages_walk: None,
            messages_read_to_ms: None,
            messages_hooked_fingerprint: None,
            messages_known_fingerprint: None,
            messages_known_at: None,
            message_count: 0,
            last_message_at: None,
            waiting_on_us_since: None,
            first_inbound_at: None,
            first_reply_at: None,
            hook_stamps: serde_json::json!({}),
            removed_at: None,
            removed_stamp: None,
        }
    }

    /// Whether people see it: it has a contact and still exists in Crisp.
    pub fn is_shown(&self) -> bool {
        self.contact_id.is_some() && self.removed_at.is_none()
    }
}

pub(crate) const BULK: Bulk = Bulk {
    table: "conversations",
    key: &["session_id"],
    fixed: &[("id", "uuid")],
    columns: &[
        ("session_id", "text"),
        ("people_id", "text"),
        ("email", "text"),
        ("email_key", "text"),
        ("nickname", "text"),
        ("status", "text"),
        ("subject", "text"),
        ("origin", "text"),
        ("assigned_user_id", "text"),
        ("crisp_created_at", "timestamptz"),
        ("crisp_updated_at", "timestamptz"),
        ("contact_id", "uuid"),
        ("matched_by", "text"),
        ("skip_reason", "text"),
        ("newest_fingerprint", "bigint"),
        ("messages_due", "boolean"),
        ("messages_urgent", "boolean"),
        ("messages_reread", "boolean"),
        ("notes_left_out", "boolean"),
        ("messages_attempts", "integer"),
        ("messages_retry_at", "timestamptz"),
        ("messages_walk", "jsonb"),
        ("messages_read_to_ms", "bigint"),
        ("messages_hooked_fingerprint", "bigint"),
        ("messages_known_fingerprint", "bigint"),
        ("messages_known_at", "timestamptz"),
        ("message_count", "bigint"),
        ("last_message_at", "timestamptz"),
        ("waiting_on_us_since", "timestamptz"),
        ("first_inbound_at", "timestamptz"),
        ("first_reply_at", "timestamptz"),
        ("hook_stamps", "jsonb"),
        ("removed_at", "timestamptz"),
        ("removed_stamp", "timestamptz"),
    ],
};

/// The stored conversations among `sessions`.
pub async fn list_by_session(
    session: &mut AccountSession,
    integration: IntegrationId,
    sessions: &[String],
) -> Result<Vec<ConversationRow>, Error> {
    let account = session.account().as_uuid();
    conversations::table
        .filter(conversations::account_id.eq(account))
        .filter(conversations::integration_id.eq(integration.as_uuid()))
        .filter(conversations::session_id.eq_any(sessions))
        .select(ConversationRow::as_select())
        .load(session.connection()?)
        .await
        .map_err(Error::query("load conversations"))
}

/// One conversation by our id, shown or not.
pub async fn find(
    session: &mut AccountSession,
    id: ConversationId,
) -> Result<Option<ConversationRow>, Error> {
    let account = session.account().as_uuid();
    conversations::table
        .filter(conversations::account_id.eq(account))
        .filter(conversations::id.eq(id.as_uuid()))
        .select(ConversationRow::as_select())
        .first(session.connection()?)
        .await
        .optional()
        .map_err(Error::query("find a conversation"))
}

/// Conversations by our ids, shown or not.
pub async fn list(session: &mut AccountSession, ids: &[Uuid]) -> Result<Vec<ConversationRow>, Error> {
    let account = session.account().as_uuid();
    conversations::table
        .filter(conversations::account_id.eq(account))
        .filter(conversations::id.eq_any(ids))
        .select(ConversationRow::as_select())
        .load(session.connection()?)
        .await
        .map_err(Error::query("load conversations"))
}

/// Conversations that may belong to somebody else once contacts with these e-mails or people ids changed.
pub async fn list_concerned(
    session: &mut AccountSession,
    emails: &[String],
    people: &[(IntegrationId, String)],
    contacts: &[ContactId],
) -> Result<Vec<ConversationRow>, Error> {
    let account = session.account().as_uuid();
    let contacts: Vec<Uuid> = contacts.iter().map(ContactId::as_uuid).collect();
    let people_ids: Vec<&str> = people.iter().map(|(_, id)| id.as_str()).collect();
    let integrations: Vec<Uuid> = people.iter().map(|(integration, _)| integration.as_uuid()).collect();
    let mut found: Vec<ConversationRow> = conversations::table
        .filter(conversations::account_id.eq(account))
        .filter(
            // Each arm implies the condition of an index, so that none of them scans the account.
            conversations::email_key
                .eq_any(emails)
                .or(conversations::contact_id.eq_any(contacts).and(conversations::removed_at.is_null()))
                .or(conversations::integration_id
                    .eq_any(integrations)
                    .and(conversations::people_id.eq_any(people_ids))),
        )
        .select(ConversationRow::as_select())
        .load(session.connection()?)
        .await
        .map_err(Error::query("load the conversations concerned"))?;
    found.sort_by(|left, right| left.session_id.cmp(&right.session_id));
    Ok(found)
}

/// Saves conversations of one integration; rows that are as stored cost no write.
pub async fn save(
    session: &mut AccountSession,
    integration: IntegrationId,
    rows: &[ConversationRow],
    now: DateTime<Utc>,
) -> Result<Written, Error> {
    BULK.upsert(session, Parent::Integration(integration.as_uuid()), rows, now).await
}

/// Brings the company views in line with the contact's companies for these conversations.
pub async fn link_companies(session: &mut AccountSession, ids: &[Uuid]) -> Result<(), Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let account = session.account().as_uuid();
    diesel::sql_query(
        "delete from conversation_companies l where l.account_id = $1 and l.conversation_id = any($2) and not exists ( \
             select from conversations c join contact_companies m on m.account_id = c.account_id and m.contact_id = c.contact_id \
             where c.account_id = $1 and m.account_id = $1 and c.id = l.conversation_id and m.company_id = l.company_id \
               and c.removed_at is null)",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<Array<SqlUuid>, _>(ids)
    .execute(session.connection()?)
    .await
    .map_err(Error::query("unlink companies"))?;
    diesel::sql_query(
        "insert into conversation_companies (account_id, company_id, conversation_id, crisp_updated_at) \
         select c.account_id, m.company_id, c.id, c.crisp_updated_at from conversations c \
         join contact_companies m on m.account_id = c.account_id and m.contact_id = c.contact_id \
         where c.account_id = $1 and m.account_id = $1 and c.id = any($2) and c.removed_at is null \
         order by c.id, m.company_id \
         on conflict (account_id, conversation_id, company_id) do update set crisp_updated_at = excluded.crisp_updated_at \
         where conversation_companies.crisp_updated_at is distinct from excluded.crisp_updated_at",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<Array<SqlUuid>, _>(ids)
    .execute(session.connection()?)
    .await
    .map_err(Error::query("link companies"))?;
    Ok(())
}

/// Whether conversations were found to be gone in Crisp between two moments.
pub async fn any_removed_between(
    session: &mut AccountSession,
    integration: IntegrationId,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Result<bool, Error> {
    let account = session.account().as_uuid();
    let removed = conversations::table
        .filter(conversations::account_id.eq(account))
        .filter(conversations::integration_id.eq(integration.as_uuid()))
        .filter(conversations::removed_at.between(from, to));
    diesel::select(diesel::dsl::exists(removed))
        .get_result(session.connection()?)
        .await
        .map_err(Error::query("look for conversations that are gone"))
}
