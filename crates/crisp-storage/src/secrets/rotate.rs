//! Sealing everything again with the first key, while everything runs.

use chrono::{DateTime, Utc};
use crisp_domain::ids::{AccountId, IntegrationId};
use diesel::prelude::*;
use diesel::sql_types::{Bytea, Integer, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use secrecy::ExposeSecret;
use serde_json::json;
use uuid::Uuid;

use crate::audit;
use crate::database::Database;
use crate::error::Error;
use crate::schema::{integrations, sealed_secrets};
use crate::session::AccountSession;
use crate::vault::{KeyRing, Place};

/// How far a rotation is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rotation {
    /// Accounts looked at.
    pub accounts_done: u64,
    /// Accounts there are.
    pub accounts_total: u64,
    /// Secrets of the deployment that were sealed again.
    pub secrets: u64,
    /// Website tokens that were sealed again.
    pub website_tokens: u64,
}

/// Seals everything with the first key that is sealed with another one.
///
/// What is sealed with the first key already is passed over, so a rotation that was interrupted goes on where it
/// stopped. Nothing that others write meanwhile is lost: a secret is replaced only if it is still what was read, a
/// token within its account's write turn. `progress` is called after every account. At the end everything is looked at
/// once more, and every account's log says that the keys were rotated.
pub async fn rotate(
    database: &Database,
    ring: &KeyRing,
    now: DateTime<Utc>,
    mut progress: impl FnMut(&Rotation),
) -> Result<Rotation, Error> {
    let accounts = database.list_accounts().await?;
    let mut rotation = Rotation { accounts_total: crate::bulk::count(accounts.len()), ..Rotation::default() };
    rotation.secrets = reseal_secrets(database, ring, now).await?;
    for account in accounts {
        rotation.website_tokens += reseal_tokens(database, ring, account, now).await?;
        rotation.accounts_done += 1;
        progress(&rotation);
    }
    verify(database, ring).await?;
    let detail = json!({"key_id": ring.first_id()});
    audit::append_everywhere(database, audit::OPERATOR, "keys.rotated", &detail, now).await?;
    Ok(rotation)
}

/// Looks at everything once more: a process that does not know the new key yet may have sealed something with an old
/// one behind the rotation's back, and whoever takes the old key away then loses it.
async fn verify(database: &Database, ring: &KeyRing) -> Result<(), Error> {
    let mut left = old_secrets(database, ring).await?.len();
    for account in database.list_accounts().await? {
        let mut session = database.read_primary(account).await?;
        left += old_tokens(&mut session, ring).await?.len();
        session.commit().await?;
    }
    if left > 0 { Err(Error::SealedMeanwhile { left }) } else { Ok(()) }
}

#[derive(QueryableByName)]
struct OldSecret {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bytea)]
    sealed: Vec<u8>,
}

async fn reseal_secrets(database: &Database, ring: &KeyRing, now: DateTime<Utc>) -> Result<u64, Error> {
    let old = old_secrets(database, ring).await?;
    let mut connection = database.system().await?;
    let mut resealed = 0;
    for OldSecret { name, sealed } in old {
        let place = Place::secret("a stored secret", &name);
        let fresh = ring.seal(&place, ring.open(&place, &sealed)?.expose_secret())?;
        let unchanged = sealed_secrets::table
            .filter(sealed_secrets::name.eq(name))
            .filter(sealed_secrets::sealed.eq(sealed));
        resealed += diesel::update(unchanged)
            .set((sealed_secrets::sealed.eq(fresh), sealed_secrets::updated_at.eq(now)))
            .execute(&mut connection)
            .await
            .map_err(Error::query("seal a secret again"))?;
    }
    Ok(crate::bulk::count(resealed))
}

async fn old_secrets(database: &Database, ring: &KeyRing) -> Result<Vec<OldSecret>, Error> {
    let header = ring.current_header();
    let mut connection = database.system().await?;
    diesel::sql_query(
        "select name, sealed from sealed_secrets where substr(sealed, 1, $1) <> $2 order by name",
    )
    .bind::<Integer, _>(length(&header))
    .bind::<Bytea, _>(&header)
    .load(&mut connection)
    .await
    .map_err(Error::query("list secrets sealed with another key"))
}

#[derive(QueryableByName)]
struct OldToken {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Bytea)]
    website_token: Vec<u8>,
}

/// The write turn is taken only by an account that has something to seal again.
async fn reseal_tokens(
    database: &Database,
    ring: &KeyRing,
    account: AccountId,
    now: DateTime<Utc>,
) -> Result<u64, Error> {
    let mut session = database.read_primary(account).await?;
    if old_tokens(&mut session, ring).await?.is_empty() {
        return Ok(0);
    }
    session.commit().await?;
    let mut session = database.write(account).await?;
    let mut resealed = 0;
    for OldToken { id, website_token } in old_tokens(&mut session, ring).await? {
        let place = Place::website_token(account, IntegrationId::from(id));
        let fresh = ring.seal(&place, ring.open(&place, &website_token)?.expose_secret())?;
        let unchanged = integrations::table
            .filter(integrations::account_id.eq(account.as_uuid()))
            .filter(integrations::id.eq(id))
            .filter(integrations::website_token.eq(website_token));
        resealed += diesel::update(unchanged)
            .set((integrations::website_token.eq(fresh), integrations::updated_at.eq(now)))
            .execute(session.connection()?)
            .await
            .map_err(Error::query("seal a website token again"))?;
    }
    session.commit().await?;
    Ok(crate::bulk::count(resealed))
}

async fn old_tokens(session: &mut AccountSession, ring: &KeyRing) -> Result<Vec<OldToken>, Error> {
    let account = session.account().as_uuid();
    let header = ring.current_header();
    diesel::sql_query(
        "select id, website_token from integrations \
         where account_id = $1 and website_token is not null and substr(website_token, 1, $2) <> $3 order by id",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<Integer, _>(length(&header))
    .bind::<Bytea, _>(header)
    .load(session.connection()?)
    .await
    .map_err(Error::query("list website tokens sealed with another key"))
}

fn length(header: &[u8]) -> i32 {
    i32::try_from(header.len()).unwrap_or(i32::MAX)
}
