//! Sync runs: what each is, where it stands, what it did.

use chrono::{DateTime, Utc};
use crisp_domain::ids::{IntegrationId, SyncId};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::error::Error;
use crate::schema::sync_runs;
use crate::session::AccountSession;
use crate::sightings;

/// A sync run as stored, without `cancel_requested`, which others set; the migration describes every column.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = sync_runs, treat_none_as_null = true)]
#[expect(missing_docs, reason = "the migration comments every column")]
pub struct SyncRow {
    pub account_id: Uuid,
    pub id: Uuid,
    pub integration_id: Uuid,
    pub kind: String,
    pub trigger: String,
    pub started_by: Option<String>,
    pub state: String,
    pub phase: Option<String>,
    pub reread_messages: bool,
    pub bookmark: serde_json::Value,
    pub queued_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub resumes_at: Option<DateTime<Utc>>,
    pub expected_finish_at: Option<DateTime<Utc>>,
    pub expected_people: Option<i64>,
    pub expected_conversations: Option<i64>,
    pub people_read: i64,
    pub people_created: i64,
    pub people_updated: i64,
    pub people_unchanged: i64,
    pub people_removed: i64,
    pub people_failed: i64,
    pub conversations_read: i64,
    pub conversations_created: i64,
    pub conversations_updated: i64,
    pub conversations_unchanged: i64,
    pub conversations_removed: i64,
    pub conversations_skipped: i64,
    pub conversations_before_backfill: i64,
    pub conversations_failed: i64,
    pub messages_read: i64,
    pub messages_created: i64,
    pub messages_updated: i64,
    pub messages_unchanged: i64,
    pub messages_removed: i64,
    pub messages_failed: i64,
    pub crisp_requests: i64,
    pub failures_in_row: i32,
    pub problem_code: Option<String>,
    pub problem_detail: Option<String>,
    pub updated_at: DateTime<Utc>,
}

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Ending {
    /// It ran to its end, and read everything.
    Succeeded,
    /// It ran to its end; some records could not be read.
    Partial,
    /// It was given up.
    Failed,
    /// Somebody ended it.
    Cancelled,
}

/// States in which a run is under way: one at a time for an integration.
const UNDER_WAY: [&str; 3] = ["queued", "running", "waiting_for_quota"];

impl SyncRow {
    /// A run that was just asked for.
    pub fn queued(
        (account, integration): (crisp_domain::ids::AccountId, IntegrationId),
        id: SyncId,
        (kind, trigger): (&str, &str),
        started_by: Option<String>,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            account_id: account.as_uuid(),
            id: id.as_uuid(),
            integration_id: integration.as_uuid(),
            kind: kind.to_owned(),
            trigger: trigger.to_owned(),
            started_by,
            state: "queued".to_owned(),
            phase: None,
            reread_messages: false,
            bookmark: serde_json::json!({}),
            queued_at: now,
            started_at: None,
            finished_at: None,
            resumes_at: None,
            expected_finish_at: None,
            expected_people: None,
            expected_conversations: None,
            people_read: 0,
            people_created: 0,
            people_updated: 0,
            people_unchanged: 0,
            people_removed: 0,
            people_failed: 0,
            conversations_read: 0,
            conversations_created: 0,
            conversations_updated: 0,
            conversations_unchanged: 0,
            conversations_removed: 0,
            conversations_skipped: 0,
            conversations_before_backfill: 0,
            conversations_failed: 0,
            messages_read: 0,
            messages_created: 0,
            messages_updated: 0,
            messages_unchanged: 0,
            messages_removed: 0,
            messages_failed: 0,
            crisp_requests: 0,
            failures_in_row: 0,
            problem_code: None,
            problem_detail: None,
            updated_at: now,
        }
    }

    /// Its id.
    pub fn sync_id(&self) -> SyncId {
        SyncId::from(self.id)
    }

    /// Whether it has not ended.
    pub fn is_under_way(&self) -> bool {
        UNDER_WAY.contains(&self.state.as_str())
    }

    /// Ends it; to be saved with [`close`].
    pub fn end(&mut self, ending: Ending, now: DateTime<Utc>) {
        let state: &'static str = ending.into();
        state.clone_into(&mut self.state);
        self.phase = None;
        self.finished_at = Some(now);
        self.resumes_at = None;
        self.expected_finish_at = None;
        self.updated_at = now;
    }
}

/// Stores a new run. The caller has looked for one under way in the same turn.
pub async fn insert(session: &mut AccountSession, row: &SyncRow) -> Result<(), Error> {
    diesel::insert_into(sync_runs::table)
        .values(row)
        .execute(session.connection()?)
        .await
        .map_err(Error::query("store a sync run"))?;
    Ok(())
}

/// Saves a run; only who holds its integration's lease does so, or an API call that ends it in the account's turn.
pub async fn save(session: &mut AccountSession, row: &SyncRow) -> Result<(), Error> {
    let account = session.account().as_uuid();
    diesel::update(
        sync_runs::table.filter(sync_runs::account_id.eq(account)).filter(sync_runs::id.eq(row.id)),
    )
    .set(row)
    .execute(session.connection()?)
    .await
    .map_err(Error::query("save a sync run"))?;
    Ok(())
}

/// Saves a run that has ended, and forgets what its pass had seen.
pub async fn close(session: &mut AccountSession, row: &SyncRow) -> Result<(), Error> {
    save(session, row).await?;
    sightings::clear(session, row.sync_id()).await
}

/// Forgets up to `limit` runs that began before a moment; the newest of each integration stays. Returns how many.
pub async fn forget(session: &mut AccountSession, before: DateTime<Utc>, limit: i64) -> Result<usize, Error> {
    let account = session.account().as_uuid();
    diesel::sql_query(
        "delete from sync_runs where account_id = $1 and id in ( \
             select r.id from sync_runs r where r.account_id = $1 and r.id < $2 and r.finished_at is not null \
                 and exists (select from sync_runs n \
                     where n.account_id = $1 and n.integration_id = r.integration_id and n.id > r.id) \
             order by r.id limit $3)",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<SqlUuid, _>(first_id_of(before))
    .bind::<BigInt, _>(limit)
    .execute(session.connection()?)
    .await
    .map_err(Error::query("forget old sync runs"))
}

/// The least id that was made at this moment: ids begin with their time.
fn first_id_of(moment: DateTime<Utc>) -> Uuid {
    let ms = u64::try_from(moment.timestamp_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(ms, &[0; 10]).into_uuid()
}

/// One run of the account.
pub async fn find(session: &mut AccountSession, id: SyncId) -> Result<Option<SyncRow>, Error> {
    let account = session.account().as_uuid();
    sync_runs::table
        .filter(sync_runs::account_id.eq(account))
        .filter(sync_runs::id.eq(id.as_uuid()))
        .select(SyncRow::as_select())
        .first(session.connection()?)
        .await
        .optional()
        .map_err(Error::query("find a sync run"))
}

/// The run that is under way for an integration, if any.
pub async fn find_under_way(
    session: &mut AccountSession,
    integration: IntegrationId,
) -> Result<Option<SyncRow>, Error> {
    let account = session.account().as_uuid();
    sync_runs::table
        .filter(sync_runs::account_id.eq(account))
        .filter(sync_runs::integration_id.eq(integration.as_uuid()))
        .filter(sync_runs::state.eq_any(UNDER_WAY))
        .select(SyncRow::as_select())
        .first(session.connection()?)
        .await
        .optional()
        .map_err(Error::query("find the sync run under way"))
}

/// The newest run of an integration.
pub async fn find_last(
    session: &mut AccountSession,
    integration: IntegrationId,
) -> Result<Option<SyncRow>, Error> {
    Ok(list(session, integration, None, 1).await?.into_iter().next())
}

/// Runs of an integration, newest first, older than `before`.
pub async fn list(
    session: &mut AccountSession,
    integration: IntegrationId,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<SyncRow>, Error> {
    let account = session.account().as_uuid();
    let mut query = sync_runs::table
        .filter(sync_runs::account_id.eq(account))
        .filter(sync_runs::integration_id.eq(integration.as_uuid()))
        .into_boxed();
    if let Some(before) = before {
        query = query.filter(sync_runs::id.lt(before));
    }
    query
        .order(sync_runs::id.desc())
        .limit(limit)
        .select(SyncRow::as_select())
        .load(session.connection()?)
        .await
        .map_err(Error::query("list sync runs"))
}

/// Asks a run to end at its next step.
pub async fn request_cancel(session: &mut AccountSession, id: SyncId) -> Result<(), Error> {
    let account = session.account().as_uuid();
    diesel::update(
        sync_runs::table.filter(sync_runs::account_id.eq(account)).filter(sync_runs::id.eq(id.as_uuid())),
    )
    .set(sync_runs::cancel_requested.eq(true))
    .execute(session.connection()?)
    .await
    .map_err(Error::query("cancel a sync run"))?;
    Ok(())
}

/// Whether somebody asked the run to end.
pub async fn is_cancel_requested(session: &mut AccountSession, id: SyncId) -> Result<bool, Error> {
    let account = session.account().as_uuid();
    sync_runs::table
        .filter(sync_runs::account_id.eq(account))
        .filter(sync_runs::id.eq(id.as_uuid()))
        .select(sync_runs::cancel_requested)
        .first(session.connection()?)
        .await
        .map_err(Error::query("read a sync run"))
}
