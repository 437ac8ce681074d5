//! Integrations: connections of an account to a Crisp website.

use chrono::{DateTime, Utc};
use crisp_client::WebsiteId;
use crisp_domain::ids::{AccountId, IntegrationId};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::discreet::discreet_debug;
use crate::error::Error;
use crate::schema::integrations;
use crate::session::AccountSession;

/// An integration as stored, without the columns that hook intake counts in; the migration describes every column.
#[derive(Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = integrations, treat_none_as_null = true)]
#[expect(missing_docs, reason = "the migration comments every column")]
pub struct IntegrationRow {
    pub account_id: Uuid,
    pub id: Uuid,
    pub state: String,
    pub website_id: Option<Uuid>,
    pub website_name: Option<String>,
    pub website_token: Option<Vec<u8>>,
    pub proven_website_id: Option<Uuid>,
    pub proven_token_hash: Option<Vec<u8>>,
    pub connection_code: String,
    pub install_nonce: Option<Vec<u8>>,
    pub install_expires_at: Option<DateTime<Utc>>,
    pub install_requested_by: Option<String>,
    pub settings: serde_json::Value,
    pub settings_revision: i64,
    pub applied_revision: i64,
    pub remap_cursor: Option<String>,
    pub remap_done: i64,
    pub remap_total: Option<i64>,
    pub problem_code: Option<String>,
    pub problem_detail: Option<String>,
    pub state_before_problem: Option<String>,
    pub backfill_from: Option<DateTime<Utc>>,
    pub first_import_at: Option<DateTime<Utc>>,
    pub active_at: Option<DateTime<Utc>>,
    pub conversations_bookmark: Option<DateTime<Utc>>,
    pub people_bookmark: Option<DateTime<Utc>>,
    pub people_order_proven: Option<bool>,
    pub people_unsorted: bool,
    pub next_rolling_page: i32,
    pub next_incremental_at: Option<DateTime<Utc>>,
    pub next_reconcile_at: Option<DateTime<Utc>>,
    pub last_incremental_at: Option<DateTime<Utc>>,
    pub last_reconcile_at: Option<DateTime<Utc>>,
    pub synced_at: Option<DateTime<Utc>>,
    pub expected_conversations: Option<i64>,
    pub expected_requests: Option<i64>,
    pub hook_changes_expected: f64,
    pub hook_changes_missed: f64,
    pub hook_gap_since: Option<DateTime<Utc>>,
    pub purge_requested_at: Option<DateTime<Utc>>,
    pub disconnected_at: Option<DateTime<Utc>>,
    pub disconnect_reason: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl IntegrationRow {
    /// A draft: nothing connected yet.
    pub fn draft(
        account: AccountId,
        id: IntegrationId,
        connection_code: String,
        settings: serde_json::Value,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            account_id: account.as_uuid(),
            id: id.as_uuid(),
            state: "awaiting_installation".to_owned(),
            website_id: None,
            website_name: None,
            website_token: None,
            proven_website_id: None,
            proven_token_hash: None,
            connection_code,
            install_nonce: None,
            install_expires_at: None,
            install_requested_by: None,
            settings,
            settings_revision: 1,
            applied_revision: 1,
            remap_cursor: None,
            remap_done: 0,
            remap_total: None,
            problem_code: None,
            problem_detail: None,
            state_before_problem: None,
            backfill_from: None,
            first_import_at: None,
            active_at: None,
            conversations_bookmark: None,
            people_bookmark: None,
            people_order_proven: None,
            people_unsorted: false,
            next_rolling_page: 2,
            next_incremental_at: None,
            next_reconcile_at: None,
            last_incremental_at: None,
            last_reconcile_at: None,
            synced_at: None,
            expected_conversations: None,
            expected_requests: None,
            hook_changes_expected: 0.0,
            hook_changes_missed: 0.0,
            hook_gap_since: None,
            purge_requested_at: None,
            disconnected_at: None,
            disconnect_reason: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// Its id.
    pub fn integration_id(&self) -> IntegrationId {
        IntegrationId::from(self.id)
    }

    /// The connected website.
    pub fn website(&self) -> Option<WebsiteId> {
        self.website_id.map(WebsiteId::from)
    }

    /// Whether it may talk to Crisp: a website is connected and nothing stands in the way.
    pub fn is_live(&self) -> bool {
        matches!(self.state.as_str(), "connected" | "active") && self.website_id.is_some()
    }
}

discreet_debug!(IntegrationRow: id);

/// What hook intake knows of an integration's channel.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = integrations)]
pub struct HookChannel {
    /// When the last hook arrived.
    pub last_hook_at: Option<DateTime<Utc>>,
    /// Our clock minus Crisp's, as far as hooks tell, in milliseconds.
    pub hook_skew_ms: Option<i64>,
    /// Cards, IBANs and keys redacted so far.
    pub redactions: i64,
}

/// Stores a new integration.
pub async fn insert(session: &mut AccountSession, row: &IntegrationRow) -> Result<(), Error> {
    diesel::insert_into(integrations::table)
        .values(row)
        .execute(session.connection()?)
        .await
        .map_err(Error::query("store an integration"))?;
    Ok(())
}

/// Saves an integration that was loaded in this session's turn.
pub async fn save(session: &mut AccountSession, row: &IntegrationRow) -> Result<(), Error> {
    let account = session.account().as_uuid();
    diesel::update(
        integrations::table.filter(integrations::account_id.eq(account)).filter(integrations::id.eq(row.id)),
    )
    .set(row)
    .execute(session.connection()?)
    .await
    .map_err(Error::query("save an integration"))?;
    Ok(())
}

/// Lets the next regular runs (incremental, reconciliation) come sooner, and moves nothing else of the row; one that is
/// not planned any more, or sooner already, stays as it is.
pub async fn bring_forward(
    session: &mut AccountSession,
    id: IntegrationId,
    (incremental, reconcile): (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
) -> Result<(), Error> {
    let account = session.account().as_uuid();
    diesel::sql_query(
        "update integrations set \
             next_incremental_at = case when next_incremental_at > $3 then $3 else next_incremental_at end, \
             next_reconcile_at = case when next_reconcile_at > $4 then $4 else next_reconcile_at end \
         where account_id = $1 and id = $2 and state = 'active'",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(incremental)
    .bind::<Nullable<Timestamptz>, _>(reconcile)
    .execute(session.connection()?)
    .await
    .map_err(Error::query("bring the schedule forward"))?;
    Ok(())
}

/// One integration of the account.
pub async fn find(session: &mut AccountSession, id: IntegrationId) -> Result<Option<IntegrationRow>, Error> {
    let account = session.account().as_uuid();
    integrations::table
        .filter(integrations::account_id.eq(account))
        .filter(integrations::id.eq(id.as_uuid()))
        .select(IntegrationRow::as_select())
        .first(session.connection()?)
        .await
        .optional()
        .map_err(Error::query("find an integration"))
}

/// One integration that must exist.
pub async fn get(session: &mut AccountSession, id: IntegrationId) -> Result<IntegrationRow, Error> {
    find(session, id).await?.ok_or(Error::Missing("the integration"))
}

/// Every integration of the account, newest first.
pub async fn list(session: &mut AccountSession) -> Result<Vec<IntegrationRow>, Error> {
    let account = session.account().as_uuid();
    integrations::table
        .filter(integrations::account_id.eq(account))
        .order(integrations::id.desc())
        .select(IntegrationRow::as_select())
        .load(session.connection()?)
        .await
        .map_err(Error::query("list integrations"))
}

/// What is known of the hook channel of an integration.
pub async fn hook_channel(session: &mut AccountSession, id: IntegrationId) -> Result<HookChannel, Error> {
    let account = session.account().as_uuid();
    integrations::table
        .filter(integrations::account_id.eq(account))
        .filter(integrations::id.eq(id.as_uuid()))
        .select(HookChannel::as_select())
        .first(session.connection()?)
        .await
        .map_err(Error::query("read the hook channel"))
}

/// Keeps what a forecast came to, for the progress of the import that follows.
pub async fn note_forecast(
    session: &mut AccountSession,
    id: IntegrationId,
    conversations: i64,
    requests: i64,
) -> Result<(), Error> {
    let account = session.account().as_uuid();
    diesel::update(
        integrations::table
            .filter(integrations::account_id.eq(account))
            .filter(integrations::id.eq(id.as_uuid())),
    )
    .set((
        integrations::expected_conversations.eq(conversations),
        integrations::expected_requests.eq(requests),
    ))
    .execute(session.connection()?)
    .await
    .map_err(Error::query("keep a forecast"))?;
    Ok(())
}

/// Counts redactions made in message bodies.
pub async fn add_redactions(
    session: &mut AccountSession,
    id: IntegrationId,
    count: i64,
) -> Result<(), Error> {
    let account = session.account().as_uuid();
    diesel::update(
        integrations::table
            .filter(integrations::account_id.eq(account))
            .filter(integrations::id.eq(id.as_uuid())),
    )
    .set(integrations::redactions.eq(integrations::redactions + count))
    .execute(session.connection()?)
    .await
    .map_err(Error::query("count redactions"))?;
    Ok(())
}
