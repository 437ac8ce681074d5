//! The deletion itself.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use crisp_domain::email::EmailKey;
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use uuid::Uuid;

use super::traces::{self, Traces};
use super::{ErasureKey, Trace, TraceHash, remember, remember_with};
use crate::bulk::count;
use crate::directory;
use crate::error::Error;
use crate::schema::{
    contacts, conversations, hooks, messages, profiles, sightings, unreadable_records, wanted_records,
};
use crate::session::AccountSession;

/// What was erased.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// Contacts, the directory's included.
    pub contacts: u64,
    /// Crisp profiles as they came.
    pub profiles: u64,
    /// Conversations that were shown.
    pub conversations: u64,
    /// Messages in them.
    pub messages: u64,
    /// Conversations that were listed as skipped.
    pub skipped: u64,
    /// Stored hooks, dead letters included.
    pub hooks: u64,
}

/// What was erased, and whom it left changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erased {
    /// How much was erased.
    pub receipt: Receipt,
    /// Contacts that stay although one of the person's profiles enriched them: they still hold what it said.
    pub enriched: Vec<Uuid>,
}

/// A trace of an erased person that came in again.
#[derive(Clone)]
pub struct Met {
    /// The hashes that recognised them.
    pub by: Vec<TraceHash>,
    /// Conversations that are theirs.
    pub sessions: Vec<String>,
    /// Profiles that are theirs.
    pub people: Vec<String>,
    /// Ids under which they wrote; one that has a profile here is somebody else's.
    pub writers: Vec<String>,
}

impl std::fmt::Debug for Met {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Met").field("sessions", &self.sessions).finish_non_exhaustive()
    }
}

/// Erases whoever has this e-mail from the account, in its write turn, and remembers the hashes that keep them away.
pub async fn erase_person(
    session: &mut AccountSession,
    key: &ErasureKey,
    email: &EmailKey,
    now: DateTime<Utc>,
) -> Result<Erased, Error> {
    let traces = traces::of_email(session, email).await?;
    let erased = delete(session, &traces).await?;
    let account = session.account();
    let email_hash = key.hash(account, Trace::Email(email));
    remember(session, email_hash, &traces.hashes(key, account), now).await?;
    Ok(erased)
}

/// Erases what came in of a person that was erased before, and remembers by what else they are recognised. Returns
/// the contacts that one of their profiles enriched.
pub async fn erase_again(
    session: &mut AccountSession,
    key: &ErasureKey,
    met: &Met,
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>, Error> {
    let mut people = met.people.clone();
    people.extend(without_profile(session, &met.writers).await?);
    let traces = traces::of_names(session, &met.sessions, &people).await?;
    let erased = delete(session, &traces).await?;
    let hashes = traces.hashes(key, session.account());
    remember_with(session, &met.by, &hashes, now).await?;
    Ok(erased.enriched)
}

async fn delete(session: &mut AccountSession, traces: &Traces) -> Result<Erased, Error> {
    let hooks = delete_hooks(session, traces).await?;
    delete_work(session, traces).await?;
    let messages = delete_conversations(session, traces).await?;
    let (profiles, enriched) = delete_profiles(session, traces).await?;
    let contacts = delete_contacts(session, &traces.contact_ids()).await?;
    let receipt = Receipt {
        contacts,
        profiles,
        conversations: count(traces.shown),
        messages,
        skipped: count(traces.skipped),
        hooks,
    };
    Ok(Erased { receipt, enriched })
}

#[derive(QueryableByName)]
struct Writer {
    #[diesel(sql_type = Text)]
    people_id: String,
}

async fn without_profile(session: &mut AccountSession, writers: &[String]) -> Result<Vec<String>, Error> {
    if writers.is_empty() {
        return Ok(Vec::new());
    }
    let account = session.account().as_uuid();
    let found: Vec<Writer> = diesel::sql_query(
        "select u.people_id from unnest($2::text[]) as u(people_id) where not exists ( \
             select from profiles p where p.account_id = $1 and p.people_id = u.people_id)",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<Array<Text>, _>(writers)
    .load(session.connection()?)
    .await
    .map_err(Error::query("tell whose an id is"))?;
    Ok(found.into_iter().map(|row| row.people_id).collect())
}

/// Hooks about the person, and those whose body holds the e-mail.
async fn delete_hooks(session: &mut AccountSession, traces: &Traces) -> Result<u64, Error> {
    let account = session.account().as_uuid();
    let mentioning: Vec<Uuid> = traces.mentioning.iter().copied().collect();
    let deleted = diesel::delete(
        hooks::table.filter(hooks::account_id.eq(account)).filter(
            hooks::id
                .eq_any(mentioning)
                .or(hooks::session_id
                    .is_not_null()
                    .and(hooks::session_id.assume_not_null().eq_any(traces.session_ids())))
                .or(hooks::people_id
                    .is_not_null()
                    .and(hooks::people_id.assume_not_null().eq_any(traces.people_ids()))),
        ),
    )
    .execute(session.connection()?)
    .await
    .map_err(Error::query("erase stored hooks"))?;
    Ok(count(deleted))
}

/// What is still to be read of them, what was seen, and what could not be read.
async fn delete_work(session: &mut AccountSession, traces: &Traces) -> Result<(), Error> {
    let account = session.account().as_uuid();
    let (people, sessions) = (traces.people_ids(), traces.session_ids());
    diesel::delete(
        wanted_records::table.filter(wanted_records::account_id.eq(account)).filter(
            (wanted_records::kind.eq("profile").and(wanted_records::external_id.eq_any(&people))).or(
                wanted_records::kind.eq("conversation").and(wanted_records::external_id.eq_any(&sessions)),
            ),
        ),
    )
    .execute(session.connection()?)
    .await
    .map_err(Error::query("erase wanted records"))?;
    diesel::delete(
        sightings::table.filter(sightings::account_id.eq(account)).filter(
            (sightings::kind.eq("profile").and(sightings::external_id.eq_any(&people)))
                .or(sightings::kind.eq("conversation").and(sightings::external_id.eq_any(&sessions))),
        ),
    )
    .execute(session.connection()?)
    .await
    .map_err(Error::query("erase sightings"))?;
    // A message is listed as session_id:fingerprint.
    let listed = diesel::dsl::sql::<Text>("split_part(external_id, ':', 1)");
    diesel::delete(
        unreadable_records::table.filter(unreadable_records::account_id.eq(account)).filter(
            (unreadable_records::kind.eq("profile").and(unreadable_records::external_id.eq_any(&people)))
                .or(unreadable_records::kind.ne("profile").and(listed.eq_any(&sessions))),
        ),
    )
    .execute(session.connection()?)
    .await
    .map_err(Error::query("erase unreadable records"))?;
    Ok(())
}

/// Decisions and company links go with their conversation. Returns how many messages went.
async fn delete_conversations(session: &mut AccountSession, traces: &Traces) -> Result<u64, Error> {
    let account = session.account().as_uuid();
    let theirs = &traces.conversation_ids();
    let deleted = diesel::delete(
        messages::table
            .filter(messages::account_id.eq(account))
            .filter(messages::conversation_id.eq_any(theirs)),
    )
    .execute(session.connection()?)
    .await
    .map_err(Error::query("erase messages"))?;
    diesel::delete(
        conversations::table
            .filter(conversations::account_id.eq(account))
            .filter(conversations::id.eq_any(theirs)),
    )
    .execute(session.connection()?)
    .await
    .map_err(Error::query("erase conversations"))?;
    Ok(count(deleted))
}

/// Deletes profiles. A contact with another e-mail that such a profile enriched stays, unless only Crisp brought it.
async fn delete_profiles(session: &mut AccountSession, traces: &Traces) -> Result<(u64, Vec<Uuid>), Error> {
    let account = session.account().as_uuid();
    let on: Vec<Uuid> = diesel::delete(
        profiles::table.filter(profiles::account_id.eq(account)).filter(
            profiles::people_id
                .eq_any(traces.people_ids())
                .or(profiles::contact_id.eq_any(traces.contact_ids()))
                .or(profiles::email_key
                    .is_not_null()
                    .and(profiles::email_key.assume_not_null().eq_any(traces.email_keys()))),
        ),
    )
    .returning(profiles::contact_id)
    .get_results(session.connection()?)
    .await
    .map_err(Error::query("erase profiles"))?;
    let others: BTreeSet<Uuid> = on.iter().copied().filter(|id| !traces.contacts.contains(id)).collect();
    let others: Vec<Uuid> = others.into_iter().collect();
    let gone = directory::delete_unused_contacts(session, &others).await?;
    let enriched = others.into_iter().filter(|id| !gone.contains(id)).collect();
    Ok((count(on.len()), enriched))
}

async fn delete_contacts(session: &mut AccountSession, ids: &[Uuid]) -> Result<u64, Error> {
    let account = session.account().as_uuid();
    let deleted = diesel::delete(
        contacts::table.filter(contacts::account_id.eq(account)).filter(contacts::id.eq_any(ids)),
    )
    .execute(session.connection()?)
    .await
    .map_err(Error::query("erase contacts"))?;
    Ok(count(deleted))
}
