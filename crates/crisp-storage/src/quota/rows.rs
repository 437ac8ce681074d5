//! The ledger's statements. Every time in them is Postgres's own.

use chrono::{DateTime, TimeDelta, Utc};
use crisp_domain::ids::AccountId;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Double, Integer, Nullable, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::Purpose;
use super::decide::{Memory, Standing};
use super::terms::Terms;
use crate::error::Error;
use crate::schema::{quota_grants, quota_state, quota_waiters};

/// Begins a transaction that holds the ledger's lock. A holder that freezes loses it soon: all others wait for it.
pub(super) const LOCK: &str =
    "begin; set local idle_in_transaction_session_timeout = '2s'; select from quota_state for update";

/// What counts now, given `late` and `counts_for` in seconds.
pub(super) const COUNTED: &str = "t as materialized (select clock_timestamp() as now), \
     counted as materialized (select g.* from quota_grants g cross join args cross join t \
         where g.closed_at >= t.now - make_interval(secs => args.counts_for) \
            or (g.closed_at is null and g.valid_until >= t.now - make_interval(secs => args.counts_for + args.late)))";

/// Where the ledger stands for an account. Prepared once a connection: it runs for every grant, under the lock.
#[derive(Debug, QueryId)]
struct ReadStanding {
    late: f64,
    counts_for: f64,
    account: Uuid,
    patience: f64,
}

type StandingRow = (
    DateTime<Utc>,
    (DateTime<Utc>, Option<DateTime<Utc>>, Option<i64>, Option<DateTime<Utc>>, i32, Option<DateTime<Utc>>),
    (i64, i64, i64, i64),
);

impl Query for ReadStanding {
    type SqlType = (
        Timestamptz,
        (
            Timestamptz,
            Nullable<Timestamptz>,
            Nullable<BigInt>,
            Nullable<Timestamptz>,
            Integer,
            Nullable<Timestamptz>,
        ),
        (BigInt, BigInt, BigInt, BigInt),
    );
}

impl QueryFragment<Pg> for ReadStanding {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("with args as (select ");
        out.push_bind_param::<Double, _>(&self.late)?;
        out.push_sql(" as late, ");
        out.push_bind_param::<Double, _>(&self.counts_for)?;
        out.push_sql(" as counts_for, ");
        out.push_bind_param::<SqlUuid, _>(&self.account)?;
        out.push_sql(" as account, ");
        out.push_bind_param::<Double, _>(&self.patience)?;
        out.push_sql(" as patience), ");
        out.push_sql(COUNTED);
        out.push_sql(
            ", backfills as (select account_id, sum(amount) as used from counted where purpose = 'backfill' group by account_id), \
             own as (select coalesce((select used from backfills b cross join args where b.account_id = args.account), 0) as used) \
             select t.now, s.period_started_at, s.blocked_until, s.learnt_limit, s.learnt_until, s.refusals, s.refused_at, \
                 (select coalesce(sum(amount), 0)::bigint from counted), \
                 (select coalesce(sum(amount), 0)::bigint from counted where purpose <> 'backfill'), \
                 (select coalesce(sum(amount), 0)::bigint from counted c cross join args where c.purpose = 'live' and c.account_id = args.account), \
                 (select count(*) from quota_waiters w left join backfills b on b.account_id = w.account_id \
                     where w.account_id <> args.account and coalesce(b.used, 0) < own.used \
                       and w.returns_at between t.now - make_interval(secs => args.patience) \
                           and t.now + make_interval(secs => args.patience)) \
             from quota_state s cross join t cross join own cross join args",
        );
        Ok(())
    }
}

/// Reads where the ledger stands, for `account`.
pub(super) async fn standing(
    connection: &mut AsyncPgConnection,
    terms: &Terms,
    account: Uuid,
) -> Result<Standing, Error> {
    let query = ReadStanding {
        late: seconds(terms.late),
        counts_for: seconds(terms.counts_for()),
        account,
        patience: seconds(terms.patience()),
    };
    let row: StandingRow =
        query.get_result(connection).await.map_err(Error::query("read the request ledger"))?;
    let (now, state, (used, used_live, own_live, ahead)) = row;
    let (period_started_at, blocked_until, learnt_limit, learnt_until, refusals, refused_at) = state;
    let memory = Memory { blocked_until, learnt_limit, learnt_until, refusals, refused_at };
    Ok(Standing { now, period_started_at, used, used_live, own_live, ahead, memory })
}

/// Writes a grant, once.
pub(super) async fn insert_grant(
    connection: &mut AsyncPgConnection,
    id: Uuid,
    (account, purpose, amount): (AccountId, Purpose, i64),
    granted_at: DateTime<Utc>,
    valid_for: TimeDelta,
) -> Result<(), Error> {
    diesel::insert_into(quota_grants::table)
        .values((
            quota_grants::id.eq(id),
            quota_grants::account_id.eq(account.as_uuid()),
            quota_grants::purpose.eq(<&'static str>::from(purpose)),
            quota_grants::amount.eq(amount),
            quota_grants::granted_at.eq(granted_at),
            quota_grants::valid_until.eq(granted_at + valid_for),
        ))
        .on_conflict_do_nothing()
        .execute(connection)
        .await
        .map_err(Error::query("grant requests"))?;
    Ok(())
}

/// Remembers until when an account's backfill was sent away, so that its turn is kept; or that it waits no more.
pub(super) async fn save_waiter(
    connection: &mut AsyncPgConnection,
    account: AccountId,
    returns_at: Option<DateTime<Utc>>,
) -> Result<(), Error> {
    let account = account.as_uuid();
    let saved = match returns_at {
        Some(at) => {
            diesel::insert_into(quota_waiters::table)
                .values((quota_waiters::account_id.eq(account), quota_waiters::returns_at.eq(at)))
                .on_conflict(quota_waiters::account_id)
                .do_update()
                .set(quota_waiters::returns_at.eq(at))
                .execute(connection)
                .await
        }
        None => {
            diesel::delete(quota_waiters::table.filter(quota_waiters::account_id.eq(account)))
                .execute(connection)
                .await
        }
    };
    saved.map_err(Error::query("keep an account's turn"))?;
    Ok(())
}

pub(super) async fn save_period(
    connection: &mut AsyncPgConnection,
    began: DateTime<Utc>,
) -> Result<(), Error> {
    diesel::update(quota_state::table)
        .set(quota_state::period_started_at.eq(began))
        .execute(connection)
        .await
        .map_err(Error::query("begin a period of the request ledger"))?;
    Ok(())
}

/// Closes a grant and counts what was used, at once. A success after the last refusal ends the row of refusals.
/// Prepared once a connection.
#[derive(Debug, QueryId)]
struct Close {
    id: Uuid,
    used: i64,
}

impl QueryFragment<Pg> for Close {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("with closed as (update quota_grants set closed_at = clock_timestamp(), amount = ");
        out.push_bind_param::<BigInt, _>(&self.used)?;
        out.push_sql(" where id = ");
        out.push_bind_param::<SqlUuid, _>(&self.id)?;
        out.push_sql(
            " and closed_at is null returning account_id, purpose, amount, granted_at), \
             recovered as (update quota_state s set refusals = 0 from closed \
                 where s.refusals > 0 and s.refused_at < closed.granted_at and closed.amount > 0) \
             insert into request_counts (account_id, purpose, hour, requests) \
             select account_id, purpose, date_trunc('hour', clock_timestamp()), amount from closed where amount > 0 \
             on conflict (account_id, purpose, hour) do update set requests = request_counts.requests + excluded.requests",
        );
        Ok(())
    }
}

pub(super) async fn close(connection: &mut AsyncPgConnection, id: Uuid, used: i64) -> Result<(), Error> {
    Close { id, used }.execute(connection).await.map_err(Error::query("give requests back"))?;
    Ok(())
}

/// Deletes what counts no more, and counts older than `keep_counts`.
pub(super) async fn forget(
    connection: &mut AsyncPgConnection,
    terms: &Terms,
    keep_counts: TimeDelta,
) -> Result<usize, Error> {
    let grants = diesel::sql_query(
        "delete from quota_grants where coalesce(closed_at, valid_until + make_interval(secs => $1)) \
         < clock_timestamp() - make_interval(secs => $2) - interval '1 minute'",
    )
    .bind::<Double, _>(seconds(terms.late))
    .bind::<Double, _>(seconds(terms.counts_for()))
    .execute(connection)
    .await
    .map_err(Error::query("forget old grants"))?;
    diesel::sql_query("delete from quota_waiters where returns_at < clock_timestamp() - interval '1 minute'")
        .execute(connection)
        .await
        .map_err(Error::query("forget who waited"))?;
    diesel::sql_query(
        "delete from request_counts where hour < clock_timestamp() - make_interval(secs => $1)",
    )
    .bind::<Double, _>(seconds(keep_counts))
    .execute(connection)
    .await
    .map_err(Error::query("forget old counts"))?;
    Ok(grants)
}

pub(super) fn seconds(delta: TimeDelta) -> f64 {
    delta.to_std().unwrap_or_default().as_secs_f64()
}
