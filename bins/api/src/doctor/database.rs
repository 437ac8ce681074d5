//! Is the database there, is it ours, and can its secrets be opened?

use crisp_client::Credentials;
use crisp_settings::process::chain;
use crisp_settings::wire;
use crisp_storage::vault::{Key, KeyRing};
use crisp_storage::{Database, Error, secrets};
use secrecy::ExposeSecret as _;

use super::report::Report;
use super::settings::Resolved;

/// What the database holds that further checks need.
pub(super) struct Stored {
    pub(super) database: Database,
    /// The plugin token that would be used, given or stored.
    pub(super) token: Option<Credentials>,
}

/// Checks the database; `None` where nothing further can be checked.
pub(super) async fn check(resolved: &Resolved, report: &mut Report) -> Option<Stored> {
    let database = match wire::database(resolved.database.as_ref()?) {
        Ok(database) => database,
        Err(error) => {
            report.fail("database", chain(&error), "Mend DATABASE_URL.");
            return None;
        }
    };
    if !is_ready(&database, report).await {
        return None;
    }
    let ring = resolved.encryption.as_ref().and_then(|keys| ring(keys, report))?;
    check_keys(&database, &ring, report).await;
    check_role(&database, report).await;
    let token = token(resolved, &database, &ring, report).await;
    check_hooks_secret(resolved, &database, &ring, report).await;
    Some(Stored { database, token })
}

async fn is_ready(database: &Database, report: &mut Report) -> bool {
    let migrated = database.is_migrated().await;
    match &migrated {
        Ok(true) => report.ok("database", "reachable, and its schema is up to date"),
        Ok(false) => {
            report.fail("database", "reachable, but its schema is not up to date", "Run `api migrate`.");
        }
        Err(error) => {
            let remedy = "Check DATABASE_URL, and whether Postgres runs and lets this machine in.";
            report.fail("database", chain(error), remedy);
        }
    }
    migrated.unwrap_or(false)
}

fn ring(keys: &crisp_settings::EncryptionSettings, report: &mut Report) -> Option<KeyRing> {
    let copy = |key: &crisp_settings::EncryptionKey| Key {
        id: key.id.clone(),
        bytes: Box::new(*key.bytes.expose_secret()).into(),
    };
    let ring = KeyRing::new(std::iter::once(&keys.first).chain(&keys.others).map(copy).collect());
    ring.map_err(|error| report.fail("keys", chain(&error), "Mend ENCRYPTION_KEYS.")).ok()
}

/// Which keys there are and which are in use, by their ids; never the keys.
async fn check_keys(database: &Database, ring: &KeyRing, report: &mut Report) {
    const WHAT: &str = "keys";
    let ids: Vec<&str> = ring.ids().collect();
    let has = format!("{} encrypts; the ring has {}", ring.first_id(), ids.join(", "));
    let stored = match secrets::list(database).await {
        Ok(stored) => stored,
        Err(error) => return report.fail(WHAT, chain(&error), "Run `api migrate`."),
    };
    let older = stored.iter().filter(|secret| secret.key_id != ring.first_id());
    let missing: Vec<&str> =
        older.clone().map(|secret| secret.key_id.as_str()).filter(|id| !ids.contains(id)).collect();
    if !missing.is_empty() {
        let detail = format!("{has}; secrets are sealed with {}, which it has not", missing.join(", "));
        report.fail(WHAT, detail, "Add the missing keys to ENCRYPTION_KEYS, behind the others.");
    } else if older.clone().next().is_some() {
        let detail = format!("{has}; {} secrets are sealed with an older key", older.count());
        report.warn(WHAT, detail, "Run `api keys rotate` before you take the older keys away.");
    } else {
        report.ok(WHAT, has);
    }
}

async fn check_role(database: &Database, report: &mut Report) {
    match database.takes_tenant_role().await {
        Ok(true) => report.ok("tenant role", "sessions take it: accounts are kept apart twice"),
        Ok(false) => report.warn(
            "tenant role",
            "the database user may not take crisp_tenant; row-level security binds it as owner, unless it is a superuser",
            "Run `grant crisp_tenant to <user>` as an administrator of the database.",
        ),
        Err(error) => report.fail("tenant role", chain(&error), "Run `api migrate`."),
    }
}

async fn token(
    resolved: &Resolved,
    database: &Database,
    ring: &KeyRing,
    report: &mut Report,
) -> Option<Credentials> {
    const WHAT: &str = "plugin token";
    let given = resolved.crisp.as_ref().and_then(|crisp| crisp.credentials.as_ref());
    if let Some(given) = given {
        report.ok(WHAT, "given; it is stored at the next start");
        return Some(Credentials::new(given.identifier.expose_secret(), &given.key));
    }
    match secrets::load_plugin_credentials(database, ring).await {
        Ok(Some(stored)) => {
            report.ok(WHAT, "stored, and can be opened");
            return Some(Credentials::new(&stored.identifier, &stored.key));
        }
        Ok(None) => report.fail(
            WHAT,
            "neither given nor stored",
            "Set CRISP_PLUGIN_IDENTIFIER and CRISP_PLUGIN_KEY, or run `api credentials set` with them.",
        ),
        Err(error) => report.fail(WHAT, chain(&error), remedy(&error)),
    }
    None
}

async fn check_hooks_secret(resolved: &Resolved, database: &Database, ring: &KeyRing, report: &mut Report) {
    const WHAT: &str = "hooks secret";
    if resolved.crisp.as_ref().is_some_and(|crisp| crisp.hooks_secret.is_some()) {
        return report.ok(WHAT, "given; it is stored at the next start");
    }
    match secrets::load_hooks_secret(database, ring).await {
        Ok(Some(_)) => report.ok(WHAT, "stored, and can be opened"),
        Ok(None) => report.warn(
            WHAT,
            "neither given nor stored: changes arrive by incremental syncs only",
            "Set CRISP_HOOKS_SECRET to the signing secret of the plugin's web hooks.",
        ),
        Err(error) => report.fail(WHAT, chain(&error), remedy(&error)),
    }
}

fn remedy(error: &Error) -> &'static str {
    if matches!(error, Error::KeyMissing { .. }) {
        "Add that key to ENCRYPTION_KEYS, behind the others."
    } else {
        "Set the secret again, with `api credentials set`."
    }
}
