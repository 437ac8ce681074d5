//! Finding a person before anything of them is deleted.
//!
//! One trace leads to the next (an address to a contact, a contact to its profiles, a profile to another address, a
//! hook to a conversation that nothing else tells of), so the search goes on until a round finds nothing new.

use std::collections::BTreeSet;

use crisp_client::{PeopleId, SessionId};
use crisp_domain::email::EmailKey;
use crisp_domain::ids::AccountId;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::overheard::{self, Overheard};
use super::{ErasureKey, Trace, TraceHash};
use crate::error::Error;
use crate::session::AccountSession;

/// Everything that leads to one person.
#[derive(Default)]
pub(super) struct Traces {
    pub(super) emails: BTreeSet<EmailKey>,
    pub(super) contacts: BTreeSet<Uuid>,
    pub(super) people: BTreeSet<String>,
    pub(super) sessions: BTreeSet<String>,
    pub(super) conversations: BTreeSet<Uuid>,
    /// Hooks whose body holds one of the addresses, whoever they are about.
    pub(super) mentioning: BTreeSet<Uuid>,
    pub(super) shown: usize,
    pub(super) skipped: usize,
}

/// Looks for whoever has this address, until nothing more leads to them.
pub(super) async fn of_email(session: &mut AccountSession, email: &EmailKey) -> Result<Traces, Error> {
    let mut traces = Traces { emails: BTreeSet::from([email.clone()]), ..Traces::default() };
    let mut listened_for = 0;
    loop {
        let before = traces.len();
        follow_contacts(session, email, &mut traces).await?;
        follow_profiles(session, &mut traces).await?;
        follow_conversations(session, &mut traces).await?;
        if traces.emails.len() > listened_for {
            // The only costly look: it walks all stored hooks, so only when there is another address to look for.
            listened_for = traces.emails.len();
            let heard = overheard::listen(session, &traces.emails).await?;
            take_overheard(session, heard, &mut traces).await?;
        }
        if traces.len() == before {
            return Ok(traces);
        }
    }
}

/// What is stored under these names, which are known to be the person's.
pub(super) async fn of_names(
    session: &mut AccountSession,
    sessions: &[String],
    people: &[String],
) -> Result<Traces, Error> {
    let mut traces = Traces {
        people: people.iter().cloned().collect(),
        sessions: sessions.iter().cloned().collect(),
        ..Traces::default()
    };
    follow_conversations(session, &mut traces).await?;
    Ok(traces)
}

#[derive(QueryableByName)]
struct ContactId {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// Contacts with the address they are erased by; with another of theirs only those that nobody but Crisp brought.
async fn follow_contacts(
    session: &mut AccountSession,
    email: &EmailKey,
    traces: &mut Traces,
) -> Result<(), Error> {
    let account = session.account().as_uuid();
    let found: Vec<ContactId> = diesel::sql_query(
        "select k.id from contacts k where k.account_id = $1 and (k.email_key = $2 or (k.email_key = any($3) and k.external_id is null))",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<Text, _>(email.as_str())
    .bind::<Array<Text>, _>(traces.email_keys())
    .load(session.connection()?)
    .await
    .map_err(Error::query("find a person's contacts"))?;
    traces.contacts.extend(found.into_iter().map(|row| row.id));
    Ok(())
}

#[derive(QueryableByName)]
struct FoundProfile {
    #[diesel(sql_type = Text)]
    people_id: String,
    #[diesel(sql_type = Nullable<Text>)]
    email_key: Option<String>,
}

/// Their profiles, and the addresses that those have, unless such an address is that of somebody in the directory.
async fn follow_profiles(session: &mut AccountSession, traces: &mut Traces) -> Result<(), Error> {
    let account = session.account().as_uuid();
    let found: Vec<FoundProfile> = diesel::sql_query(
        "select p.people_id, case when exists (select from contacts k where k.account_id = $1 and k.email_key = p.email_key \
             and k.external_id is not null and k.id <> all($3)) then null else p.email_key end as email_key \
         from profiles p where p.account_id = $1 and (p.email_key = any($2) or p.contact_id = any($3) or p.people_id = any($4))",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<Array<Text>, _>(traces.email_keys())
    .bind::<Array<SqlUuid>, _>(traces.contact_ids())
    .bind::<Array<Text>, _>(traces.people_ids())
    .load(session.connection()?)
    .await
    .map_err(Error::query("find a person's profiles"))?;
    for FoundProfile { people_id, email_key } in found {
        traces.people.insert(people_id);
        traces.emails.extend(email_key.as_deref().and_then(EmailKey::parse));
    }
    Ok(())
}

#[derive(QueryableByName)]
struct FoundConversation {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    session_id: String,
    #[diesel(sql_type = Nullable<Text>)]
    writer: Option<String>,
    #[diesel(sql_type = Bool)]
    shown: bool,
    #[diesel(sql_type = Bool)]
    skipped: bool,
}

/// Their conversations, and the ids under which they wrote without having a profile; never somebody else's profile.
async fn follow_conversations(session: &mut AccountSession, traces: &mut Traces) -> Result<(), Error> {
    let account = session.account().as_uuid();
    let found: Vec<FoundConversation> = diesel::sql_query(
        "select c.id, c.session_id, c.contact_id is not null and c.removed_at is null as shown, c.skip_reason is not null as skipped, \
             case when exists (select from profiles p where p.account_id = $1 and p.people_id = c.people_id) \
                 then null else c.people_id end as writer \
         from conversations c where c.account_id = $1 \
             and (c.email_key = any($2) or c.contact_id = any($3) or c.people_id = any($4) or c.session_id = any($5))",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<Array<Text>, _>(traces.email_keys())
    .bind::<Array<SqlUuid>, _>(traces.contact_ids())
    .bind::<Array<Text>, _>(traces.people_ids())
    .bind::<Array<Text>, _>(traces.session_ids())
    .load(session.connection()?)
    .await
    .map_err(Error::query("find a person's conversations"))?;
    traces.shown = found.iter().filter(|row| row.shown).count();
    traces.skipped = found.iter().filter(|row| row.skipped).count();
    for row in found {
        traces.conversations.insert(row.id);
        traces.sessions.insert(row.session_id);
        traces.people.extend(row.writer);
    }
    Ok(())
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// What hooks tell of the person, unless it is stored as somebody else's: an address that was typed into another's chat
/// makes that chat nobody's but the other's.
async fn take_overheard(
    session: &mut AccountSession,
    heard: Overheard,
    traces: &mut Traces,
) -> Result<(), Error> {
    let account = session.account().as_uuid();
    let others: Vec<Name> = diesel::sql_query(
        "select c.session_id as name from conversations c where c.account_id = $1 and c.session_id = any($2) \
             and (c.email_key <> all($4) or c.contact_id <> all($5)) \
         union all \
         select p.people_id from profiles p where p.account_id = $1 and p.people_id = any($3) \
             and (p.email_key is null or p.email_key <> all($4)) and p.contact_id <> all($5)",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<Array<Text>, _>(heard.sessions.iter().map(String::as_str).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(heard.people.iter().map(String::as_str).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(traces.email_keys())
    .bind::<Array<SqlUuid>, _>(traces.contact_ids())
    .load(session.connection()?)
    .await
    .map_err(Error::query("tell whose a hook is"))?;
    let others: BTreeSet<String> = others.into_iter().map(|row| row.name).collect();
    traces.mentioning.extend(heard.hooks);
    traces.sessions.extend(heard.sessions.into_iter().filter(|name| !others.contains(name)));
    traces.people.extend(heard.people.into_iter().filter(|name| !others.contains(name)));
    Ok(())
}

impl Traces {
    fn len(&self) -> usize {
        self.emails.len()
            + self.contacts.len()
            + self.people.len()
            + self.sessions.len()
            + self.conversations.len()
    }

    pub(super) fn email_keys(&self) -> Vec<&str> {
        self.emails.iter().map(EmailKey::as_str).collect()
    }

    pub(super) fn contact_ids(&self) -> Vec<Uuid> {
        self.contacts.iter().copied().collect()
    }

    pub(super) fn conversation_ids(&self) -> Vec<Uuid> {
        self.conversations.iter().copied().collect()
    }

    pub(super) fn people_ids(&self) -> Vec<&str> {
        self.people.iter().map(String::as_str).collect()
    }

    pub(super) fn session_ids(&self) -> Vec<&str> {
        self.sessions.iter().map(String::as_str).collect()
    }

    /// The hashes by which the person is recognised.
    pub(super) fn hashes(&self, key: &ErasureKey, account: AccountId) -> Vec<TraceHash> {
        let emails = self.emails.iter().map(|email| key.hash(account, Trace::Email(email)));
        let people =
            self.people.iter().map(|id| key.hash(account, Trace::People(&PeopleId::new(id.as_str()))));
        let sessions =
            self.sessions.iter().map(|id| key.hash(account, Trace::Session(&SessionId::new(id.as_str()))));
        emails.chain(people).chain(sessions).collect()
    }
}
