//! The queue: which lane of which integration is due, and who works on it.
//!
//! Its rows are hints. The tenant rows are the truth (`applied_at is null`, a run under way, a wish), and
//! [`Database::signal`] or the sweep restores what a crash between the two lost.

use std::time::Duration;

use chrono::{DateTime, Utc};
use crisp_domain::ids::{AccountId, IntegrationId};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::database::Database;
use crate::error::Error;
use crate::session::AccountSession;

/// The channel on which idle workers hear that something became due.
pub const CHANNEL: &str = "crisp_work";

/// What kind of work a lane holds; the lanes of one integration run side by side.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, strum::Display, strum::EnumString, strum::IntoStaticStr,
)]
#[strum(serialize_all = "snake_case")]
pub enum Lane {
    /// Apply stored hooks.
    Hooks,
    /// Read wanted records and urgent messages.
    Live,
    /// Full, incremental and reconciliation passes.
    Sync,
    /// Re-map, purge.
    Upkeep,
}

/// A lease on one lane of one integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The account.
    pub account: AccountId,
    /// The integration.
    pub integration: IntegrationId,
    /// The lane.
    pub lane: Lane,
    /// Proves the holder; every write of the work is checked against it.
    pub token: Uuid,
    /// Failures in a row before this attempt.
    pub attempts: i32,
    /// Wake-ups counted when it was claimed.
    pub signals: i64,
    /// Whether the previous holder let the lease lapse.
    pub taken_over: bool,
}

#[derive(QueryableByName)]
struct Claimed {
    #[diesel(sql_type = SqlUuid)]
    account_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    integration_id: Uuid,
    #[diesel(sql_type = Text)]
    lane: String,
    #[diesel(sql_type = SqlUuid)]
    lease_token: Uuid,
    #[diesel(sql_type = Integer)]
    attempts: i32,
    #[diesel(sql_type = BigInt)]
    signals: i64,
    #[diesel(sql_type = Bool)]
    taken_over: bool,
}

/// How much a worker takes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slots {
    /// Items that it has room for.
    pub free: i64,
    /// Items of one account that it works on at a time, so that something is left for the others' that come later.
    pub each_account: i64,
}

/// How a slice of work ended, for the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// Nothing is left; a signal that came meanwhile makes it due again.
    Idle,
    /// Due again at this time, or earlier when signalled.
    DueAt(DateTime<Utc>),
    /// It failed: due again at this time. Signals that came while it ran do not shorten the wait; a later one does.
    FailedUntil(DateTime<Utc>),
}

const SIGNAL: &str = "with marked as ( \
     insert into work_items (integration_id, lane, account_id, due_at, signals) values ($1, $2, $3, $4, 1) \
     on conflict (integration_id, lane) do update set signals = work_items.signals + 1, \
         due_at = least(work_items.due_at, excluded.due_at) \
     returning due_at) \
     select pg_notify('crisp_work', '') from marked where due_at <= clock_timestamp()";

/// Makes a lane due at `at`, in the transaction that gave it something to do.
pub async fn signal(
    session: &mut AccountSession,
    integration: IntegrationId,
    lane: Lane,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let account = session.account();
    run_signal(session.connection()?, account, integration, lane, at).await
}

async fn run_signal(
    connection: &mut AsyncPgConnection,
    account: AccountId,
    integration: IntegrationId,
    lane: Lane,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let lane: &'static str = lane.into();
    diesel::sql_query(SIGNAL)
        .bind::<SqlUuid, _>(integration.as_uuid())
        .bind::<Text, _>(lane)
        .bind::<SqlUuid, _>(account.as_uuid())
        .bind::<Timestamptz, _>(at)
        .execute(connection)
        .await
        .map_err(Error::query("signal due work"))?;
    Ok(())
}

/// Checks that `lease` is still held, and keeps it from being taken over until this session ends.
pub async fn fence(session: &mut AccountSession, lease: &Lease) -> Result<(), Error> {
    #[derive(QueryableByName)]
    struct Held {
        #[diesel(sql_type = Bool)]
        held: bool,
    }
    let lane: &'static str = lease.lane.into();
    let held: Option<Held> = diesel::sql_query(
        "select leased_until > clock_timestamp() as held from work_items \
         where integration_id = $1 and lane = $2 and lease_token = $3 for share",
    )
    .bind::<SqlUuid, _>(lease.integration.as_uuid())
    .bind::<Text, _>(lane)
    .bind::<SqlUuid, _>(lease.token)
    .get_result(session.connection()?)
    .await
    .optional()
    .map_err(Error::query("check the lease"))?;
    if held.is_some_and(|row| row.held) { Ok(()) } else { Err(Error::LeaseLost) }
}

impl Database {
    /// Makes a lane due at `at` outside any session.
    pub async fn signal(
        &self,
        account: AccountId,
        integration: IntegrationId,
        lane: Lane,
        at: DateTime<Utc>,
    ) -> Result<(), Error> {
        let mut connection = self.system().await?;
        run_signal(&mut connection, account, integration, lane, at).await
    }

    /// Restores the hint that a lane is due at `at`, where a crash lost it: an idle lane, or one that is due later. A hint
    /// that is right is only looked at; each is a transaction of its own, so that it waits for nobody while it holds another.
    pub async fn restore(
        &self,
        account: AccountId,
        integration: IntegrationId,
        lane: Lane,
        at: DateTime<Utc>,
    ) -> Result<(), Error> {
        let lane: &'static str = lane.into();
        let mut connection = self.system().await?;
        diesel::sql_query(
            "insert into work_items (integration_id, lane, account_id, due_at) select $1, $2, $3, $4 \
             where not exists (select from work_items where integration_id = $1 and lane = $2 \
                 and (lease_token is not null or attempts > 0 or due_at <= $4)) \
             on conflict (integration_id, lane) do update set due_at = excluded.due_at \
             where work_items.lease_token is null and work_items.attempts = 0 \
               and (work_items.due_at is null or work_items.due_at > excluded.due_at)",
        )
        .bind::<SqlUuid, _>(integration.as_uuid())
        .bind::<Text, _>(lane)
        .bind::<SqlUuid, _>(account.as_uuid())
        .bind::<Timestamptz, _>(at)
        .execute(&mut connection)
        .await
        .map_err(Error::query("restore due work"))?;
        Ok(())
    }

    /// Claims due items of these lanes, as many as there are slots: of the accounts that hold least, those served longest
    /// ago first, however many integrations each has.
    pub async fn claim(
        &self,
        lanes: &[Lane],
        worker: &str,
        lease_for: Duration,
        slots: Slots,
    ) -> Result<Vec<Lease>, Error> {
        let lanes: Vec<&'static str> = lanes.iter().map(|lane| (*lane).into()).collect();
        let mut connection = self.system().await?;
        let claimed: Vec<Claimed> = diesel::sql_query(
            "with queued as ( \
                 select integration_id, lane, account_id, served_at, due_at, leased_by = $3 as ours, \
                     coalesce(leased_until >= clock_timestamp(), false) as held \
                 from work_items where due_at <= clock_timestamp() and lane = any($1)), \
             places as ( \
                 select integration_id, lane, max(served_at) over (partition by account_id) as account_served_at, \
                     count(*) filter (where held) over (partition by account_id) as held_anywhere, \
                     count(*) filter (where held and ours) over (partition by account_id) as held_here, \
                     row_number() over (partition by account_id order by held, served_at nulls first, due_at) as place \
                 from queued), \
             turns as (select *, held_anywhere + place as turn from places where held_here + place <= $5), \
             due as ( \
                 select w.integration_id, w.lane, w.lease_token is not null as taken_over \
                 from turns t join work_items w on w.integration_id = t.integration_id and w.lane = t.lane \
                 where w.due_at <= clock_timestamp() and (w.leased_until is null or w.leased_until < clock_timestamp()) \
                 order by t.turn, t.account_served_at nulls first, w.due_at limit $2 for no key update of w skip locked) \
             update work_items w set lease_token = gen_random_uuid(), leased_by = $3, \
                 leased_until = clock_timestamp() + make_interval(secs => $4), \
                 takeovers = w.takeovers + case when due.taken_over then 1 else 0 end \
             from due where w.integration_id = due.integration_id and w.lane = due.lane \
             returning w.account_id, w.integration_id, w.lane, w.lease_token, w.attempts, w.signals, due.taken_over",
        )
        .bind::<Array<Text>, _>(lanes)
        .bind::<BigInt, _>(slots.free)
        .bind::<Text, _>(worker)
        .bind::<diesel::sql_types::Double, _>(lease_for.as_secs_f64())
        .bind::<BigInt, _>(slots.each_account)
        .load(&mut connection)
        .await
        .map_err(Error::query("claim due work"))?;
        Ok(claimed.into_iter().filter_map(Claimed::lease).collect())
    }

    /// How long until the next item of these lanes can be claimed; `None`: none is due at any time.
    pub async fn until_due(&self, lanes: &[Lane]) -> Result<Option<Duration>, Error> {
        #[derive(QueryableByName)]
        struct Until {
            #[diesel(sql_type = Nullable<diesel::sql_types::Double>)]
            seconds: Option<f64>,
        }
        let lanes: Vec<&'static str> = lanes.iter().map(|lane| (*lane).into()).collect();
        let mut connection = self.system().await?;
        let until: Until = diesel::sql_query(
            "select extract(epoch from min(greatest(due_at, leased_until)) - clock_timestamp())::float8 as seconds \
             from work_items where due_at is not null and lane = any($1)",
        )
        .bind::<Array<Text>, _>(lanes)
        .get_result(&mut connection)
        .await
        .map_err(Error::query("look for the next due work"))?;
        Ok(until.seconds.map(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default()))
    }

    /// Claims the sync lane of one integration, due or not: for a sync run by hand. `None`: somebody holds it.
    pub async fn claim_one(
        &self,
        account: AccountId,
        integration: IntegrationId,
        lane: Lane,
        worker: &str,
        lease_for: Duration,
    ) -> Result<Option<Lease>, Error> {
        let lane: &'static str = lane.into();
        let mut connection = self.system().await?;
        let claimed: Option<Claimed> = diesel::sql_query(
            "insert into work_items as w (integration_id, lane, account_id, lease_token, leased_by, leased_until) \
             values ($1, $2, $3, gen_random_uuid(), $4, clock_timestamp() + make_interval(secs => $5)) \
             on conflict (integration_id, lane) do update set lease_token = excluded.lease_token, \
                 leased_by = excluded.leased_by, leased_until = excluded.leased_until \
             where w.leased_until is null or w.leased_until < clock_timestamp() \
             returning w.account_id, w.integration_id, w.lane, w.lease_token, w.attempts, w.signals, false as taken_over",
        )
        .bind::<SqlUuid, _>(integration.as_uuid())
        .bind::<Text, _>(lane)
        .bind::<SqlUuid, _>(account.as_uuid())
        .bind::<Text, _>(worker)
        .bind::<diesel::sql_types::Double, _>(lease_for.as_secs_f64())
        .get_result(&mut connection)
        .await
        .optional()
        .map_err(Error::query("claim an integration"))?;
        Ok(claimed.and_then(Claimed::lease))
    }

    /// Renews a lease, also one that lapsed and that nobody has taken over. `false`: it was lost.
    pub async fn renew(&self, lease: &Lease, lease_for: Duration) -> Result<bool, Error> {
        let lane: &'static str = lease.lane.into();
        let mut connection = self.system().await?;
        let renewed = diesel::sql_query(
            "update work_items set leased_until = clock_timestamp() + make_interval(secs => $4) \
             where integration_id = $1 and lane = $2 and lease_token = $3",
        )
        .bind::<SqlUuid, _>(lease.integration.as_uuid())
        .bind::<Text, _>(lane)
        .bind::<SqlUuid, _>(lease.token)
        .bind::<diesel::sql_types::Double, _>(lease_for.as_secs_f64())
        .execute(&mut connection)
        .await
        .map_err(Error::query("renew a lease"))?;
        Ok(renewed == 1)
    }

    /// Gives a lease back. A signal that came while the work ran is honoured.
    pub async fn release(&self, lease: &Lease, how: Release) -> Result<(), Error> {
        let (due_at, failed) = match how {
            Release::Idle => (None, false),
            Release::DueAt(at) => (Some(at), false),
            Release::FailedUntil(at) => (Some(at), true),
        };
        let lane: &'static str = lease.lane.into();
        let mut connection = self.system().await?;
        diesel::sql_query(
            "update work_items set lease_token = null, leased_until = null, leased_by = null, served_at = clock_timestamp(), \
             due_at = case when signals <> $4 and not $6 then least(clock_timestamp(), $5) else $5 end, \
             attempts = case when $6 then attempts + 1 else 0 end \
             where integration_id = $1 and lane = $2 and lease_token = $3",
        )
        .bind::<SqlUuid, _>(lease.integration.as_uuid())
        .bind::<Text, _>(lane)
        .bind::<SqlUuid, _>(lease.token)
        .bind::<BigInt, _>(lease.signals)
        .bind::<Nullable<Timestamptz>, _>(due_at)
        .bind::<Bool, _>(failed)
        .execute(&mut connection)
        .await
        .map_err(Error::query("give a lease back"))?;
        Ok(())
    }

    /// Forgets the work of an integration that was disconnected.
    pub async fn drop_work(&self, integration: IntegrationId, lanes: &[Lane]) -> Result<(), Error> {
        let lanes: Vec<&'static str> = lanes.iter().map(|lane| (*lane).into()).collect();
        let mut connection = self.system().await?;
        diesel::sql_query("update work_items set due_at = null where integration_id = $1 and lane = any($2)")
            .bind::<SqlUuid, _>(integration.as_uuid())
            .bind::<Array<Text>, _>(lanes)
            .execute(&mut connection)
            .await
            .map_err(Error::query("drop work"))?;
        Ok(())
    }
}

impl Claimed {
    fn lease(self) -> Option<Lease> {
        Some(Lease {
            account: AccountId::from(self.account_id),
            integration: IntegrationId::from(self.integration_id),
            lane: self.lane.parse().ok()?,
            token: self.lease_token,
            attempts: self.attempts,
            signals: self.signals,
            taken_over: self.taken_over,
        })
    }
}
