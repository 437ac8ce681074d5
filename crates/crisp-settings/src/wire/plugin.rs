//! The plugin's secrets: given ones are sealed and stored, else the stored ones are used.

use chrono::{DateTime, Utc};
use crisp_client::Credentials;
use crisp_storage::vault::KeyRing;
use crisp_storage::{Database, Error, secrets};
use secrecy::{ExposeSecret as _, SecretString};

use super::WireError;
use crate::PluginCredentials;
use crate::refused::Refusal;

/// The plugin token that was given, which is stored from now on, or else the stored one.
pub async fn plugin_token(
    database: &Database,
    ring: &KeyRing,
    given: Option<&PluginCredentials>,
    now: DateTime<Utc>,
) -> Result<Credentials, WireError> {
    let stored = secrets::load_plugin_credentials(database, ring).await;
    let Some(given) = given else {
        let stored = stored?.ok_or_else(no_token)?;
        return Ok(Credentials::new(&stored.identifier, &stored.key));
    };
    let identifier = given.identifier.expose_secret();
    let is_stored = replaceable(stored)?.is_some_and(|stored| {
        stored.identifier == identifier && stored.key.expose_secret() == given.key.expose_secret()
    });
    if !is_stored {
        let token = secrets::PluginCredentials { identifier: identifier.to_owned(), key: given.key.clone() };
        secrets::store_plugin_credentials(database, ring, &token, now).await?;
        let waiting = crisp_sync::connect::look_again(database).await?;
        tracing::info!(waiting, "the plugin token was stored, sealed");
    }
    Ok(Credentials::new(identifier, &given.key))
}

/// The signing secret that was given, which is stored from now on, or else the stored one, if any.
pub async fn hooks_secret(
    database: &Database,
    ring: &KeyRing,
    given: Option<&SecretString>,
    now: DateTime<Utc>,
) -> Result<Option<SecretString>, WireError> {
    let stored = secrets::load_hooks_secret(database, ring).await;
    let Some(given) = given else { return Ok(stored?) };
    let is_stored =
        replaceable(stored)?.is_some_and(|stored| stored.expose_secret() == given.expose_secret());
    if !is_stored {
        secrets::store_hooks_secret(database, ring, given, now).await?;
        tracing::info!("the signing secret of web hooks was stored, sealed");
    }
    Ok(Some(given.clone()))
}

/// Stores what is given and leaves the rest as it is.
pub async fn store_secrets(
    database: &Database,
    ring: &KeyRing,
    given: &crate::PluginSecrets,
    now: DateTime<Utc>,
) -> Result<(), WireError> {
    if let Some(token) = &given.credentials {
        plugin_token(database, ring, Some(token), now).await?;
    }
    if let Some(secret) = &given.hooks_secret {
        hooks_secret(database, ring, Some(secret), now).await?;
    }
    Ok(())
}

/// What is stored, as far as it matters to who brings another: what cannot be opened any more is replaced.
fn replaceable<T>(stored: Result<Option<T>, Error>) -> Result<Option<T>, Error> {
    match stored {
        Err(Error::KeyMissing { .. } | Error::Unsealable(_) | Error::Corrupt { .. }) => Ok(None),
        stored => stored,
    }
}

fn no_token() -> WireError {
    Refusal::new(
        "CRISP_PLUGIN_IDENTIFIER",
        "is not set, and no plugin token is stored",
        "Set CRISP_PLUGIN_IDENTIFIER and CRISP_PLUGIN_KEY to the two halves of the plugin token (Crisp's \
         marketplace shows it once); after the first start the stored one is used.",
    )
    .into()
}
