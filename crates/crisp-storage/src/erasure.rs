//! Erasing a person, and keeping them away.
//!
//! What is erased is remembered as keyed hashes only: enough to recognise the person when a sync meets them again,
//! nothing to learn them from. When the directory itself adds the e-mail again, [`readmit`] forgets all of them.

mod mention;
mod overheard;
mod person;
mod traces;

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use crisp_client::{PeopleId, SessionId};
use crisp_domain::email::EmailKey;
use crisp_domain::ids::AccountId;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bytea, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use sha2::Sha256;

use crate::error::Error;
use crate::schema::erasures;
use crate::session::AccountSession;
pub use mention::{addresses, given};
pub use person::{Erased, Met, Receipt, erase_again, erase_person};

/// The key of the hashes; from [`secrets::erasure_key`](crate::secrets::erasure_key).
#[derive(Debug, Clone)]
pub struct ErasureKey(SecretSlice<u8>);

/// What a person is recognised by.
#[derive(Debug, Clone, Copy)]
pub enum Trace<'a> {
    /// An e-mail.
    Email(&'a EmailKey),
    /// A Crisp profile.
    People(&'a PeopleId),
    /// A Crisp conversation.
    Session(&'a SessionId),
}

/// A keyed hash of a trace within one account; the same trace has another hash in another account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceHash([u8; 32]);

impl ErasureKey {
    pub(crate) fn new(bytes: SecretSlice<u8>) -> Self {
        Self(bytes)
    }

    /// The hash by which a trace is remembered.
    pub fn hash(&self, account: AccountId, trace: Trace<'_>) -> TraceHash {
        let (kind, value) = match trace {
            Trace::Email(email) => ("email", email.as_str()),
            Trace::People(people) => ("people", people.as_str()),
            Trace::Session(session) => ("session", session.as_str()),
        };
        self.hash_parts(account, kind, value)
    }

    /// A keyed hash of a website's token: whether Crisp reports the same one later can be told, the token cannot.
    pub fn hash_website_token(&self, account: AccountId, token: &SecretString) -> [u8; 32] {
        self.hash_parts(account, "website_token", token.expose_secret()).0
    }

    fn hash_parts(&self, account: AccountId, kind: &str, value: &str) -> TraceHash {
        // A key of any length is taken, so there is nothing to fail.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.expose_secret()) else {
            return TraceHash([0; 32]);
        };
        mac.update(account.as_uuid().as_bytes());
        mac.update(kind.as_bytes());
        mac.update(b"\0");
        mac.update(value.as_bytes());
        TraceHash(mac.finalize().into_bytes().into())
    }
}

/// Those of `hashes` that belong to an erased person.
pub async fn suppressed(
    session: &mut AccountSession,
    hashes: &[TraceHash],
) -> Result<HashSet<TraceHash>, Error> {
    if hashes.is_empty() {
        return Ok(HashSet::new());
    }
    let account = session.account().as_uuid();
    let found: Vec<Vec<u8>> = erasures::table
        .filter(erasures::account_id.eq(account))
        .filter(erasures::key_hash.eq_any(hashes.iter().map(|hash| hash.0.as_slice())))
        .select(erasures::key_hash)
        .distinct()
        .load(session.connection()?)
        .await
        .map_err(Error::query("look for erased people"))?;
    Ok(found.into_iter().filter_map(|hash| hash.try_into().ok().map(TraceHash)).collect())
}

/// Lets people in again whom the directory adds: forgets everything that was remembered with these e-mails. Returns
/// how many of them had been erased.
pub async fn readmit(session: &mut AccountSession, emails: &[TraceHash]) -> Result<usize, Error> {
    let back = suppressed(session, emails).await?;
    if back.is_empty() {
        return Ok(0);
    }
    let account = session.account().as_uuid();
    // Whichever of their addresses it is: the whole person comes back.
    diesel::sql_query(
        "delete from erasures e where e.account_id = $1 and e.email_hash in ( \
             select o.email_hash from erasures o where o.account_id = $1 and o.key_hash = any($2))",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<Array<Bytea>, _>(bytes(&back.iter().copied().collect::<Vec<_>>()))
    .execute(session.connection()?)
    .await
    .map_err(Error::query("let an erased person in again"))?;
    Ok(back.len())
}

/// Remembers the hashes of one person.
async fn remember(
    session: &mut AccountSession,
    email: TraceHash,
    hashes: &[TraceHash],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let account = session.account().as_uuid();
    diesel::sql_query(
        "insert into erasures (account_id, email_hash, key_hash, erased_at) \
         select p.id, $2, u.key_hash, $4 from accounts p cross join unnest($3::bytea[]) as u(key_hash) where p.id = $1 \
         order by u.key_hash on conflict (account_id, email_hash, key_hash) do nothing",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<Bytea, _>(email.0.as_slice())
    .bind::<Array<Bytea>, _>(bytes(hashes))
    .bind::<Timestamptz, _>(now)
    .execute(session.connection()?)
    .await
    .map_err(Error::query("remember an erased person"))?;
    Ok(())
}

/// Remembers more hashes of whoever is recognised by one of `known`.
async fn remember_with(
    session: &mut AccountSession,
    known: &[TraceHash],
    hashes: &[TraceHash],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let account = session.account().as_uuid();
    diesel::sql_query(
        "insert into erasures (account_id, email_hash, key_hash, erased_at) \
         select distinct e.account_id, e.email_hash, u.key_hash, $4::timestamptz from erasures e cross join unnest($3::bytea[]) as u(key_hash) \
         where e.account_id = $1 and e.key_hash = any($2) \
         order by e.email_hash, u.key_hash on conflict (account_id, email_hash, key_hash) do nothing",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<Array<Bytea>, _>(bytes(known))
    .bind::<Array<Bytea>, _>(bytes(hashes))
    .bind::<Timestamptz, _>(now)
    .execute(session.connection()?)
    .await
    .map_err(Error::query("remember more of an erased person"))?;
    Ok(())
}

fn bytes(hashes: &[TraceHash]) -> Vec<&[u8]> {
    hashes.iter().map(|hash| hash.0.as_slice()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> ErasureKey {
        ErasureKey::new(vec![byte; 32].into())
    }

    #[test]
    fn a_hash_depends_on_key_account_kind_and_value() {
        let now = DateTime::UNIX_EPOCH;
        let (one, two) = (AccountId::new_v7(now), AccountId::new_v7(now));
        let (ana, ben) =
            (EmailKey::parse("ana@x.example").unwrap(), EmailKey::parse("ben@x.example").unwrap());
        let people = PeopleId::new("ana@x.example");
        let hashes = [
            key(1).hash(one, Trace::Email(&ana)),
            key(2).hash(one, Trace::Email(&ana)),
            key(1).hash(two, Trace::Email(&ana)),
            key(1).hash(one, Trace::Email(&ben)),
            key(1).hash(one, Trace::People(&people)),
        ];
        assert_eq!(HashSet::from(hashes).len(), hashes.len());
        assert_eq!(key(1).hash(one, Trace::Email(&ana)), hashes[0]);
    }
}
