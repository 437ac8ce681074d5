//! What a complete pass has seen, so that what it has not seen can be asked after.

use crisp_domain::ids::{IntegrationId, SyncId};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use crate::error::Error;
use crate::schema::sightings;
use crate::session::AccountSession;

/// What is sighted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A people profile.
    Profile,
    /// A conversation.
    Conversation,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Conversation => "conversation",
        }
    }
}

/// Notes that the pass has seen these records. Returns how many it had not seen before.
pub async fn record(
    session: &mut AccountSession,
    sync: SyncId,
    kind: Kind,
    external_ids: &[String],
) -> Result<u64, Error> {
    let account = session.account().as_uuid();
    let added = diesel::sql_query(
        "insert into sightings (account_id, sync_id, kind, external_id) \
         select s.account_id, s.id, $3, u.external_id from sync_runs s cross join unnest($4::text[]) as u(external_id) \
         where s.account_id = $1 and s.id = $2 order by u.external_id on conflict do nothing",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<SqlUuid, _>(sync.as_uuid())
    .bind::<Text, _>(kind.word())
    .bind::<Array<Text>, _>(external_ids)
    .execute(session.connection()?)
    .await
    .map_err(Error::query("note sightings"))?;
    Ok(crate::bulk::count(added))
}

#[derive(QueryableByName)]
struct Unseen {
    #[diesel(sql_type = Text)]
    external_id: String,
}

/// Sessions of live conversations that existed before the pass began and that it has not seen, after `after`.
pub async fn list_unseen_conversations(
    session: &mut AccountSession,
    integration: IntegrationId,
    sync: SyncId,
    existed_before: chrono::DateTime<chrono::Utc>,
    after: &str,
    limit: i64,
) -> Result<Vec<String>, Error> {
    list_unseen(
        session,
        "select c.session_id as external_id from conversations c where c.account_id = $1 and c.integration_id = $2 \
         and c.removed_at is null and c.created_at < $4 and c.session_id > $5 and not exists (select from sightings s \
         where s.account_id = $1 and s.sync_id = $3 and s.kind = 'conversation' and s.external_id = c.session_id) \
         order by c.session_id limit $6",
        (integration, sync, existed_before, after, limit),
    )
    .await
}

/// People ids of profiles that existed before the pass began and that it has not seen, after `after`.
pub async fn list_unseen_profiles(
    session: &mut AccountSession,
    integration: IntegrationId,
    sync: SyncId,
    existed_before: chrono::DateTime<chrono::Utc>,
    after: &str,
    limit: i64,
) -> Result<Vec<String>, Error> {
    list_unseen(
        session,
        "select p.people_id as external_id from profiles p where p.account_id = $1 and p.integration_id = $2 \
         and p.created_at < $4 and p.people_id > $5 and not exists (select from sightings s \
         where s.account_id = $1 and s.sync_id = $3 and s.kind = 'profile' and s.external_id = p.people_id) \
         order by p.people_id limit $6",
        (integration, sync, existed_before, after, limit),
    )
    .await
}

async fn list_unseen(
    session: &mut AccountSession,
    statement: &'static str,
    (integration, sync, existed_before, after, limit): (
        IntegrationId,
        SyncId,
        chrono::DateTime<chrono::Utc>,
        &str,
        i64,
    ),
) -> Result<Vec<String>, Error> {
    let account = session.account().as_uuid();
    let rows: Vec<Unseen> = diesel::sql_query(statement)
        .bind::<SqlUuid, _>(account)
        .bind::<SqlUuid, _>(integration.as_uuid())
        .bind::<SqlUuid, _>(sync.as_uuid())
        .bind::<Timestamptz, _>(existed_before)
        .bind::<Text, _>(after)
        .bind::<BigInt, _>(limit)
        .load(session.connection()?)
        .await
        .map_err(Error::query("list what a pass has not seen"))?;
    Ok(rows.into_iter().map(|row| row.external_id).collect())
}

/// Forgets the sightings of a pass that ended.
pub async fn clear(session: &mut AccountSession, sync: SyncId) -> Result<(), Error> {
    let account = session.account().as_uuid();
    diesel::delete(
        sightings::table
            .filter(sightings::account_id.eq(account))
            .filter(sightings::sync_id.eq(sync.as_uuid())),
    )
    .execute(session.connection()?)
    .await
    .map_err(Error::query("forget sightings"))?;
    Ok(())
}
