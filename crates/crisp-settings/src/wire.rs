//! From settings to what runs: the database, the keys, the plugin's secrets, the engine, the intake of web hooks.
//!
//! A secret that is given is sealed and stored, in place of the one before it; where none is given the stored one is
//! used. So an operator may give the plugin token once and take it out of the environment again.

use std::time::Duration;

use chrono::{DateTime, Utc};
use crisp_client::{Client, ClientOptions, Credentials};
use crisp_storage::quota::QuotaOptions;
use crisp_storage::vault::{Key, KeyRing};
use crisp_storage::{Database, DatabaseOptions, secrets};
use crisp_sync::hooks::HookIntake;
use crisp_sync::{Engine, EngineOptions};
use secrecy::ExposeSecret as _;
use url::Url;
use uuid::Uuid;

use crate::{CrispSettings, DatabaseSettings, EncryptionKey, EncryptionSettings, SyncSettings};

mod error;
mod plugin;
mod schema;

pub use error::WireError;
pub use plugin::{hooks_secret, plugin_token, store_secrets};
pub use schema::{Schema, prepare};

/// How long a worker's lease holds unless it is renewed: what a crash costs at the most before another goes on.
pub const LEASE: Duration = Duration::from_secs(15);
const SECONDS_OF_A_DAY: u64 = 86_400;

/// What the engine of a process is built from, besides the database and the keys.
#[derive(Debug, Clone, Copy)]
pub struct EngineSettings<'a> {
    /// Crisp, and who we are to it.
    pub crisp: &'a CrispSettings,
    /// The schedules.
    pub sync: &'a SyncSettings,
    /// How browsers and Crisp reach the `api`.
    pub public_url: &'a Url,
    /// How long a lease of this process holds unless it is renewed.
    pub lease: Duration,
}

/// The pools of connections; none is opened yet.
pub fn database(settings: &DatabaseSettings) -> Result<Database, WireError> {
    let url = settings.url.clone();
    let is_replica = settings.read_url.expose_secret() != url.expose_secret();
    Ok(Database::connect(DatabaseOptions {
        url,
        read_url: is_replica.then(|| settings.read_url.clone()),
        max_connections: usize::try_from(settings.max_connections.get()).unwrap_or(usize::MAX),
    })?)
}

/// The keys that seal and open.
pub fn key_ring(settings: EncryptionSettings) -> Result<KeyRing, WireError> {
    let key = |EncryptionKey { id, bytes }| Key { id, bytes };
    let keys = std::iter::once(settings.first).chain(settings.others).map(key).collect();
    Ok(KeyRing::new(keys)?)
}

/// The budget of requests that all processes share.
pub fn quota(crisp: &CrispSettings) -> QuotaOptions {
    QuotaOptions {
        limit: crisp.daily_quota,
        window: crisp.quota_window,
        request_timeout: crisp.request_timeout,
    }
}

/// What a client of Crisp's API is built from.
pub fn client_options(crisp: &CrispSettings, token: Credentials) -> ClientOptions {
    let mut options = ClientOptions::new(crisp.api_url.clone(), token);
    options.request_timeout = crisp.request_timeout;
    options
}

/// The engine, with the plugin token that was given or stored; without either it is refused.
pub async fn engine(
    database: &Database,
    ring: &KeyRing,
    settings: EngineSettings<'_>,
    now: DateTime<Utc>,
) -> Result<Engine, WireError> {
    let EngineSettings { crisp, sync, public_url, lease } = settings;
    let erasure = secrets::erasure_key(database, ring, now).await?;
    let token = plugin_token(database, ring, crisp.credentials.as_ref(), now).await?;
    let options = EngineOptions {
        plugin_id: crisp.plugin_id,
        app_url: crisp.app_url.clone(),
        public_url: public_url.clone(),
        incremental_interval: sync.incremental_interval,
        reconcile_interval: sync.reconcile_interval,
        hooks_retention: Duration::from_secs(u64::from(sync.hooks_retention_days) * SECONDS_OF_A_DAY),
        quota: quota(crisp),
        lease,
        worker_name: process_name(),
    };
    let client = Client::new(client_options(crisp, token))?;
    Ok(Engine::new(database.clone(), client, ring.clone(), erasure, options))
}

/// The intake of web hooks; `None` where their signing secret was never given.
pub async fn hook_intake(
    database: &Database,
    ring: &KeyRing,
    crisp: &CrispSettings,
    now: DateTime<Utc>,
) -> Result<Option<HookIntake>, WireError> {
    let secret = hooks_secret(database, ring, crisp.hooks_secret.as_ref(), now).await?;
    Ok(secret.map(|secret| HookIntake::start(database.clone(), secret)))
}

/// Tells processes apart in leases; for people.
fn process_name() -> String {
    let id = Uuid::new_v4().simple().to_string();
    format!("process-{}", id.get(..8).unwrap_or(&id))
}
