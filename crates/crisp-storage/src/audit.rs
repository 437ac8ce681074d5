//! The audit log: who did what, and when. Append-only, for the tenant role by its rights as well.

use chrono::{DateTime, Utc};
use crisp_domain::ids::{IntegrationId, uuid_v7};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::database::Database;
use crate::error::Error;
use crate::schema::audit_entries;
use crate::session::AccountSession;

/// The actor of what is done from the command line, where no token says who it is.
pub const OPERATOR: &str = "operator";

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable)]
#[diesel(table_name = audit_entries)]
#[expect(missing_docs, reason = "the migration comments every column")]
pub struct AuditEntry {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub actor: String,
    pub action: String,
    pub integration_id: Option<Uuid>,
    pub detail: serde_json::Value,
}

/// Appends an entry, in the transaction of what it tells of. `detail` holds no secret and no personal data.
pub async fn append(
    session: &mut AccountSession,
    actor: &str,
    action: &str,
    integration: Option<IntegrationId>,
    detail: &serde_json::Value,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let account = session.account().as_uuid();
    diesel::insert_into(audit_entries::table)
        .values((
            audit_entries::account_id.eq(account),
            audit_entries::id.eq(uuid_v7(now)),
            audit_entries::at.eq(now),
            audit_entries::actor.eq(actor),
            audit_entries::action.eq(action),
            audit_entries::integration_id.eq(integration.map(|id| id.as_uuid())),
            audit_entries::detail.eq(detail),
        ))
        .execute(session.connection()?)
        .await
        .map_err(Error::query("append to the audit log"))?;
    Ok(())
}

/// The log of the account, newest first, older than the entry `before`; of one integration where one is given.
pub async fn list(
    session: &mut AccountSession,
    integration: Option<IntegrationId>,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<AuditEntry>, Error> {
    let account = session.account().as_uuid();
    let mut query = audit_entries::table.filter(audit_entries::account_id.eq(account)).into_boxed();
    if let Some(integration) = integration {
        query = query.filter(audit_entries::integration_id.eq(integration.as_uuid()));
    }
    if let Some(before) = before {
        query = query.filter(audit_entries::id.lt(before));
    }
    query
        .order(audit_entries::id.desc())
        .limit(limit)
        .select(AuditEntry::as_select())
        .load(session.connection()?)
        .await
        .map_err(Error::query("read the audit log"))
}

/// Appends an entry to the log of every account: of what is done to the whole deployment each of them may read.
///
/// One account after another, so a crash leaves some without it; whoever repeats what was done repeats the entry.
pub async fn append_everywhere(
    database: &Database,
    actor: &str,
    action: &str,
    detail: &serde_json::Value,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    for account in database.list_accounts().await? {
        let mut session = database.append(account).await?;
        append(&mut session, actor, action, None, detail, now).await?;
        session.commit().await?;
    }
    Ok(())
}
