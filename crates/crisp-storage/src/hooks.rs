//! Web hooks as they arrived: stored before the 200, applied after.

use chrono::{DateTime, Utc};
use crisp_domain::ids::{IntegrationId, earliest_v7};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bytea, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::database::Database;
use crate::discreet::discreet_debug;
use crate::error::Error;
use crate::schema::hooks;
use crate::session::AccountSession;

/// A hook to store.
#[derive(Clone)]
#[expect(missing_docs, reason = "the migration comments every column")]
pub struct NewHook {
    pub id: Uuid,
    pub integration_id: IntegrationId,
    pub dedupe_key: Vec<u8>,
    pub event: String,
    pub session_id: Option<String>,
    pub people_id: Option<String>,
    pub crisp_at: Option<DateTime<Utc>>,
    pub body: Vec<u8>,
}

/// A hook to apply.
#[derive(Clone, QueryableByName)]
#[diesel(table_name = hooks)]
#[expect(missing_docs, reason = "the migration comments every column")]
pub struct PendingHook {
    pub id: Uuid,
    pub event: String,
    pub session_id: Option<String>,
    pub people_id: Option<String>,
    pub crisp_at: Option<DateTime<Utc>>,
    pub body: Vec<u8>,
    pub received_at: DateTime<Utc>,
    pub attempts: i32,
}

discreet_debug!(NewHook: id, PendingHook: id);

/// Stores hooks of one integration; one that is stored already is left alone. Returns how many were new.
pub async fn store(
    session: &mut AccountSession,
    integration: IntegrationId,
    new: &[NewHook],
    now: DateTime<Utc>,
) -> Result<u64, Error> {
    let account = session.account().as_uuid();
    let mut new: Vec<&NewHook> = new.iter().collect();
    new.sort_by(|left, right| left.dedupe_key.cmp(&right.dedupe_key));
    new.dedup_by(|left, right| left.dedupe_key == right.dedupe_key);
    let stored = diesel::sql_query(
        "insert into hooks (account_id, id, integration_id, dedupe_key, event, session_id, people_id, crisp_at, body, received_at) \
         select i.account_id, u.id, i.id, u.dedupe_key, u.event, u.session_id, u.people_id, u.crisp_at, u.body, $10 \
         from integrations i cross join unnest($3::uuid[], $4::bytea[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::bytea[]) \
             as u(id, dedupe_key, event, session_id, people_id, crisp_at, body) \
         where i.account_id = $1 and i.id = $2 and i.state <> 'disconnected' and i.purge_requested_at is null order by u.dedupe_key \
         on conflict (account_id, integration_id, dedupe_key) do nothing",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<SqlUuid, _>(integration.as_uuid())
    .bind::<Array<SqlUuid>, _>(new.iter().map(|hook| hook.id).collect::<Vec<_>>())
    .bind::<Array<Bytea>, _>(new.iter().map(|hook| hook.dedupe_key.as_slice()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(new.iter().map(|hook| hook.event.as_str()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(new.iter().map(|hook| hook.session_id.as_deref()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(new.iter().map(|hook| hook.people_id.as_deref()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Timestamptz>>, _>(new.iter().map(|hook| hook.crisp_at).collect::<Vec<_>>())
    .bind::<Array<Bytea>, _>(new.iter().map(|hook| hook.body.as_slice()).collect::<Vec<_>>())
    .bind::<Timestamptz, _>(now)
    .execute(session.connection()?)
    .await
    .map_err(Error::query("store web hooks"))?;
    Ok(crate::bulk::count(stored))
}

/// Notes on the integration that its channel is alive, and how far its clock is from ours. `false`: it does not listen
/// any more, and what was stored for it in this transaction must be rolled back.
///
/// It holds the integration's row until the end of the transaction, so that what was stored before it in the same one
/// is there before anybody lets go of the website, and a purge that begins then finds it.
pub async fn note_arrival(
    session: &mut AccountSession,
    integration: IntegrationId,
    skew_ms: Option<i64>,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let account = session.account().as_uuid();
    let noted = diesel::sql_query(
        // The fastest delivery counts, and is forgotten bit by bit, so that one odd clock does not count for ever, and a
        // few late hooks do not pass for the time that a delivery takes.
        "update integrations set last_hook_at = $3, hook_skew_ms = case \
             when $4::bigint is null then hook_skew_ms \
             when hook_skew_ms is null or $4 < hook_skew_ms then $4 \
             else hook_skew_ms + least(($4 - hook_skew_ms) / 16, 10) end where account_id = $1 and id = $2 \
             and state <> 'disconnected' and purge_requested_at is null",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<SqlUuid, _>(integration.as_uuid())
    .bind::<Timestamptz, _>(now)
    .bind::<Nullable<BigInt>, _>(skew_ms)
    .execute(session.connection()?)
    .await
    .map_err(Error::query("note a hook's arrival"))?;
    Ok(noted > 0)
}

/// Which of these events arrived between two moments.
pub async fn list_events_between(
    session: &mut AccountSession,
    integration: IntegrationId,
    events: &[&str],
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<String>, Error> {
    let account = session.account().as_uuid();
    hooks::table
        .filter(hooks::account_id.eq(account))
        .filter(hooks::integration_id.eq(integration.as_uuid()))
        // Ids begin with the time of the arrival: the rows are found by their key.
        .filter(hooks::id.ge(earliest_v7(from)))
        .filter(hooks::received_at.between(from, to))
        .filter(hooks::event.eq_any(events))
        .select(hooks::event)
        .distinct()
        .load(session.connection()?)
        .await
        .map_err(Error::query("look for events of a while"))
}

/// Which of these profiles hooks have told of since a moment, by one event.
pub async fn list_people_heard(
    session: &mut AccountSession,
    integration: IntegrationId,
    event: &str,
    people_ids: &[String],
    since: DateTime<Utc>,
) -> Result<Vec<String>, Error> {
    let account = session.account().as_uuid();
    let people: Vec<Option<String>> = hooks::table
        .filter(hooks::account_id.eq(account))
        .filter(hooks::integration_id.eq(integration.as_uuid()))
        .filter(hooks::id.ge(earliest_v7(since)))
        .filter(hooks::event.eq(event))
        .filter(hooks::people_id.eq_any(people_ids))
        .select(hooks::people_id)
        .distinct()
        .load(session.connection()?)
        .await
        .map_err(Error::query("look for profiles that hooks told of"))?;
    Ok(people.into_iter().flatten().collect())
}

/// How much is taken up at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchSize {
    /// Hooks.
    pub hooks: i64,
    /// Bytes of their bodies, unless the first alone has more.
    pub bytes: i64,
}

/// The next hooks to apply, in the order of their arrival: no more of them, and no larger together, than asked for.
pub async fn list_pending(
    session: &mut AccountSession,
    integration: IntegrationId,
    now: DateTime<Utc>,
    most: BatchSize,
) -> Result<Vec<PendingHook>, Error> {
    let account = session.account().as_uuid();
    diesel::sql_query(
        "select id, event, session_id, people_id, crisp_at, body, received_at, attempts from ( \
             select p.*, sum(octet_length(p.body)) over (order by p.id) as bytes, row_number() over (order by p.id) as place \
             from (select * from hooks where account_id = $1 and integration_id = $2 \
                 and applied_at is null and dead_at is null and (retry_at is null or retry_at <= $3) \
                 order by id limit $4) p) q \
         where q.place = 1 or q.bytes <= $5 order by q.id",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<SqlUuid, _>(integration.as_uuid())
    .bind::<Timestamptz, _>(now)
    .bind::<BigInt, _>(most.hooks)
    .bind::<BigInt, _>(most.bytes)
    .load(session.connection()?)
    .await
    .map_err(Error::query("list pending hooks"))
}

/// When the next put-off hook is due, if any is pending.
pub async fn next_retry(
    session: &mut AccountSession,
    integration: IntegrationId,
) -> Result<Option<DateTime<Utc>>, Error> {
    let account = session.account().as_uuid();
    hooks::table
        .filter(hooks::account_id.eq(account))
        .filter(hooks::integration_id.eq(integration.as_uuid()))
        .filter(hooks::applied_at.is_null().and(hooks::dead_at.is_null()))
        .select(diesel::dsl::min(hooks::retry_at))
        .first(session.connection()?)
        .await
        .map_err(Error::query("find the next hook"))
}

/// What becomes of a hook's body once it was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// It stays until it is forgotten.
    Kept,
    /// It is emptied at once.
    Emptied,
}

/// Marks hooks as applied with one outcome.
pub async fn mark_applied(
    session: &mut AccountSession,
    ids: &[Uuid],
    outcome: &str,
    body: Body,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let account = session.account().as_uuid();
    let emptied = (body == Body::Emptied).then(|| hooks::body.eq(Vec::<u8>::new()));
    diesel::update(hooks::table.filter(hooks::account_id.eq(account)).filter(hooks::id.eq_any(ids)))
        .set((hooks::applied_at.eq(now), hooks::outcome.eq(outcome), emptied))
        .execute(session.connection()?)
        .await
        .map_err(Error::query("mark hooks as applied"))?;
    Ok(())
}

/// Puts a hook off after a failure, or makes it a dead letter (`retry_at` = `None`).
pub async fn put_off(
    session: &mut AccountSession,
    id: Uuid,
    error: &str,
    retry_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let account = session.account().as_uuid();
    diesel::update(hooks::table.filter(hooks::account_id.eq(account)).filter(hooks::id.eq(id)))
        .set((
            hooks::attempts.eq(hooks::attempts + 1),
            hooks::error.eq(error),
            hooks::retry_at.eq(retry_at),
            hooks::dead_at.eq(retry_at.is_none().then_some(now)),
        ))
        .execute(session.connection()?)
        .await
        .map_err(Error::query("put a hook off"))?;
    Ok(())
}

/// Forgets hooks that were applied before `before`, `most` of them, the oldest first. Returns how many.
pub async fn forget_applied(
    session: &mut AccountSession,
    before: DateTime<Utc>,
    most: i64,
) -> Result<usize, Error> {
    let account = session.account().as_uuid();
    diesel::sql_query(
        "delete from hooks where account_id = $1 and id in (select id from hooks \
             where account_id = $1 and applied_at < $2 order by applied_at limit $3)",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<Timestamptz, _>(before)
    .bind::<BigInt, _>(most)
    .execute(session.connection()?)
    .await
    .map_err(Error::query("forget applied hooks"))
}

/// Forgets what dead letters say that were given up before `before`, `most` of them: their facts stay. Returns how many.
pub async fn forget_dead_bodies(
    session: &mut AccountSession,
    before: DateTime<Utc>,
    most: i64,
) -> Result<usize, Error> {
    let account = session.account().as_uuid();
    diesel::sql_query(
        "update hooks set body = '' where account_id = $1 and id in (select id from hooks \
             where account_id = $1 and dead_at < $2 and octet_length(body) > 0 order by id limit $3)",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<Timestamptz, _>(before)
    .bind::<BigInt, _>(most)
    .execute(session.connection()?)
    .await
    .map_err(Error::query("forget the bodies of dead letters"))
}

/// Forgets hooks altogether.
pub async fn delete(session: &mut AccountSession, ids: &[Uuid]) -> Result<(), Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let account = session.account().as_uuid();
    diesel::delete(hooks::table.filter(hooks::account_id.eq(account)).filter(hooks::id.eq_any(ids)))
        .execute(session.connection()?)
        .await
        .map_err(Error::query("forget hooks"))?;
    Ok(())
}

/// Integrations of the account that have hooks to apply: for the sweep.
pub async fn list_backlogged(session: &mut AccountSession) -> Result<Vec<Uuid>, Error> {
    let account = session.account().as_uuid();
    hooks::table
        .filter(hooks::account_id.eq(account))
        .filter(hooks::applied_at.is_null().and(hooks::dead_at.is_null()))
        .select(hooks::integration_id)
        .distinct()
        .load(session.connection()?)
        .await
        .map_err(Error::query("list integrations with pending hooks"))
}

impl Database {
    /// Counts a hook of a website that nobody connected.
    pub async fn count_unclaimed_hooks(&self, hooks: usize, now: DateTime<Utc>) -> Result<(), Error> {
        let mut connection = self.system().await?;
        diesel::sql_query(
            "insert into unclaimed_hooks (day, count) values ($1, $2) \
             on conflict (day) do update set count = unclaimed_hooks.count + excluded.count",
        )
        .bind::<diesel::sql_types::Date, _>(now.date_naive())
        .bind::<BigInt, _>(i64::try_from(hooks).unwrap_or(i64::MAX))
        .execute(&mut connection)
        .await
        .map_err(Error::query("count unclaimed hooks"))?;
        Ok(())
    }
}

/// What makes a hook itself: Crisp sends no delivery id, but delivers the same bytes again.
pub fn dedupe_key(body: &[u8]) -> Vec<u8> {
    use sha2::Digest;
    sha2::Sha256::digest(body).to_vec()
}
