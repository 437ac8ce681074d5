//! The stage: a simulated Crisp, a database, connected integrations, and any number of real worker processes.
//!
//! The same settings go to the processes, as environment, and to an engine of our own, as flags: we trigger and watch
//! with it, as an `api` would, and never work.

use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Parser as _;
use crisp_domain::{AccountId, IntegrationId, SyncId};
use crisp_settings::wire::{self, EngineSettings, Schema};
use crisp_settings::{CrispSettings, EncryptionSettings, SettingsArgs};
use crisp_storage::syncs::SyncRow;
use crisp_storage::vault::KeyRing;
use crisp_sync::syncs::{self, Messages, SyncKind};
use crisp_sync::{Engine, connect};
use secrecy::SecretString;
use testkit::postgres::{self, Cluster};
use testkit::process::Process;
use testkit::simulator::{Links, Options, Simulator};
use uuid::Uuid;

/// How long anything may take before it counts as stuck.
pub const PATIENCE: Duration = Duration::from_mins(3);
/// `WORKER_LEASE_SECONDS` of these tests: the shortest there is, so that a hundred kills take a minute.
pub const LEASE: Duration = Duration::from_secs(2);
/// 32 bytes that seal nothing of worth.
const KEYS: &str = "test:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

/// What all integrations of a test share.
#[derive(Debug)]
pub struct Ground {
    pub sim: Simulator,
    pub engine: Engine,
    pub ring: KeyRing,
    pub crisp: CrispSettings,
    settings: Settings,
    base: Base,
}

/// One integration, connected.
#[derive(Debug, Clone)]
pub struct Stage {
    ground: Arc<Ground>,
    pub account: AccountId,
    pub integration: IntegrationId,
    pub website: Uuid,
}

/// Where the database is.
#[derive(Debug)]
pub enum Base {
    /// On the server that all tests share.
    Shared(postgres::Database),
    /// On a server of its own, which may be crashed.
    Own { cluster: Cluster, url: String },
}

/// Settings by their names in the environment.
type Settings = Vec<(String, String)>;

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    settings: SettingsArgs,
}

/// Now, for what takes time as an argument.
pub use crisp_http::now;

impl Base {
    pub async fn shared() -> anyhow::Result<Self> {
        Ok(Self::Shared(postgres::Database::fresh("empty", async |_| Ok(())).await?))
    }

    pub async fn own() -> anyhow::Result<Self> {
        let cluster = Cluster::dedicated().await?;
        let url = cluster.create_database("worker").await?;
        Ok(Self::Own { cluster, url })
    }

    pub fn url(&self) -> &str {
        match self {
            Self::Shared(database) => database.url(),
            Self::Own { url, .. } => url,
        }
    }
}

impl Ground {
    /// A Crisp and an empty, migrated database; `settings` come on top of what every test has.
    pub async fn open(options: Options, base: Base, settings: &[(&str, &str)]) -> anyhow::Result<Arc<Self>> {
        let sim = Simulator::start(options).await?;
        let settings = settings_of(&sim, base.url(), settings);
        let (engine, ring, crisp) = engine(&settings).await?;
        Ok(Arc::new(Self { sim, engine, ring, crisp, settings, base }))
    }

    /// Starts a worker process.
    pub fn worker(&self) -> anyhow::Result<Process> {
        self.worker_with(&[])
    }

    /// Starts a worker process with settings of its own.
    pub fn worker_with(&self, more: &[(&str, &str)]) -> anyhow::Result<Process> {
        let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let none: [&str; 0] = [];
        Process::start(env!("CARGO_BIN_EXE_worker"), none, self.settings.iter().cloned().chain(more))
    }

    /// Starts the worker's program with a command.
    pub fn command(&self, words: &[&str]) -> anyhow::Result<Process> {
        let quiet = [("LOG".to_owned(), "error".to_owned())];
        let settings = self.settings.iter().cloned().chain(quiet);
        Process::start(env!("CARGO_BIN_EXE_worker"), words.iter().copied(), settings)
    }

    /// The server, where it is one of our own.
    pub fn cluster(&self) -> anyhow::Result<&Cluster> {
        match &self.base {
            Base::Own { cluster, .. } => Ok(cluster),
            Base::Shared(_) => bail!("this server is shared"),
        }
    }

    /// A plain connection that sees everything.
    pub async fn sql(&self) -> anyhow::Result<postgres::Client> {
        postgres::connect(self.base.url()).await
    }

    /// One number that a statement yields.
    pub async fn number(&self, statement: &str) -> anyhow::Result<i64> {
        Ok(self.sql().await?.query_one(statement, &[]).await?.try_get(0)?)
    }
}

impl Stage {
    /// One integration on a ground of its own.
    pub async fn open(options: Options, base: Base, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let ground = Ground::open(options, base, settings).await?;
        Self::all(&ground).await?.pop().context("a website")
    }

    /// An integration for every website, each in an account of its own. The requests made for it are forgotten.
    pub async fn all(ground: &Arc<Ground>) -> anyhow::Result<Vec<Self>> {
        let mut stages = Vec::new();
        for website in ground.sim.website_ids() {
            let account = AccountId::from(Uuid::new_v4());
            let integration = connect_website(&ground.engine, &ground.sim, account, website).await?;
            stages.push(Self { ground: Arc::clone(ground), account, integration, website });
        }
        ground.sim.forget_requests();
        Ok(stages)
    }

    pub async fn trigger(&self) -> anyhow::Result<SyncId> {
        let (account, integration) = (self.account, self.integration);
        let (kind, messages) = (SyncKind::Full, Messages::WhereNew);
        Ok(syncs::trigger(&self.engine, account, integration, "tester", kind, messages).await?.sync_id())
    }

    pub async fn run(&self, sync: SyncId) -> anyhow::Result<SyncRow> {
        Ok(syncs::get(&self.engine, self.account, sync).await?)
    }

    /// Waits until a sync has ended.
    pub async fn ended(&self, sync: SyncId) -> anyhow::Result<SyncRow> {
        self.reaches(sync, "ended", |run| !run.is_under_way()).await
    }

    /// Waits until a sync has come so far.
    pub async fn reaches(
        &self,
        sync: SyncId,
        what: &str,
        is_there: impl Fn(&SyncRow) -> bool,
    ) -> anyhow::Result<SyncRow> {
        let begun = Instant::now();
        loop {
            let run = self.run(sync).await?;
            if is_there(&run) {
                return Ok(run);
            }
            if begun.elapsed() > PATIENCE {
                bail!("waited in vain until the sync has {what}: {run:?}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The fewest requests with which this website can be imported, if no email in it is a [stranger's](by_somebody).
    pub fn least_possible(&self) -> u64 {
        self.sim.truth(self.website).least_possible(|one| one.people_id.is_some() || one.email.is_some())
    }
}

impl Deref for Stage {
    type Target = Ground;

    fn deref(&self) -> &Ground {
        &self.ground
    }
}

/// An address on which nobody listens.
pub fn free_address() -> anyhow::Result<String> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

/// Conversations of people we know, or of nobody: then the truth tells how many requests an import takes.
pub fn by_somebody() -> Links {
    Links { stranger: 0.0, ..Links::default() }
}

fn settings_of(sim: &Simulator, database: &str, more: &[(&str, &str)]) -> Settings {
    let plugin = sim.plugin();
    let lease = LEASE.as_secs().to_string();
    let mut settings: Settings = [
        ("DATABASE_URL", database),
        ("CRISP_API_URL", &sim.api_url()),
        ("CRISP_APP_URL", &sim.app_url()),
        ("CRISP_PLUGIN_ID", &plugin.id.to_string()),
        ("CRISP_PLUGIN_IDENTIFIER", &plugin.identifier),
        ("CRISP_PLUGIN_KEY", &plugin.key),
        ("CRISP_HOOKS_SECRET", &plugin.hooks_secret),
        ("CRISP_DAILY_QUOTA", "0"),
        ("ENCRYPTION_KEYS", KEYS),
        ("WORKER_LEASE_SECONDS", &lease),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    for (name, value) in more {
        settings.retain(|(known, _)| known != name);
        settings.push(((*name).to_owned(), (*value).to_owned()));
    }
    settings
}

async fn engine(settings: &Settings) -> anyhow::Result<(Engine, KeyRing, CrispSettings)> {
    let (args, encryption, crisp) = parsed(settings)?;
    let (database, ring) = (wire::database(&args.database.resolve()?)?, wire::key_ring(encryption)?);
    wire::prepare(&database, Schema::Migrate).await?;
    let (sync, api) = (args.sync.resolve()?, args.api.resolve()?);
    let settings =
        EngineSettings { crisp: &crisp, sync: &sync, public_url: &api.public_url, lease: wire::LEASE };
    let engine = wire::engine(&database, &ring, settings, now()).await?;
    Ok((engine, ring, crisp))
}

fn parsed(settings: &Settings) -> anyhow::Result<(SettingsArgs, EncryptionSettings, CrispSettings)> {
    let flag =
        |(name, value): &(String, String)| format!("--{}={value}", name.to_lowercase().replace('_', "-"));
    let line = std::iter::once("test".to_owned()).chain(settings.iter().map(flag));
    let args = Line::try_parse_from(line)?.settings;
    let (encryption, crisp) = (args.encryption.resolve()?, args.crisp.resolve()?);
    Ok((args, encryption, crisp))
}

/// Connects a website the way an installation does.
async fn connect_website(
    engine: &Engine,
    sim: &Simulator,
    account: AccountId,
    website: Uuid,
) -> anyhow::Result<IntegrationId> {
    let draft = connect::create(engine, account, "tester", None).await?.row;
    let link = connect::install_link(engine, account, draft.integration_id(), "tester").await?;
    let address: url::Url = link.as_str().parse()?;
    let payload =
        address.query_pairs().find(|(name, _)| name == "payload").context("a payload")?.1.into_owned();
    let token = SecretString::from(sim.truth(website).token());
    let row = connect::callback(engine, &payload, &website.to_string(), &token, None).await?;
    Ok(row.integration_id())
}
