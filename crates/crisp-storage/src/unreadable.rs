//! Records that could not be read, with the reason.

use chrono::{DateTime, Utc};
use crisp_domain::ids::IntegrationId;
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use crate::error::Error;
use crate::schema::unreadable_records;
use crate::session::AccountSession;

/// What kind of record could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A people profile.
    Profile,
    /// A conversation.
    Conversation,
    /// A message.
    Message,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Conversation => "conversation",
            Self::Message => "message",
        }
    }

    /// What Crisp lists them under.
    fn list(self) -> &'static str {
        match self {
            Self::Profile => "people",
            Self::Conversation => "conversations",
            Self::Message => "messages",
        }
    }
}

/// Lists odd records as (external id, reason); one that is listed already with that reason costs no write.
pub async fn save(
    session: &mut AccountSession,
    integration: IntegrationId,
    kind: Kind,
    records: &[(String, String)],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if records.is_empty() {
        return Ok(());
    }
    let mut records = records.to_vec();
    records.sort();
    records.dedup_by(|left, right| left.0 == right.0);
    let account = session.account().as_uuid();
    let (ids, details): (Vec<String>, Vec<String>) = records.into_iter().unzip();
    diesel::sql_query(
        "insert into unreadable_records (account_id, integration_id, kind, external_id, detail, seen_at) \
         select i.account_id, i.id, $3, u.external_id, u.detail, $6 from integrations i \
         cross join unnest($4::text[], $5::text[]) as u(external_id, detail) where i.account_id = $1 and i.id = $2 \
         order by u.external_id \
         on conflict (account_id, integration_id, kind, external_id) do update set detail = excluded.detail, seen_at = excluded.seen_at \
         where unreadable_records.detail is distinct from excluded.detail",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<SqlUuid, _>(integration.as_uuid())
    .bind::<Text, _>(kind.word())
    .bind::<Array<Text>, _>(ids)
    .bind::<Array<Text>, _>(details)
    .bind::<Timestamptz, _>(now)
    .execute(session.connection()?)
    .await
    .map_err(Error::query("list unreadable records"))?;
    Ok(())
}

/// Takes records off the list that read well again.
pub async fn clear(
    session: &mut AccountSession,
    integration: IntegrationId,
    kind: Kind,
    external_ids: &[String],
) -> Result<(), Error> {
    let account = session.account().as_uuid();
    diesel::delete(
        unreadable_records::table
            .filter(unreadable_records::account_id.eq(account))
            .filter(unreadable_records::integration_id.eq(integration.as_uuid()))
            .filter(unreadable_records::kind.eq(kind.word()))
            .filter(unreadable_records::external_id.eq_any(external_ids)),
    )
    .execute(session.connection()?)
    .await
    .map_err(Error::query("clear unreadable records"))?;
    Ok(())
}

/// How records without an id are called: by the place where they were met, such as `conversations page 2, row 7`.
pub fn place(kind: Kind, page: u32, row: usize) -> String {
    format!("{} page {page}, row {row}", kind.list())
}

/// Takes records without an id off the list, when the list that held them is about to be read anew: their places say
/// nothing about the next reading.
pub async fn clear_places(
    session: &mut AccountSession,
    integration: IntegrationId,
    kind: Kind,
) -> Result<(), Error> {
    let account = session.account().as_uuid();
    diesel::delete(
        unreadable_records::table
            .filter(unreadable_records::account_id.eq(account))
            .filter(unreadable_records::integration_id.eq(integration.as_uuid()))
            .filter(unreadable_records::kind.eq(kind.word()))
            .filter(unreadable_records::external_id.like(format!("{} page %, row %", kind.list()))),
    )
    .execute(session.connection()?)
    .await
    .map_err(Error::query("clear unreadable records without an id"))?;
    Ok(())
}

/// Takes transcripts and everything in them off the list, when they are about to be read from end to beginning.
pub async fn clear_transcripts(
    session: &mut AccountSession,
    integration: IntegrationId,
    session_ids: &[String],
) -> Result<(), Error> {
    if session_ids.is_empty() {
        return Ok(());
    }
    let account = session.account().as_uuid();
    diesel::sql_query(
        "delete from unreadable_records where account_id = $1 and integration_id = $2 and kind = 'message' \
         and exists (select from unnest($3::text[]) as s(id) where external_id = s.id or starts_with(external_id, s.id || ':'))",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<SqlUuid, _>(integration.as_uuid())
    .bind::<Array<Text>, _>(session_ids)
    .execute(session.connection()?)
    .await
    .map_err(Error::query("clear unreadable messages"))?;
    Ok(())
}
