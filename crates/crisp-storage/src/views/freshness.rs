//! How fresh an account's integrations are: what waits, since when, and as of when the rest is true.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::error::Error;
use crate::session::AccountSession;

/// What waits in one integration.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Freshness {
    /// The integration.
    #[diesel(sql_type = SqlUuid)]
    pub integration_id: Uuid,
    /// Where it stands, in the contract's words.
    #[diesel(sql_type = Text)]
    pub state: String,
    /// Everything that happened in Crisp before this moment is here, as far as lists can tell.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub synced_at: Option<DateTime<Utc>>,
    /// When the last web hook arrived.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub last_hook_at: Option<DateTime<Utc>>,
    /// Since when the hook channel counts as silent or lossy.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub hook_gap_since: Option<DateTime<Utc>>,
    /// Hooks that have arrived and are still to be applied.
    #[diesel(sql_type = BigInt)]
    pub hooks_pending: i64,
    /// When the oldest of them arrived.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub oldest_hook_at: Option<DateTime<Utc>>,
    /// Records that are still to be read from Crisp one by one.
    #[diesel(sql_type = BigInt)]
    pub records_wanted: i64,
    /// Conversations whose messages are still to be read.
    #[diesel(sql_type = BigInt)]
    pub transcripts_due: i64,
    /// Hooks and records that were given up.
    #[diesel(sql_type = BigInt)]
    pub dead_letters: i64,
}

impl Freshness {
    /// How far this integration is behind Crisp; `None` while nothing was imported or nothing is meant to be.
    pub fn lag(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        let synced_at =
            self.synced_at.filter(|_| self.state == "active" || self.state == "needs_attention")?;
        Some((now - synced_at).max(TimeDelta::zero()))
    }
}

/// Every integration of the account that is not disconnected, oldest first.
pub async fn list(session: &mut AccountSession) -> Result<Vec<Freshness>, Error> {
    let account = session.account().as_uuid();
    diesel::sql_query(
        "select i.id as integration_id, i.state, i.synced_at, i.last_hook_at, i.hook_gap_since, \
             h.pending as hooks_pending, h.oldest as oldest_hook_at, \
             (select count(*) from wanted_records w where w.account_id = $1 and w.integration_id = i.id and w.dead_at is null) as records_wanted, \
             (select count(*) from conversations c where c.account_id = $1 and c.integration_id = i.id and c.messages_due \
                 and c.contact_id is not null and c.removed_at is null) as transcripts_due, \
             (select count(*) from hooks d where d.account_id = $1 and d.integration_id = i.id and d.dead_at is not null) \
             + (select count(*) from wanted_records w where w.account_id = $1 and w.integration_id = i.id and w.dead_at is not null) as dead_letters \
         from integrations i \
         cross join lateral (select count(*) as pending, min(p.received_at) as oldest from hooks p \
             where p.account_id = $1 and p.integration_id = i.id and p.applied_at is null and p.dead_at is null) h \
         where i.account_id = $1 and i.state <> 'disconnected' order by i.id",
    )
    .bind::<SqlUuid, _>(account)
    .load(session.connection()?)
    .await
    .map_err(Error::query("read how fresh the integrations are"))
}
