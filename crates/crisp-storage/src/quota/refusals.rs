//! What Crisp's refusals leave behind.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::decide::Memory;
use crate::error::Error;
use crate::schema::quota_state;

/// What is remembered of Crisp's refusals, and the time.
pub(super) async fn read(connection: &mut AsyncPgConnection) -> Result<(DateTime<Utc>, Memory), Error> {
    let now = diesel::dsl::sql::<Timestamptz>("clock_timestamp()");
    let (now, blocked_until, refusals, refused_at) = quota_state::table
        .select((now, quota_state::blocked_until, quota_state::refusals, quota_state::refused_at))
        .first(connection)
        .await
        .map_err(Error::query("read whether Crisp refused"))?;
    Ok((now, Memory { blocked_until, refusals, refused_at, ..Memory::default() }))
}

pub(super) async fn save(connection: &mut AsyncPgConnection, memory: &Memory) -> Result<(), Error> {
    diesel::update(quota_state::table)
        .set((
            quota_state::blocked_until.eq(memory.blocked_until),
            quota_state::learnt_limit.eq(memory.learnt_limit),
            quota_state::learnt_until.eq(memory.learnt_until),
            quota_state::refusals.eq(memory.refusals),
            quota_state::refused_at.eq(memory.refused_at),
        ))
        .execute(connection)
        .await
        .map_err(Error::query("remember a refusal of Crisp"))?;
    Ok(())
}
