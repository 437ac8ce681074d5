//! What one integration imported becomes another's: the same website, connected anew.
//!
//! Rows change their owner and nothing else: ids, contacts, `updated_at` and what points at the rows stay. What other
//! tables know of a conversation hangs on its id, so messages, decisions and companies come along by themselves.

use crisp_domain::ids::IntegrationId;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::error::Error;
use crate::schema::{conversations, hooks, operators, profiles, unreadable_records, wanted_records};
use crate::session::AccountSession;

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
