//! Conversations and profiles that have to be read from Crisp one by one.

use chrono::{DateTime, Utc};
use crisp_domain::ids::IntegrationId;
use diesel::prelude::*;
use diesel::sql_types::{Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use crate::error::Error;
use crate::schema::wanted_records;
use crate::session::AccountSession;

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A conversation, by session id.
    Conversation,
    /// A profile, by people id.
    Profile,
}

impl Kind {
    /// The stored word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Conversation => "conversation",
            Self::Profile => "profile",
        }
    }
}

/// A wish as stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = wanted_records)]
#[expect(missing_docs, reason = "the migration comments every column")]
pub struct Wanted {
    pub kind: String,
    pub external_id: String,
    pub reason: String,
    pub due_at: DateTime<Utc>,
    pub version: i64,
    pub attempts: i32,
    pub error: Option<String>,
}

/// Wants a record to be read, not before `due_at`. Wanting it again counts up its version and keeps
/// the later time: what is in doubt waits until Crisp's lists have had theirs.
pub async fn want(
    session: &mut AccountSession,
    integration: IntegrationId,
    kind: Kind,
    external_id: &str,
    reason: &str,
    due_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let account = session.account().as_uuid();
    diesel::sql_query(
        "insert into wanted_records (account_id, integration_id, kind, external_id, reason, due_at, created_at) \
         values ($1, $2, $3, $4, $5, $6, $7) \
         on conflict (account_id, integration_id, kind, external_id) do update set version = wanted_records.version + 1, \
         due_at = case when wanted_records.dead_at is null and wanted_records.attempts = 0 \
             then greatest(wanted_records.due_at, excluded.due_at) else excluded.due_at end, \
         reason = excluded.reason, attempts = 0, error = null, dead_at = null",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<SqlUuid, _>(integration.as_uuid())
    .bind::<Text, _>(kind.word())
    .bind::<Text, _>(external_id)
    .bind::<Text, _>(reason)
    .bind::<Timestamptz, _>(due_at)
    .bind::<Timestamptz, _>(now)
    .execute(session.connection()?)
    .await
    .map_err(Error::query("want a record"))?;
    Ok(())
}

/// The wishes that are due, oldest first.
pub async fn list_due(
    session: &mut AccountSession,
    integration: IntegrationId,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Wanted>, Error> {
    let account = session.account().as_uuid();
    wanted_records::table
        .filter(wanted_records::account_id.eq(account))
        .filter(wanted_records::integration_id.eq(integration.as_uuid()))
        .filter(wanted_records::dead_at.is_null())
        .filter(wanted_records::due_at.le(now))
        .order(wanted_records::due_at)
        .limit(limit)
        .select(Wanted::as_select())
        .load(session.connection()?)
        .await
        .map_err(Error::query("list wanted records"))
}

/// When the next wish is due, if any is left.
pub async fn next_due(
    session: &mut AccountSession,
    integration: IntegrationId,
) -> Result<Option<DateTime<Utc>>, Error> {
    let account = session.account().as_uuid();
    wanted_records::table
        .filter(wanted_records::account_id.eq(account))
        .filter(wanted_records::integration_id.eq(integration.as_uuid()))
        .filter(wanted_records::dead_at.is_null())
        .select(diesel::dsl::min(wanted_records::due_at))
        .first(session.connection()?)
        .await
        .map_err(Error::query("find the next wanted record"))
}

/// Fulfils a wish, unless it was made again since `wanted` was read.
pub async fn fulfil(
    session: &mut AccountSession,
    integration: IntegrationId,
    wanted: &Wanted,
) -> Result<(), Error> {
    let account = session.account().as_uuid();
    diesel::delete(
        wanted_records::table
            .filter(wanted_records::account_id.eq(account))
            .filter(wanted_records::integration_id.eq(integration.as_uuid()))
            .filter(wanted_records::kind.eq(&wanted.kind))
            .filter(wanted_records::external_id.eq(&wanted.external_id))
            .filter(wanted_records::version.eq(wanted.version)),
    )
    .execute(session.connection()?)
    .await
    .map_err(Error::query("fulfil a wish"))?;
    Ok(())
}

/// Puts a wish off after a failed read, or gives it up (`retry_at` = `None`): it becomes a dead letter. One that was made
/// again since `wanted` was read is left as it is.
pub async fn put_off(
    session: &mut AccountSession,
    integration: IntegrationId,
    wanted: &Wanted,
    error: &str,
    retry_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let account = session.account().as_uuid();
    diesel::update(
        wanted_records::table
            .filter(wanted_records::account_id.eq(account))
            .filter(wanted_records::integration_id.eq(integration.as_uuid()))
            .filter(wanted_records::kind.eq(&wanted.kind))
            .filter(wanted_records::external_id.eq(&wanted.external_id))
            .filter(wanted_records::version.eq(wanted.version)),
    )
    .set((
        wanted_records::attempts.eq(wanted_records::attempts + 1),
        wanted_records::error.eq(error),
        wanted_records::due_at.eq(retry_at.unwrap_or(now)),
        wanted_records::dead_at.eq(retry_at.is_none().then_some(now)),
    ))
    .execute(session.connection()?)
    .await
    .map_err(Error::query("put a wish off"))?;
    Ok(())
}

/// How many records are wanted because what is stored of them is in doubt.
pub async fn count_in_doubt(session: &mut AccountSession, integration: IntegrationId) -> Result<i64, Error> {
    let account = session.account().as_uuid();
    wanted_records::table
        .filter(wanted_records::account_id.eq(account))
        .filter(wanted_records::integration_id.eq(integration.as_uuid()))
        .filter(wanted_records::dead_at.is_null().and(wanted_records::reason.eq(IN_DOUBT)))
        .count()
        .get_result(session.connection()?)
        .await
        .map_err(Error::query("count records in doubt"))
}

/// Whether records have been wanted for this reason since a moment, and still are.
pub async fn any_since(
    session: &mut AccountSession,
    integration: IntegrationId,
    reason: &str,
    since: DateTime<Utc>,
) -> Result<bool, Error> {
    let account = session.account().as_uuid();
    let wanted = wanted_records::table
        .filter(wanted_records::account_id.eq(account))
        .filter(wanted_records::integration_id.eq(integration.as_uuid()))
        .filter(wanted_records::reason.eq(reason))
        .filter(wanted_records::created_at.ge(since));
    diesel::select(diesel::dsl::exists(wanted))
        .get_result(session.connection()?)
        .await
        .map_err(Error::query("look for wanted records"))
}

/// The reason of a wish to settle a record that a hook and a lagging list disagree about.
pub const IN_DOUBT: &str = "in doubt";
