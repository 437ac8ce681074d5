//! Secrets of the whole deployment, and rotation of everything the vault has sealed.

mod rotate;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::audit;
use crate::database::Database;
use crate::erasure::ErasureKey;
use crate::error::Error;
use crate::schema::sealed_secrets;
use crate::vault::{self, KeyRing, Place};
pub use rotate::{Rotation, rotate};

const PLUGIN: &str = "plugin_credentials";
const HOOKS: &str = "hooks_secret";
const ERASURE: &str = "erasure_key";

/// The plugin token: both halves, as Crisp's marketplace shows them.
#[derive(Clone)]
pub struct PluginCredentials {
    /// The identifier, which is the public half in name only.
    pub identifier: String,
    /// The key.
    pub key: SecretString,
}

impl std::fmt::Debug for PluginCredentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PluginCredentials(…)")
    }
}

/// A stored secret, without what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretInfo {
    /// Which secret.
    pub name: String,
    /// The id of the key that sealed it.
    pub key_id: String,
    /// When it was last written or sealed again.
    pub updated_at: DateTime<Utc>,
}

/// The stored plugin token, if any.
pub async fn load_plugin_credentials(
    database: &Database,
    ring: &KeyRing,
) -> Result<Option<PluginCredentials>, Error> {
    #[derive(Deserialize)]
    struct Stored {
        identifier: String,
        key: SecretString,
    }
    let Some(text) = load(database, ring, PLUGIN, "the plugin token").await? else { return Ok(None) };
    let stored: Stored = serde_json::from_str(text.expose_secret())
        .map_err(|source| Error::Corrupt { what: "plugin token", source })?;
    Ok(Some(PluginCredentials { identifier: stored.identifier, key: stored.key }))
}

/// Stores the plugin token in place of any other.
pub async fn store_plugin_credentials(
    database: &Database,
    ring: &KeyRing,
    credentials: &PluginCredentials,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Stored<'a> {
        identifier: &'a str,
        key: &'a str,
    }
    let stored = Stored { identifier: &credentials.identifier, key: credentials.key.expose_secret() };
    let text =
        serde_json::to_vec(&stored).map_err(|source| Error::Corrupt { what: "plugin token", source })?;
    store(database, ring, (PLUGIN, "the plugin token"), &Zeroizing::new(text), now).await
}

/// The stored signing secret of the plugin's web hooks, if any.
pub async fn load_hooks_secret(database: &Database, ring: &KeyRing) -> Result<Option<SecretString>, Error> {
    load(database, ring, HOOKS, "the hooks secret").await
}

/// Stores the signing secret in place of any other.
pub async fn store_hooks_secret(
    database: &Database,
    ring: &KeyRing,
    secret: &SecretString,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    store(database, ring, (HOOKS, "the hooks secret"), secret.expose_secret().as_bytes(), now).await
}

/// The key of the hashes that keep erased people away; made when it is first asked for.
pub async fn erasure_key(
    database: &Database,
    ring: &KeyRing,
    now: DateTime<Utc>,
) -> Result<ErasureKey, Error> {
    let place = Place::secret("the erasure key", ERASURE);
    if let Some(sealed) = read(database, ERASURE).await? {
        return ring.open(&place, &sealed).map(ErasureKey::new);
    }
    let fresh = ring.seal(&place, vault::random_key()?.expose_secret())?;
    let mut connection = database.system().await?;
    diesel::insert_into(sealed_secrets::table)
        .values((
            sealed_secrets::name.eq(ERASURE),
            sealed_secrets::sealed.eq(fresh),
            sealed_secrets::updated_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(&mut connection)
        .await
        .map_err(Error::query("store the erasure key"))?;
    drop(connection);
    // Somebody else may have been first: what is stored counts.
    let sealed = read(database, ERASURE).await?.ok_or(Error::Missing("the erasure key"))?;
    ring.open(&place, &sealed).map(ErasureKey::new)
}

/// What is stored, under which key, since when.
pub async fn list(database: &Database) -> Result<Vec<SecretInfo>, Error> {
    let mut connection = database.system().await?;
    let rows: Vec<(String, Vec<u8>, DateTime<Utc>)> = sealed_secrets::table
        .order(sealed_secrets::name)
        .select((sealed_secrets::name, sealed_secrets::sealed, sealed_secrets::updated_at))
        .load(&mut connection)
        .await
        .map_err(Error::query("list stored secrets"))?;
    let info = |(name, sealed, updated_at): (String, Vec<u8>, _)| SecretInfo {
        name,
        key_id: vault::key_id(&sealed).unwrap_or_default().to_owned(),
        updated_at,
    };
    Ok(rows.into_iter().map(info).collect())
}

async fn load(
    database: &Database,
    ring: &KeyRing,
    name: &str,
    what: &'static str,
) -> Result<Option<SecretString>, Error> {
    let sealed = read(database, name).await?;
    sealed.map(|sealed| ring.open_text(&Place::secret(what, name), &sealed)).transpose()
}

async fn read(database: &Database, name: &str) -> Result<Option<Vec<u8>>, Error> {
    let mut connection = database.system().await?;
    sealed_secrets::table
        .filter(sealed_secrets::name.eq(name))
        .select(sealed_secrets::sealed)
        .first(&mut connection)
        .await
        .optional()
        .map_err(Error::query("read a stored secret"))
}

async fn store(
    database: &Database,
    ring: &KeyRing,
    (name, what): (&str, &'static str),
    plaintext: &[u8],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let sealed = ring.seal(&Place::secret(what, name), plaintext)?;
    let values = (sealed_secrets::sealed.eq(sealed), sealed_secrets::updated_at.eq(now));
    let mut connection = database.system().await?;
    diesel::insert_into(sealed_secrets::table)
        .values((sealed_secrets::name.eq(name), values.clone()))
        .on_conflict(sealed_secrets::name)
        .do_update()
        .set(values)
        .execute(&mut connection)
        .await
        .map_err(Error::query("store a secret"))?;
    drop(connection);
    // It is every account's: each may read when it was replaced.
    let detail = json!({ "secret": name });
    audit::append_everywhere(database, audit::OPERATOR, "credentials.set", &detail, now).await
}
