//! Finding a person before anything of them is deleted.

use crisp_client::{PeopleId, SessionId};
use crisp_domain::email::EmailKey;
use crisp_domain::ids::AccountId;
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::{ErasureKey, Trace, TraceHash};
use crate::error::Error;
use crate::schema::{contacts, conversations};
use crate::session::AccountSession;

/// Everything that leads to one person.
pub(super) struct Traces {
    pub(super) contacts: Vec<Uuid>,
    pub(super) people: Vec<String>,
    pub(super) conversations: Vec<Uuid>,
    pub(super) sessions: Vec<String>,
    pub(super) shown: usize,
}

/// Looks for them by e-mail, then by what that leads to.
pub(super) async fn find(session: &mut AccountSession, email: &EmailKey) -> Result<Traces, Error> {
    let account = session.account().as_uuid();
    let contacts: Vec<Uuid> = contacts::table
        .filter(contacts::account_id.eq(account))
        .filter(contacts::email_key.eq(email.as_str()))
        .select(contacts::id)
        .load(session.connection()?)
        .await
        .map_err(Error::query("find a person's contacts"))?;
    let people = trace_people(session, email, &contacts).await?;
    let found: Vec<(Uuid, String, Option<String>)> = conversations::table
        .filter(conversations::account_id.eq(account))
        .filter(
            conversations::email_key
                .eq(email.as_str())
                .or(conversations::contact_id.eq_any(&contacts))
                .or(conversations::people_id.eq_any(&people)),
        )
        .order(conversations::id)
        .select((conversations::id, conversations::session_id, conversations::skip_reason))
        .load(session.connection()?)
        .await
        .map_err(Error::query("find a person's conversations"))?;
    let shown = found.iter().filter(|(_, _, skip_reason)| skip_reason.is_none()).count();
    let (conversations, sessions) = found.into_iter().map(|(id, session, _)| (id, session)).unzip();
    Ok(Traces { contacts, people, conversations, sessions, shown })
}

#[derive(QueryableByName)]
struct PersonId {
    #[diesel(sql_type = Text)]
    people_id: String,
}

/// The person's profiles, and the ids under which they wrote without having one here; never somebody else's profile.
async fn trace_people(
    session: &mut AccountSession,
    email: &EmailKey,
    contacts: &[Uuid],
) -> Result<Vec<String>, Error> {
    let account = session.account().as_uuid();
    let found: Vec<PersonId> = diesel::sql_query(
        "select p.people_id from profiles p where p.account_id = $1 and (p.email_key = $2 or p.contact_id = any($3)) \
         union \
         select c.people_id from conversations c where c.account_id = $1 and c.email_key = $2 and c.people_id is not null \
             and not exists (select from profiles p where p.account_id = $1 and p.people_id = c.people_id)",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<Text, _>(email.as_str())
    .bind::<Array<SqlUuid>, _>(contacts)
    .load(session.connection()?)
    .await
    .map_err(Error::query("find a person's profiles"))?;
    Ok(found.into_iter().map(|row| row.people_id).collect())
}

impl Traces {
    /// The hashes by which the person is recognised: these and the e-mail's.
    pub(super) fn hashes(&self, key: &ErasureKey, account: AccountId, email: TraceHash) -> Vec<TraceHash> {
        let people =
            self.people.iter().map(|id| key.hash(account, Trace::People(&PeopleId::new(id.as_str()))));
        let sessions =
            self.sessions.iter().map(|id| key.hash(account, Trace::Session(&SessionId::new(id.as_str()))));
        std::iter::once(email).chain(people).chain(sessions).collect()
    }
}
