//! Hooks and wanted records that were given up: to be looked at, and tried again.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use crisp_domain::ids::IntegrationId;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::audit;
use crate::error::Error;
use crate::session::AccountSession;
use crate::work::{self, Lane};

/// Something that was given up after too many failures.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct DeadLetter {
    /// What [`retry`] knows it by: a hook's id, or `conversation:…` or `profile:…` with Crisp's id.
    #[diesel(sql_type = Text)]
    pub id: String,
    /// The integration.
    #[diesel(sql_type = SqlUuid)]
    pub integration_id: Uuid,
    /// A hook's event; of a wanted record the reason why it is wanted.
    #[diesel(sql_type = Text)]
    pub about: String,
    /// Attempts that failed.
    #[diesel(sql_type = Integer)]
    pub attempts: i32,
    /// Why the last one failed.
    #[diesel(sql_type = Nullable<Text>)]
    pub error: Option<String>,
    /// When it arrived or was first wanted.
    #[diesel(sql_type = Timestamptz)]
    pub since: DateTime<Utc>,
    /// When it was given up.
    #[diesel(sql_type = Timestamptz)]
    pub dead_at: DateTime<Utc>,
}

/// Where a page of dead letters ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    dead_at: DateTime<Utc>,
    id: String,
}

/// Which dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which<'a> {
    /// All of the account.
    All,
    /// The one with this [`DeadLetter::id`].
    One(&'a str),
}

impl DeadLetter {
    /// Where a page that ends with this letter ends.
    pub fn position(&self) -> Position {
        Position { dead_at: self.dead_at, id: self.id.clone() }
    }
}

/// The dead letters of the account after `after`, newest first.
pub async fn list(
    session: &mut AccountSession,
    after: Option<&Position>,
    limit: i64,
) -> Result<Vec<DeadLetter>, Error> {
    let account = session.account().as_uuid();
    diesel::sql_query(
        "with d as ( \
             select h.id::text collate \"C\" as id, h.integration_id, h.event as about, h.attempts, h.error, h.received_at as since, h.dead_at \
             from hooks h where h.account_id = $1 and h.dead_at is not null \
             union all \
             select (w.kind || ':' || w.external_id) collate \"C\", w.integration_id, w.reason, w.attempts, w.error, w.created_at, w.dead_at \
             from wanted_records w where w.account_id = $1 and w.dead_at is not null) \
         select d.* from d where $3::text is null or (d.dead_at, d.id) < ($2::timestamptz, $3) \
         order by d.dead_at desc, d.id desc limit $4",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<Nullable<Timestamptz>, _>(after.map(|position| position.dead_at))
    .bind::<Nullable<Text>, _>(after.map(|position| position.id.as_str()))
    .bind::<BigInt, _>(limit)
    .load(session.connection()?)
    .await
    .map_err(Error::query("list dead letters"))
}

/// Gives dead letters another chance, as if they had just come, wakes who works on them, and notes it in the log.
/// Returns how many.
pub async fn retry(
    session: &mut AccountSession,
    which: Which<'_>,
    now: DateTime<Utc>,
) -> Result<usize, Error> {
    let hooks = revive(
        session,
        "update hooks set dead_at = null, retry_at = $3, attempts = 0 \
         where account_id = $1 and dead_at is not null and ($2::text is null or id::text = $2) \
         returning integration_id",
        which,
        now,
    )
    .await?;
    let records = revive(
        session,
        "update wanted_records set dead_at = null, due_at = $3, attempts = 0, version = version + 1 \
         where account_id = $1 and dead_at is not null and ($2::text is null or kind || ':' || external_id = $2) \
         returning integration_id",
        which,
        now,
    )
    .await?;
    wake(session, &hooks, Lane::Hooks, now).await?;
    wake(session, &records, Lane::Live, now).await?;
    let revived = hooks.len() + records.len();
    if revived > 0 {
        let detail = json!({"hooks": hooks.len(), "records": records.len()});
        audit::append(session, audit::OPERATOR, "dead_letters.retried", None, &detail, now).await?;
    }
    Ok(revived)
}

#[derive(QueryableByName)]
struct Revived {
    #[diesel(sql_type = SqlUuid)]
    integration_id: Uuid,
}

async fn revive(
    session: &mut AccountSession,
    statement: &'static str,
    which: Which<'_>,
    now: DateTime<Utc>,
) -> Result<Vec<Revived>, Error> {
    let account = session.account().as_uuid();
    let id = match which {
        Which::All => None,
        Which::One(id) => Some(id),
    };
    diesel::sql_query(statement)
        .bind::<SqlUuid, _>(account)
        .bind::<Nullable<Text>, _>(id)
        .bind::<Timestamptz, _>(now)
        .load(session.connection()?)
        .await
        .map_err(Error::query("give dead letters another chance"))
}

async fn wake(
    session: &mut AccountSession,
    revived: &[Revived],
    lane: Lane,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let integrations: BTreeSet<Uuid> = revived.iter().map(|row| row.integration_id).collect();
    for integration in integrations {
        work::signal(session, IntegrationId::from(integration), lane, now).await?;
    }
    Ok(())
}
