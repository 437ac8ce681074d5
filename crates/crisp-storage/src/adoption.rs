//! What one integration imported becomes another's: the same website, connected anew.
//!
//! Rows change their owner and nothing else: ids, contacts, `updated_at` and what points at the rows stay. What other
//! tables know of a conversation hangs on its id, so messages, decisions and companies come along by themselves.

use crisp_domain::ids::IntegrationId;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use crate::error::Error;
use crate::schema::{conversations, hooks, operators, profiles, unreadable_records, wanted_records};
use crate::session::AccountSession;

/// What there may be very much of, with the key that tells its rows apart.
const MANY: [&str; 3] = [
    "update profiles set integration_id = $3 where account_id = $1 and integration_id = $2 and people_id in ( \
         select people_id from profiles where account_id = $1 and integration_id = $2 limit $4)",
    "update conversations set integration_id = $3 where account_id = $1 and id in ( \
         select id from conversations where account_id = $1 and integration_id = $2 limit $4)",
    "update hooks set integration_id = $3 where account_id = $1 and id in ( \
         select id from hooks where account_id = $1 and integration_id = $2 limit $4)",
];

/// Hands up to `limit` rows over of each kind that there may be very many of, ahead of [`adopt`], while neither
/// integration is at work. Returns how many rows that were.
pub async fn adopt_some(
    session: &mut AccountSession,
    from: IntegrationId,
    to: IntegrationId,
    limit: i64,
) -> Result<usize, Error> {
    let account = session.account().as_uuid();
    let mut moved = 0;
    for statement in MANY {
        moved += diesel::sql_query(statement)
            .bind::<SqlUuid, _>(account)
            .bind::<SqlUuid, _>(from.as_uuid())
            .bind::<SqlUuid, _>(to.as_uuid())
            .bind::<BigInt, _>(limit)
            .execute(session.connection()?)
            .await
            .map_err(Error::query("hand some imported rows over"))?;
    }
    Ok(moved)
}

/// Hands every imported row of `from` to `to`, which must have none of its own. The records of past syncs stay where
/// they were made.
pub async fn adopt(
    session: &mut AccountSession,
    from: IntegrationId,
    to: IntegrationId,
) -> Result<(), Error> {
    let account = session.account().as_uuid();
    let (from, to) = (from.as_uuid(), to.as_uuid());
    macro_rules! hand_over {
        ($($table:ident),+ $(,)?) => {$(
            diesel::update(
                $table::table.filter($table::account_id.eq(account)).filter($table::integration_id.eq(from)),
            )
            .set($table::integration_id.eq(to))
            .execute(session.connection()?)
            .await
            .map_err(Error::query("hand imported rows over"))?;
        )+};
    }
    hand_over!(profiles, conversations, operators, unreadable_records, wanted_records, hooks);
    Ok(())
}
