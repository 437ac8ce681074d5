//! `api serve`.

use anyhow::Context as _;
use crisp_http::auth::Verifier;
use crisp_http::now;
use crisp_settings::metrics::{self, Gauges};
use crisp_settings::wire::{self, EngineSettings, Schema};
use crisp_settings::{
    ApiSettings, AuthSettings, CrispSettings, DatabaseSettings, EncryptionSettings, Refused, SettingsArgs,
    SyncSettings, process, together,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::server::{self, Parts};

struct Settings {
    database: DatabaseSettings,
    crisp: CrispSettings,
    encryption: EncryptionSettings,
    auth: AuthSettings,
    verifier: Verifier,
    sync: SyncSettings,
    api: ApiSettings,
}

/// Serves until the process is asked to stop.
pub(crate) async fn run(settings: &SettingsArgs, schema: Schema) -> anyhow::Result<()> {
    let settings = Settings::resolve(settings)?;
    let stop = process::stop_on_signal()?;
    match stop.run_until_cancelled(start(settings, schema, stop.clone())).await {
        Some(started) => {
            let (parts, listener) = started?;
            server::serve(parts, listener, stop).await
        }
        None => Ok(()),
    }
}

/// Refuses what the server cannot use, all of it at once.
pub(crate) fn check(settings: &SettingsArgs) -> Result<(), Refused> {
    Settings::resolve(settings).map(drop)
}

impl Settings {
    fn resolve(args: &SettingsArgs) -> Result<Self, Refused> {
        let stored = together(args.database.resolve(), args.encryption.resolve());
        let outside = together(args.crisp.resolve(), args.sync.resolve());
        // The keys themselves belong to it: a file without any lets nobody in.
        let auth = args.auth.resolve().and_then(|auth| Ok((server::verifier(&auth)?, auth)));
        let inside = together(auth, args.api.resolve());
        let (((database, encryption), (crisp, sync)), ((verifier, auth), api)) =
            together(together(stored, outside), inside)?;
        Ok(Self { database, crisp, encryption, auth, verifier, sync, api })
    }
}

async fn start(
    settings: Settings,
    schema: Schema,
    stop: CancellationToken,
) -> anyhow::Result<(Parts, TcpListener)> {
    let Settings { database, crisp, encryption, auth, verifier, sync, api } = settings;
    if let Some(warning) = auth.warning() {
        tracing::warn!("{warning}");
    }
    let metrics = metrics::install()?;
    let (database, ring) = (wire::database(&database)?, wire::key_ring(encryption)?);
    wire::prepare(&database, schema).await?;
    let engine_settings =
        EngineSettings { crisp: &crisp, sync: &sync, public_url: &api.public_url, lease: wire::LEASE };
    let engine = wire::engine(&database, &ring, engine_settings, now()).await?;
    let hooks = wire::hook_intake(&database, &ring, &crisp, now()).await?;
    if hooks.is_none() {
        tracing::warn!(
            "CRISP_HOOKS_SECRET was never given: web hooks are answered with 503, and changes arrive by \
             incremental syncs only"
        );
    }
    let gauges = Gauges { database, ledger: engine.ledger().clone(), metrics: metrics.clone(), clock: now };
    tokio::spawn(gauges.keep(stop));
    let listener = TcpListener::bind(api.listen.as_str())
        .await
        .with_context(|| format!("cannot listen on {}, which API_LISTEN says", api.listen))?;
    tracing::info!(listen = %listener.local_addr()?, public_url = %api.public_url, "serving");
    Ok((Parts { engine, hooks, verifier, public_url: api.public_url, metrics }, listener))
}
