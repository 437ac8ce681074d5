//! Everything that runs: Postgres, Crisp, the api, a worker.

use std::net::Ipv4Addr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use anyhow::Context as _;
use crisp_client::PluginId;
use crisp_http::auth::Verifier;
use crisp_http::now;
use crisp_settings::metrics::{self, Gauges};
use crisp_settings::wire::{self, EngineSettings, Schema};
use crisp_settings::{
    CrispSettings, DatabaseSettings, EncryptionKey, EncryptionSettings, PluginCredentials, SyncSettings,
};
use crisp_sync::Engine;
use secrecy::SecretString;
use testkit::postgres::{Cluster, Purpose};
use testkit::simulator::{HookOptions, Options, Simulator, WebsiteOptions};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;
use uuid::Uuid;

use crate::caller::Caller;
use crate::command_line::CommandLine;
use crate::show::say;

const USUAL_PORT: u16 = 8080;
/// The api's and the worker's, in one pool.
const CONNECTIONS: NonZeroU32 = NonZeroU32::new(20).expect("twenty is not nought");
const SYNCS_AT_A_TIME: NonZeroUsize = NonZeroUsize::new(4).expect("four is not nought");
/// What Crisp gives a plugin in a day, and the part of it that backfills leave to live work.
const DAILY_QUOTA: u32 = 5_000;
const FOR_BACKFILLS: u32 = 4_000;
/// Crisp is some way off: each answer takes so long, and up to as much longer. In milliseconds.
const LATENCY: u64 = 30;
/// Seals what lies in the demo's database, which holds nothing that is secret: so it may stand here.
const KEY: [u8; 32] = *b"the demo has nothing to conceal!";

/// What runs, until it is cleared.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) crisp: Simulator,
    pub(crate) website: Uuid,
    pub(crate) caller: Caller,
    stop: CancellationToken,
    running: Vec<JoinHandle<anyhow::Result<()>>>,
    postgres: Option<Cluster>,
}

impl Stage {
    /// Starts everything.
    pub(crate) async fn set(line: &CommandLine) -> anyhow::Result<Self> {
        say("Custify's Crisp integration\n");
        let (settings, postgres) = database(line).await?;
        let (crisp, website) = crisp(line).await?;
        let listener = listener(line.port).await?;
        let url: Url = format!("http://{}", listener.local_addr()?).parse()?;
        crisp.set_plugin(|plugin| plugin.callback_url = Some(format!("{url}crisp/callback")));
        crisp.hooks_to(&format!("{url}crisp/hooks"), HookOptions::default());
        let secret = SecretString::from(format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()));
        let caller = Caller::new(url, website, &secret, now())?;
        let stop = CancellationToken::new();
        let mut stage = Self { crisp, website, caller, stop, running: Vec::new(), postgres };
        stage.start(line, &settings, listener, &secret).await?;
        say(&format!("  api          {}", stage.caller.url));
        Ok(stage)
    }

    async fn start(
        &mut self,
        line: &CommandLine,
        database: &DatabaseSettings,
        listener: TcpListener,
        secret: &SecretString,
    ) -> anyhow::Result<()> {
        let (database, ring) = (wire::database(database)?, wire::key_ring(encryption())?);
        wire::prepare(&database, Schema::Migrate).await?;
        let crisp = self.crisp_settings(line)?;
        let settings = EngineSettings {
            crisp: &crisp,
            sync: &schedules(),
            public_url: &self.caller.url,
            lease: wire::LEASE,
        };
        let engine = wire::engine(&database, &ring, settings, now()).await?;
        let metrics = metrics::install()?;
        let parts = api::Parts {
            engine: engine.clone(),
            hooks: wire::hook_intake(&database, &ring, &crisp, now()).await?,
            verifier: Verifier::hs256(secret),
            public_url: self.caller.url.clone(),
            metrics: metrics.clone(),
        };
        let gauges = Gauges { database, ledger: engine.ledger().clone(), metrics, clock: now };
        tokio::spawn(gauges.keep(self.stop.clone()));
        self.running.push(tokio::spawn(api::serve(parts, listener, self.stop.clone())));
        self.running.push(tokio::spawn(work(engine, self.stop.clone())));
        Ok(())
    }

    fn crisp_settings(&self, line: &CommandLine) -> anyhow::Result<CrispSettings> {
        let plugin = self.crisp.plugin();
        Ok(CrispSettings {
            api_url: self.crisp.api_url().parse()?,
            app_url: self.crisp.app_url().parse()?,
            plugin_id: PluginId::new(plugin.id),
            credentials: Some(PluginCredentials {
                identifier: plugin.identifier.into(),
                key: plugin.key.into(),
            }),
            hooks_secret: Some(plugin.hooks_secret.into()),
            daily_quota: quota(line.people.get(), line.conversations.get()),
            quota_window: Duration::from_hours(24),
            request_timeout: Duration::from_secs(10),
        })
    }

    /// Stops everything, in good order.
    pub(crate) async fn clear(self) {
        self.stop.cancel();
        for running in self.running {
            match running.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!("{error:#}"),
                Err(error) => tracing::warn!("{error}"),
            }
        }
        // Waits for the server's end, which would hold up the runtime.
        let postgres = self.postgres;
        let _ = tokio::task::spawn_blocking(move || drop(postgres)).await;
    }
}

async fn database(line: &CommandLine) -> anyhow::Result<(DatabaseSettings, Option<Cluster>)> {
    if let Some(given) = line.database.resolve_if_set()? {
        say("  Postgres     the one that --database-url names");
        return Ok((given, None));
    }
    let postgres = Cluster::start_or_join(Purpose::Demo).await.context("Postgres cannot be started")?;
    let url = SecretString::from(postgres.create_database("demo").await?);
    say("  Postgres     one of its own, gone when the demo ends");
    Ok((DatabaseSettings { read_url: url.clone(), url, max_connections: CONNECTIONS }, Some(postgres)))
}

async fn crisp(line: &CommandLine) -> anyhow::Result<(Simulator, Uuid)> {
    let website = WebsiteOptions::of_size(line.people.get(), line.conversations.get()).not_installed();
    let options = Options { websites: vec![website], ..Options::default() }.seed(line.seed);
    let website = options.website_id(0);
    let crisp = Simulator::start(options.behaving(|behaviour| {
        behaviour.latency_ms = LATENCY;
        behaviour.latency_jitter_ms = LATENCY;
    }));
    let crisp = crisp.await.context("the simulated Crisp cannot listen")?;
    let (people, conversations) = (line.people, line.conversations);
    let size = format!("{people} people, {conversations} conversations");
    say(&format!("  Crisp        simulated at {}: {size}", crisp.app_url()));
    Ok((crisp, website))
}

async fn listener(port: Option<u16>) -> anyhow::Result<TcpListener> {
    let bind = async |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    match (bind(port.unwrap_or(USUAL_PORT)).await, port) {
        (Ok(listener), _) => Ok(listener),
        (Err(error), Some(port)) => {
            Err(error).with_context(|| format!("the api cannot listen on port {port}"))
        }
        (Err(_), None) => Ok(bind(0).await?),
    }
}

async fn work(engine: Engine, stop: CancellationToken) -> anyhow::Result<()> {
    worker::work(&engine, SYNCS_AT_A_TIME, stop).await;
    Ok(())
}

fn encryption() -> EncryptionSettings {
    let first = EncryptionKey { id: "demo".to_owned(), bytes: Box::new(KEY).into() };
    EncryptionSettings { first, others: Vec::new() }
}

fn schedules() -> SyncSettings {
    SyncSettings {
        incremental_interval: Duration::from_mins(15),
        reconcile_interval: Duration::from_hours(24),
        hooks_retention_days: 7,
    }
}

/// What Crisp gives in reality, unless the workspace is so large that nobody wants to wait for its second day.
fn quota(people: u32, conversations: u32) -> Option<NonZeroU32> {
    let requests = (people / 50).saturating_add(conversations / 50).saturating_add(conversations);
    NonZeroU32::new(DAILY_QUOTA).filter(|_| requests < FOR_BACKFILLS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_that_takes_days_is_imported_without_a_quota() {
        assert_eq!(quota(400, 300).map(NonZeroU32::get), Some(DAILY_QUOTA));
        assert_eq!(quota(200_000, 50_000), None);
    }
}
