//! The request ledger: one budget of Crisp requests for every process.
//!
//! Never more than the limit in *any* interval of the window's length, by construction: a grant counts whole from
//! the moment it is made until all its requests are answered and its holder closes it; from then on it counts what
//! was used, for one window. A grant whose holder died counts whole until one window after its last request can have
//! arrived. So whatever falls into one window was counted together when the last of it was granted. One row lock
//! serialises grants; closing takes it only after Crisp has refused something. All times are Postgres's.
//!
//! Interactive and live work may have everything, the clicks of one account's people a quarter of it, or a hundred where that is more.
//! Backfills leave a reserve, which is released towards the end of each period, and so does the live work of an account
//! that had a quarter: however noisy it is, the others' goes on. Backfills take turns: where room is scarce, the account
//! that had less in the window goes first.

mod decide;
mod entries;
mod outlook;
mod refusals;
mod rows;
mod terms;
mod words;

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use crisp_domain::ids::{AccountId, uuid_v7};
use diesel_async::AsyncPgConnection;
use uuid::Uuid;

use crate::database::Database;
use crate::error::Error;
use crate::transaction::Transaction;
use decide::{Standing, Verdict};
use terms::Terms;
pub use words::{Answer, Grant, LedgerState, Purpose, QuotaOptions, Usage, Wait};

/// How many requests are granted at once where nothing is limited.
const UNLIMITED_CHUNK: u32 = 50;
/// How long such a grant may be used: it is only for counting.
const UNLIMITED_VALIDITY: Duration = Duration::from_secs(30);
/// How long hourly counts are kept.
const KEEP_COUNTS: TimeDelta = TimeDelta::days(90);

/// The ledger. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ledger {
    database: Database,
    limit: Option<u32>,
    terms: Terms,
}

impl Ledger {
    /// The ledger in `database`.
    pub fn new(database: Database, options: QuotaOptions) -> Self {
        let limit = options.limit.map(NonZeroU32::get);
        let terms = Terms::new(limit.unwrap_or(u32::MAX), options.window, options.request_timeout);
        Self { database, limit, terms }
    }

    /// Asks for up to `want` requests. Part of them may be granted: ask again for the rest.
    pub async fn grant(&self, account: AccountId, purpose: Purpose, want: u32) -> Result<Answer, Error> {
        if self.limit.is_none() {
            return self.grant_unlimited(account, purpose, want).await;
        }
        let mut transaction = self.database.system_transaction(rows::LOCK).await?;
        // Before Postgres's own reading, so that the grant ends here no later than there.
        let asked = Instant::now();
        let standing = rows::standing(transaction.connection()?, &self.terms, account.as_uuid()).await?;
        if purpose == Purpose::Interactive
            && let Some(wait) = self.share_spent(transaction.connection()?, account, standing.now).await?
        {
            transaction.commit().await?;
            return Ok(Answer::Wait(wait));
        }
        let until = match standing.decide(self.terms, purpose, i64::from(want)) {
            Verdict::Grant(amount) => {
                let grant =
                    self.write_grant(&mut transaction, &standing, (account, purpose, amount), asked).await?;
                transaction.commit().await?;
                return Ok(Answer::Granted(grant));
            }
            Verdict::Blocked(until) => Some(until),
            Verdict::NotYourTurn => Some(standing.now + self.terms.poll()),
            Verdict::Full => None,
        };
        // Nobody else has to wait while this one is told when to come back.
        transaction.commit().await?;
        self.send_away(&standing, account, purpose, until).await.map(Answer::Wait)
    }

    /// Whether the people of an account have had their share of the window; if so, when there is more. However many of
    /// them click, the others' budget stays.
    pub async fn interactive_wait(&self, account: AccountId) -> Result<Option<Wait>, Error> {
        if self.limit.is_none() {
            return Ok(None);
        }
        let mut connection = self.database.system().await?;
        let standing = rows::standing(&mut connection, &self.terms, account.as_uuid()).await?;
        self.share_spent(&mut connection, account, standing.now).await
    }

    async fn share_spent(
        &self,
        connection: &mut AsyncPgConnection,
        account: AccountId,
        now: DateTime<Utc>,
    ) -> Result<Option<Wait>, Error> {
        let (used, first) = entries::interactive(connection, &self.terms, account.as_uuid()).await?;
        if used < self.terms.interactive_share() {
            return Ok(None);
        }
        let until = first.unwrap_or(now).max(now);
        Ok(Some(Wait { until, wait_for: (until - now).to_std().unwrap_or_default() }))
    }

    async fn send_away(
        &self,
        standing: &Standing,
        account: AccountId,
        purpose: Purpose,
        until: Option<DateTime<Utc>>,
    ) -> Result<Wait, Error> {
        let mut connection = self.database.system().await?;
        let until = if let Some(until) = until {
            until
        } else {
            let entries = entries::list(&mut connection, &self.terms, account.as_uuid()).await?;
            standing.room_from(self.terms, purpose, entries)
        };
        if purpose == Purpose::Backfill {
            rows::save_waiter(&mut connection, account, Some(until)).await?;
        }
        Ok(Wait { until, wait_for: (until - standing.now).to_std().unwrap_or_default() })
    }

    async fn write_grant(
        &self,
        transaction: &mut Transaction,
        standing: &Standing,
        (account, purpose, amount): (AccountId, Purpose, i64),
        asked: Instant,
    ) -> Result<Grant, Error> {
        let (id, valid_for) = (uuid_v7(standing.now), self.terms.valid_for());
        let period = standing.period(&self.terms);
        if period != standing.period_started_at {
            rows::save_period(transaction.connection()?, period).await?;
        }
        rows::insert_grant(
            transaction.connection()?,
            id,
            (account, purpose, amount),
            standing.now,
            valid_for,
        )
        .await?;
        if purpose == Purpose::Backfill {
            rows::save_waiter(transaction.connection()?, account, None).await?;
        }
        let expires = asked + valid_for.to_std().unwrap_or_default();
        let amount = u32::try_from(amount).unwrap_or(0);
        Ok(Grant { id, account, purpose, amount, expires })
    }

    async fn grant_unlimited(
        &self,
        account: AccountId,
        purpose: Purpose,
        want: u32,
    ) -> Result<Answer, Error> {
        let mut connection = self.database.system().await?;
        let (now, memory) = refusals::read(&mut connection).await?;
        if let Some(until) = memory.block(now) {
            return Ok(Answer::Wait(Wait { until, wait_for: (until - now).to_std().unwrap_or_default() }));
        }
        let amount = want.clamp(1, UNLIMITED_CHUNK);
        let expires = Instant::now() + UNLIMITED_VALIDITY;
        Ok(Answer::Granted(Grant { id: uuid_v7(now), account, purpose, amount, expires }))
    }

    /// Closes a grant on which `used` requests were sent, once they were all answered or given up. The rest is free
    /// again at once. Closing it a second time changes nothing.
    pub async fn close(&self, grant: &Grant, used: u32) -> Result<(), Error> {
        let mut connection = self.database.system().await?;
        let used = i64::from(used);
        if self.limit.is_none() {
            if used == 0 {
                return Ok(());
            }
            let granted_at = grant.granted_at().unwrap_or_default();
            let what = (grant.account, grant.purpose, used);
            rows::insert_grant(&mut connection, grant.id, what, granted_at, self.terms.valid_for()).await?;
        }
        rows::close(&mut connection, grant.id, used).await
    }

    /// Learns that Crisp refused a request (429, 420): nothing is granted for as long as it demands, or for a while.
    pub async fn refused(&self, retry_after: Option<Duration>) -> Result<(), Error> {
        let mut transaction = self.database.system_transaction(rows::LOCK).await?;
        let standing = rows::standing(transaction.connection()?, &self.terms, Uuid::nil()).await?;
        let used = self.limit.is_some().then_some(standing.used);
        let retry_after = retry_after.map(terms::delta);
        let memory = standing.memory.after_refusal(self.terms.window, used, retry_after, standing.now);
        tracing::warn!(blocked_until = ?memory.blocked_until, refusals = memory.refusals, "Crisp refused a request");
        refusals::save(transaction.connection()?, &memory).await?;
        transaction.commit().await
    }

    /// Where the ledger stands.
    pub async fn state(&self) -> Result<LedgerState, Error> {
        let mut connection = self.database.system().await?;
        let standing = rows::standing(&mut connection, &self.terms, Uuid::nil()).await?;
        let terms = standing.terms(self.terms);
        let count = |value: i64| u64::try_from(value).unwrap_or(0);
        let limited = |value: i64| self.limit.map(|_| count(value));
        Ok(LedgerState {
            limit: limited(terms.limit),
            used: count(standing.used),
            remaining_live: limited(standing.room(&terms, Purpose::Live)),
            remaining_backfill: limited(standing.room(&terms, Purpose::Backfill)),
            blocked_until: standing.memory.block(standing.now),
        })
    }

    /// When the last of so many requests of an account will probably be granted, if the next windows go as the last one
    /// did, and its rivals (accounts with a backfill of their own) go on. `None` = nothing is limited.
    pub async fn granted_by(
        &self,
        account: AccountId,
        purpose: Purpose,
        requests: u64,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        if self.limit.is_none() {
            return Ok(None);
        }
        let account = account.as_uuid();
        let mut connection = self.database.system().await?;
        let standing = rows::standing(&mut connection, &self.terms, account).await?;
        let entries = entries::list(&mut connection, &self.terms, account).await?;
        let rivals = match purpose {
            Purpose::Interactive | Purpose::Live => 0,
            Purpose::Backfill => entries::rivals(&mut connection, &self.terms, account).await?,
        };
        let wanted = (i64::try_from(requests).unwrap_or(i64::MAX), rivals);
        Ok(Some(standing.granted_by(self.terms, purpose, wanted, entries)))
    }

    /// What a purpose may still have now, blocked or not. `None` = unlimited.
    pub async fn remaining(&self, purpose: Purpose) -> Result<Option<u64>, Error> {
        let state = self.state().await?;
        Ok(match purpose {
            Purpose::Interactive | Purpose::Live => state.remaining_live,
            Purpose::Backfill => state.remaining_backfill,
        })
    }

    /// Who used the current window for what.
    pub async fn usage(&self) -> Result<Vec<Usage>, Error> {
        let mut connection = self.database.system().await?;
        let rows = entries::usage(&mut connection, &self.terms).await?;
        Ok(rows.into_iter().filter_map(Usage::read).collect())
    }

    /// Forgets what counts no more. Returns how many grants.
    pub async fn forget_old(&self) -> Result<usize, Error> {
        let mut connection = self.database.system().await?;
        rows::forget(&mut connection, &self.terms, KEEP_COUNTS).await
    }
}
