//! What counts, entry by entry and by account.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Double, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::decide::Entry;
use super::rows::{COUNTED, seconds};
use super::terms::Terms;
use crate::error::Error;

#[derive(QueryableByName)]
struct EntryRow {
    #[diesel(sql_type = BigInt)]
    amount: i64,
    #[diesel(sql_type = Bool)]
    live: bool,
    #[diesel(sql_type = Bool)]
    own_live: bool,
    #[diesel(sql_type = Timestamptz)]
    valid_until: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    closed_at: Option<DateTime<Utc>>,
}

/// Everything that counts, entry by entry, as `account` sees it.
pub(super) async fn list(
    connection: &mut AsyncPgConnection,
    terms: &Terms,
    account: Uuid,
) -> Result<Vec<Entry>, Error> {
    let rows: Vec<EntryRow> = diesel::sql_query(format!(
        "with args as (select $1 as late, $2 as counts_for), {COUNTED} select amount, purpose <> 'backfill' as live, \
             purpose = 'live' and account_id = $3 as own_live, valid_until, closed_at from counted"
    ))
    .bind::<Double, _>(seconds(terms.late))
    .bind::<Double, _>(seconds(terms.counts_for()))
    .bind::<SqlUuid, _>(account)
    .load(connection)
    .await
    .map_err(Error::query("read the entries of the request ledger"))?;
    let entry = |row: EntryRow| Entry {
        counts_until: row.closed_at.unwrap_or(row.valid_until + terms.late) + terms.counts_for(),
        amount: row.amount,
        live: row.live,
        own_live: row.own_live,
        open_until: row.closed_at.is_none().then_some(row.valid_until),
    };
    Ok(rows.into_iter().map(entry).collect())
}

/// Requests in the window by account and purpose.
pub(super) async fn usage(
    connection: &mut AsyncPgConnection,
    terms: &Terms,
) -> Result<Vec<(Uuid, String, i64)>, Error> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        account_id: Uuid,
        #[diesel(sql_type = Text)]
        purpose: String,
        #[diesel(sql_type = BigInt)]
        requests: i64,
    }
    let rows: Vec<Row> = diesel::sql_query(format!(
        "with args as (select $1 as late, $2 as counts_for), {COUNTED} select account_id, purpose, sum(amount)::bigint as requests from counted group by 1, 2 order by 1, 2"
    ))
    .bind::<Double, _>(seconds(terms.late))
    .bind::<Double, _>(seconds(terms.counts_for()))
    .load(connection)
    .await
    .map_err(Error::query("read who used the requests"))?;
    Ok(rows.into_iter().map(|row| (row.account_id, row.purpose, row.requests)).collect())
}

/// What the clicks of one account's people count for in the window, and when the first of it counts no more.
pub(super) async fn interactive(
    connection: &mut AsyncPgConnection,
    terms: &Terms,
    account: Uuid,
) -> Result<(i64, Option<DateTime<Utc>>), Error> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        requests: i64,
        #[diesel(sql_type = Nullable<Timestamptz>)]
        first: Option<DateTime<Utc>>,
    }
    let row: Row = diesel::sql_query(format!(
        "with args as (select $1 as late, $2 as counts_for), {COUNTED} select coalesce(sum(amount), 0)::bigint as requests, \
             min(coalesce(closed_at, valid_until)) as first from counted where account_id = $3 and purpose = 'interactive' and amount > 0"
    ))
    .bind::<Double, _>(seconds(terms.late))
    .bind::<Double, _>(seconds(terms.counts_for()))
    .bind::<SqlUuid, _>(account)
    .get_result(connection)
    .await
    .map_err(Error::query("read what an account's people asked for"))?;
    Ok((row.requests, row.first.map(|first| first + terms.counts_for())))
}

/// How many other accounts have backfills of late, or wait for leave to go on with one.
pub(super) async fn rivals(
    connection: &mut AsyncPgConnection,
    terms: &Terms,
    account: Uuid,
) -> Result<i64, Error> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        rivals: i64,
    }
    let row: Row = diesel::sql_query(format!(
        "with args as (select $1 as late, $2 as counts_for), {COUNTED} select count(*) as rivals from ( \
             select account_id from counted where purpose = 'backfill' and amount > 0 \
                 and coalesce(closed_at, (select now from t)) > (select now from t) - make_interval(secs => $4) \
             union select account_id from quota_waiters cross join t where returns_at > t.now) rivals \
         where account_id <> $3"
    ))
    .bind::<Double, _>(seconds(terms.late))
    .bind::<Double, _>(seconds(terms.counts_for()))
    .bind::<SqlUuid, _>(account)
    .bind::<Double, _>(seconds(terms.recently()))
    .get_result(connection)
    .await
    .map_err(Error::query("count who else has a backfill"))?;
    Ok(row.rivals)
}
