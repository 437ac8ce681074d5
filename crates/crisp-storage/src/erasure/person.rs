//! The deletion itself.

use chrono::{DateTime, Utc};
use crisp_domain::email::EmailKey;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use uuid::Uuid;

use super::mention::mentions;
use super::traces::{self, Traces};
use super::{ErasureKey, Trace, remember};
use crate::bulk::count;
use crate::directory;
use crate::error::Error;
use crate::schema::{
    contacts, conversations, hooks, messages, profiles, sightings, unreadable_records, wanted_records,
};
use crate::session::AccountSession;

/// Hooks read at a time when their bodies are searched.
const HOOKS_AT_A_TIME: i64 = 200;

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

/// Erases whoever has this e-mail from the account, in its write turn, and remembers the hashes that keep them away.
pub async fn erase_person(
    session: &mut AccountSession,
    key: &ErasureKey,
    email: &EmailKey,
    now: DateTime<Utc>,
) -> Result<Receipt, Error> {
    let traces = traces::find(session, email).await?;
    let hooks = delete_hooks(session, email, &traces).await?;
    delete_work(session, &traces).await?;
    let messages = delete_conversations(session, &traces).await?;
    let profiles = delete_profiles(session, email, &traces).await?;
    let contacts = delete_contacts(session, &traces.contacts).await?;
    let account = session.account();
    let email_hash = key.hash(account, Trace::Email(email));
    remember(session, email_hash, &traces.hashes(key, account, email_hash), now).await?;
    Ok(Receipt {
        contacts,
        profiles,
        conversations: count(traces.shown),
        messages,
        skipped: count(traces.conversations.len().saturating_sub(traces.shown)),
        hooks,
    })
}

#[derive(QueryableByName)]
struct StoredHook {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Bool)]
    theirs: bool,
    #[diesel(sql_type = Nullable<diesel::sql_types::Bytea>)]
    body: Option<Vec<u8>>,
}

/// Walks all stored hooks: those about the person, and those whose body holds the e-mail.
async fn delete_hooks(session: &mut AccountSession, email: &EmailKey, traces: &Traces) -> Result<u64, Error> {
    let account = session.account().as_uuid();
    let (mut after, mut deleted) = (Uuid::nil(), 0);
    loop {
        let page: Vec<StoredHook> = diesel::sql_query(
            "select h.id, t.theirs, case when t.theirs then null else h.body end as body from hooks h \
             cross join lateral (select coalesce(h.session_id = any($3), false) or coalesce(h.people_id = any($4), false)) as t(theirs) \
             where h.account_id = $1 and h.id > $2 order by h.id limit $5",
        )
        .bind::<SqlUuid, _>(account)
        .bind::<SqlUuid, _>(after)
        .bind::<Array<Text>, _>(&traces.sessions)
        .bind::<Array<Text>, _>(&traces.people)
        .bind::<BigInt, _>(HOOKS_AT_A_TIME)
        .load(session.connection()?)
        .await
        .map_err(Error::query("search stored hooks"))?;
        let Some(last) = page.last() else { return Ok(count(deleted)) };
        after = last.id;
        let speaks =
            |hook: &StoredHook| hook.theirs || hook.body.as_ref().is_some_and(|body| mentions(body, email));
        let theirs: Vec<Uuid> = page.iter().filter(|hook| speaks(hook)).map(|hook| hook.id).collect();
        deleted += diesel::delete(
            hooks::table.filter(hooks::account_id.eq(account)).filter(hooks::id.eq_any(theirs)),
        )
        .execute(session.connection()?)
        .await
        .map_err(Error::query("erase stored hooks"))?;
    }
}

/// What is still to be read of them, what was seen, and what could not be read.
async fn delete_work(session: &mut AccountSession, traces: &Traces) -> Result<(), Error> {
    let account = session.account().as_uuid();
    let (people, sessions) = (&traces.people, &traces.sessions);
    diesel::delete(
        wanted_records::table.filter(wanted_records::account_id.eq(account)).filter(
            (wanted_records::kind.eq("profile").and(wanted_records::external_id.eq_any(people))).or(
                wanted_records::kind.eq("conversation").and(wanted_records::external_id.eq_any(sessions)),
            ),
        ),
    )
    .execute(session.connection()?)
    .await
    .map_err(Error::query("erase wanted records"))?;
    diesel::delete(
        sightings::table.filter(sightings::account_id.eq(account)).filter(
            (sightings::kind.eq("profile").and(sightings::external_id.eq_any(people)))
                .or(sightings::kind.eq("conversation").and(sightings::external_id.eq_any(sessions))),
        ),
    )
    .execute(session.connection()?)
    .await
    .map_err(Error::query("erase sightings"))?;
    // A message is listed as session_id:fingerprint.
    let listed = diesel::dsl::sql::<Text>("split_part(external_id, ':', 1)");
    diesel::delete(
        unreadable_records::table.filter(unreadable_records::account_id.eq(account)).filter(
            (unreadable_records::kind.eq("profile").and(unreadable_records::external_id.eq_any(people)))
                .or(unreadable_records::kind.ne("profile").and(listed.eq_any(sessions))),
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
    let theirs = &traces.conversations;
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

/// A contact with another e-mail that such a profile enriched stays, unless only Crisp brought it.
async fn delete_profiles(
    session: &mut AccountSession,
    email: &EmailKey,
    traces: &Traces,
) -> Result<u64, Error> {
    let account = session.account().as_uuid();
    let enriched: Vec<Uuid> = diesel::delete(
        profiles::table.filter(profiles::account_id.eq(account)).filter(
            profiles::people_id
                .eq_any(&traces.people)
                .or(profiles::contact_id.eq_any(&traces.contacts))
                .or(profiles::email_key.eq(email.as_str())),
        ),
    )
    .returning(profiles::contact_id)
    .get_results(session.connection()?)
    .await
    .map_err(Error::query("erase profiles"))?;
    let others: Vec<Uuid> =
        enriched.iter().copied().filter(|contact| !traces.contacts.contains(contact)).collect();
    directory::delete_unused_contacts(session, &others).await?;
    forget_origin(session, &others).await?;
    Ok(count(enriched.len()))
}

/// Of what the mapping put into these contacts, the e-mail is not kept.
async fn forget_origin(session: &mut AccountSession, contacts: &[Uuid]) -> Result<(), Error> {
    let account = session.account().as_uuid();
    diesel::sql_query(
        "update contacts set from_crisp = from_crisp - 'email' where account_id = $1 and id = any($2) and from_crisp ? 'email'",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<Array<SqlUuid>, _>(contacts)
    .execute(session.connection()?)
    .await
    .map_err(Error::query("forget where an e-mail came from"))?;
    Ok(())
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
