//! Deleting everything that one integration imported, piece by piece.

use crisp_domain::ids::IntegrationId;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::directory;
use crate::error::Error;
use crate::schema::integrations;
use crate::session::AccountSession;

/// What one step of a purge did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Purged {
    /// Whether nothing is left.
    pub done: bool,
    /// Contacts of the directory that lost a profile: they still hold what it said.
    pub enriched: Vec<Uuid>,
}

/// Deletes up to `limit` rows of what the integration imported, in the account's write turn.
///
/// What is left is the only bookmark, so it goes on after any interruption. The integration itself, its audit
/// entries and contacts of the directory stay.
pub async fn purge_step(
    session: &mut AccountSession,
    integration: IntegrationId,
    limit: i64,
) -> Result<Purged, Error> {
    for statement in FIRST {
        if delete(session, statement, integration, limit).await?.deleted > 0 {
            return Ok(Purged::default());
        }
    }
    let Deleted { deleted, contacts } = delete(session, CONVERSATIONS, integration, limit).await?;
    if deleted > 0 {
        directory::delete_unused_contacts(session, &contacts).await?;
        return Ok(Purged::default());
    }
    let Deleted { deleted, contacts } = delete(session, PROFILES, integration, limit).await?;
    if deleted > 0 {
        let gone = directory::delete_unused_contacts(session, &contacts).await?;
        let enriched = contacts.into_iter().filter(|contact| !gone.contains(contact)).collect();
        return Ok(Purged { done: false, enriched });
    }
    for statement in LAST {
        if delete(session, statement, integration, limit).await?.deleted > 0 {
            return Ok(Purged::default());
        }
    }
    forget_token(session, integration).await?;
    Ok(Purged { done: true, enriched: Vec::new() })
}

/// What has many rows for one of what comes later.
const FIRST: [&str; 2] = [
    "delete from messages m where m.account_id = $1 and (m.conversation_id, m.fingerprint) in ( \
         select o.conversation_id, o.fingerprint from messages o \
         join conversations c on c.account_id = o.account_id and c.id = o.conversation_id \
         where o.account_id = $1 and c.account_id = $1 and c.integration_id = $2 limit $3) returning null::uuid as contact_id",
    "delete from sightings s where s.account_id = $1 and (s.sync_id, s.kind, s.external_id) in ( \
         select o.sync_id, o.kind, o.external_id from sightings o \
         join sync_runs r on r.account_id = o.account_id and r.id = o.sync_id \
         where o.account_id = $1 and r.account_id = $1 and r.integration_id = $2 limit $3) returning null::uuid as contact_id",
];

/// Decisions and links go with a conversation. It may have been the last to hold a contact that only Crisp brought.
const CONVERSATIONS: &str = "delete from conversations c where c.account_id = $1 and c.id in ( \
     select o.id from conversations o where o.account_id = $1 and o.integration_id = $2 limit $3) returning c.contact_id";

const PROFILES: &str = "delete from profiles p where p.account_id = $1 and p.integration_id = $2 and p.people_id in ( \
     select o.people_id from profiles o where o.account_id = $1 and o.integration_id = $2 limit $3) returning p.contact_id";

const LAST: [&str; 5] = [
    "delete from hooks h where h.account_id = $1 and h.id in ( \
         select o.id from hooks o where o.account_id = $1 and o.integration_id = $2 limit $3) returning null::uuid as contact_id",
    "delete from wanted_records w where w.account_id = $1 and w.integration_id = $2 and (w.kind, w.external_id) in ( \
         select o.kind, o.external_id from wanted_records o where o.account_id = $1 and o.integration_id = $2 limit $3) \
         returning null::uuid as contact_id",
    "delete from unreadable_records r where r.account_id = $1 and r.integration_id = $2 and (r.kind, r.external_id) in ( \
         select o.kind, o.external_id from unreadable_records o where o.account_id = $1 and o.integration_id = $2 limit $3) \
         returning null::uuid as contact_id",
    "delete from operators p where p.account_id = $1 and p.integration_id = $2 and p.user_id in ( \
         select o.user_id from operators o where o.account_id = $1 and o.integration_id = $2 limit $3) \
         returning null::uuid as contact_id",
    "delete from sync_runs r where r.account_id = $1 and r.id in ( \
         select o.id from sync_runs o where o.account_id = $1 and o.integration_id = $2 limit $3) returning null::uuid as contact_id",
];

#[derive(QueryableByName)]
struct Gone {
    #[diesel(sql_type = Nullable<SqlUuid>)]
    contact_id: Option<Uuid>,
}

struct Deleted {
    deleted: usize,
    contacts: Vec<Uuid>,
}

async fn delete(
    session: &mut AccountSession,
    statement: &'static str,
    integration: IntegrationId,
    limit: i64,
) -> Result<Deleted, Error> {
    let account = session.account().as_uuid();
    let gone: Vec<Gone> = diesel::sql_query(statement)
        .bind::<SqlUuid, _>(account)
        .bind::<SqlUuid, _>(integration.as_uuid())
        .bind::<BigInt, _>(limit)
        .load(session.connection()?)
        .await
        .map_err(Error::query("purge what was imported"))?;
    let mut contacts: Vec<Uuid> = gone.iter().filter_map(|row| row.contact_id).collect();
    contacts.sort_unstable();
    contacts.dedup();
    Ok(Deleted { deleted: gone.len(), contacts })
}

async fn forget_token(session: &mut AccountSession, integration: IntegrationId) -> Result<(), Error> {
    let account = session.account().as_uuid();
    diesel::update(
        integrations::table
            .filter(integrations::account_id.eq(account))
            .filter(integrations::id.eq(integration.as_uuid())),
    )
    .set(integrations::website_token.eq(None::<Vec<u8>>))
    .execute(session.connection()?)
    .await
    .map_err(Error::query("forget a website token"))?;
    Ok(())
}
