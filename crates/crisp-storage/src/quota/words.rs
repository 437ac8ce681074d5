//! What is asked of the ledger, and what it answers.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use crisp_domain::ids::AccountId;
use uuid::Uuid;

/// What a request is for.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum Purpose {
    /// A person waits for the answer.
    Interactive,
    /// Hooks and incremental syncs.
    Live,
    /// Everything that can wait.
    Backfill,
}

/// The limit that all processes share; they must agree on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaOptions {
    /// Requests in a window; `None` = unlimited: requests are only counted.
    pub limit: Option<NonZeroU32>,
    /// The window.
    pub window: Duration,
    /// After how long a request that was sent is given up.
    pub request_timeout: Duration,
}

/// Leave to send some requests, soon. Every grant is to be [closed](super::Ledger::close) once its requests are answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a grant that is not closed counts whole until it is certain that its holder died"]
pub struct Grant {
    /// UUIDv7.
    pub id: Uuid,
    /// For whom.
    pub account: AccountId,
    /// For what.
    pub purpose: Purpose,
    /// How many requests may be sent.
    pub amount: u32,
    /// No request may be sent after this moment.
    pub expires: Instant,
}

/// The ledger's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Requests may be sent.
    Granted(Grant),
    /// None may be sent now.
    Wait(Wait),
}

/// When to ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// When there will probably be room, by Postgres's clock.
    pub until: DateTime<Utc>,
    /// The same, from now on, whatever the clock of this machine says.
    pub wait_for: Duration,
}

/// Where the ledger stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerState {
    /// Requests in a window: the setting, or what Crisp was seen to grant. `None` = unlimited.
    pub limit: Option<u64>,
    /// What counts in the current window; open grants count whole.
    pub used: u64,
    /// What live and interactive work may still have now. `None` = unlimited.
    pub remaining_live: Option<u64>,
    /// What backfills may still have now. `None` = unlimited.
    pub remaining_backfill: Option<u64>,
    /// Crisp refused: nothing is granted before.
    pub blocked_until: Option<DateTime<Utc>>,
}

/// Requests of one account for one purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// The account.
    pub account: AccountId,
    /// What for.
    pub purpose: Purpose,
    /// How many.
    pub requests: u64,
}

impl Usage {
    pub(super) fn read((account, purpose, requests): (Uuid, String, i64)) -> Option<Self> {
        let requests = u64::try_from(requests).unwrap_or(0);
        Some(Self { account: AccountId::from(account), purpose: purpose.parse().ok()?, requests })
    }
}

impl Grant {
    /// When it was made, by Postgres's clock to the millisecond: its id says so.
    pub(super) fn granted_at(&self) -> Option<DateTime<Utc>> {
        let (seconds, nanoseconds) = self.id.get_timestamp()?.to_unix();
        DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanoseconds)
    }
}
