//! The stage of a scenario: a simulated Crisp, a database of its own, an engine, and as many workers as the scene needs.

use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::extract::State;
use crisp_client::hook::{SIGNATURE_HEADER, TIMESTAMP_HEADER};
use crisp_client::{Client, ClientOptions, Credentials, PluginId};
use crisp_domain::{AccountId, IntegrationId, SyncId};
use crisp_storage::quota::QuotaOptions;
use crisp_storage::syncs::SyncRow;
use crisp_storage::vault::{Key, KeyRing};
use crisp_storage::work::Lane;
use crisp_storage::{Database, DatabaseOptions, secrets};
use crisp_sync::hooks::HookIntake;
use crisp_sync::syncs::{Messages, SyncKind};
use crisp_sync::{Engine, EngineOptions, connect, worker};
use secrecy::{SecretBox, SecretString};
use testkit::postgres;
use testkit::simulator::{HookOptions, Options, Simulator};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long anything in a scene may take before it counts as stuck.
const PATIENCE: Duration = Duration::from_mins(2);

pub struct Stage {
    pub sim: Simulator,
    pub base: postgres::Database,
    pub database: Database,
    pub engine: Engine,
    pub account: AccountId,
    pub integration: IntegrationId,
    pub website: Uuid,
    stop: CancellationToken,
    workers: Vec<tokio::task::JoinHandle<()>>,
}

/// Now, for what takes time as an argument.
#[expect(clippy::disallowed_methods, reason = "a scene plays in the present")]
pub fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now()
}

/// A worker that dies with this value as by `kill -9`: everything it was about stops where it is.
#[derive(Debug)]
pub struct Mortal(Option<tokio::runtime::Runtime>);

impl Drop for Mortal {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// What a scene may change about its engine.
#[derive(Debug, Clone)]
pub struct Setup {
    pub quota: Option<u32>,
    pub window: Duration,
    pub incremental_interval: Duration,
    pub reconcile_interval: Duration,
    pub workers: usize,
    pub request_timeout: Duration,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            quota: None,
            window: Duration::from_hours(24),
            incremental_interval: Duration::from_hours(24),
            reconcile_interval: Duration::from_hours(24 * 7),
            workers: 1,
            request_timeout: Duration::from_secs(10),
        }
    }
}

/// A database with the schema, for one test.
pub async fn fresh_database() -> anyhow::Result<postgres::Database> {
    postgres::Database::fresh(&template_key(), async |url: String| {
        Ok(Database::connect(DatabaseOptions::new(url.into()))?.migrate().await?)
    })
    .await
}

/// Names the template by what is in the migrations, so that a change of them makes a new one.
fn template_key() -> String {
    use sha2::Digest;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/crisp-storage/migrations");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("up.sql")))
        .collect();
    files.sort();
    let mut hash = sha2::Sha256::new();
    for file in files {
        hash.update(std::fs::read(file).unwrap_or_default());
    }
    hex::encode(hash.finalize())
}

impl Stage {
    /// A connected integration with nothing imported, and running workers.
    pub async fn connected(options: Options, setup: Setup) -> anyhow::Result<Self> {
        let sim = Simulator::start(options).await?;
        let base = fresh_database().await?;
        let database = Database::connect(DatabaseOptions::new(base.url().to_owned().into()))?;
        let engine = engine(&sim, &database, &setup, "worker-0").await?;
        let account = AccountId::from(Uuid::new_v4());
        let website = *sim.website_ids().first().context("a website")?;
        let integration = connect_website(&engine, &sim, account, website).await?;
        let mut stage = Self {
            sim,
            base,
            database,
            engine,
            account,
            integration,
            website,
            stop: CancellationToken::new(),
            workers: Vec::new(),
        };
        for number in 0..setup.workers {
            stage.start_worker(&setup, number).await?;
        }
        stage.sim.forget_requests();
        Ok(stage)
    }

    /// A worker that can be killed: with a runtime and connections of its own.
    pub async fn mortal_worker(&self, setup: &Setup, name: &str) -> anyhow::Result<Mortal> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let database = Database::connect(DatabaseOptions::new(self.base.url().to_owned().into()))?;
        let engine = engine(&self.sim, &database, setup, name).await?;
        let stop = self.stop.clone();
        runtime.spawn(async move { worker::run(&engine, 4, stop).await });
        Ok(Mortal(Some(runtime)))
    }

    async fn start_worker(&mut self, setup: &Setup, number: usize) -> anyhow::Result<()> {
        let engine = engine(&self.sim, &self.database, setup, &format!("worker-{number}")).await?;
        let stop = self.stop.clone();
        self.workers.push(tokio::spawn(async move { worker::run(&engine, 4, stop).await }));
        Ok(())
    }

    /// Connected, with the first import done.
    pub async fn imported(options: Options, setup: Setup) -> anyhow::Result<(Self, SyncRow)> {
        let stage = Self::connected(options, setup).await?;
        let run = stage.sync(SyncKind::Full).await?;
        Ok((stage, run))
    }

    /// Saves some settings over those that are.
    pub async fn change_settings(&self, changed: serde_json::Value) -> anyhow::Result<()> {
        use serde_json::Value;
        let now = crisp_sync::settings::get(&self.engine, self.account, self.integration).await?;
        let mut settings = serde_json::to_value(&now)?;
        if let (Value::Object(settings), Value::Object(changed)) = (&mut settings, changed) {
            settings.extend(changed);
        }
        crisp_sync::settings::put(&self.engine, self.account, self.integration, "tester", settings).await?;
        Ok(())
    }

    /// Triggers a sync and waits until it has ended.
    pub async fn sync(&self, kind: SyncKind) -> anyhow::Result<SyncRow> {
        self.sync_with(kind, Messages::WhereNew).await
    }

    pub async fn sync_with(&self, kind: SyncKind, messages: Messages) -> anyhow::Result<SyncRow> {
        let run = crisp_sync::syncs::trigger(
            &self.engine,
            self.account,
            self.integration,
            "tester",
            kind,
            messages,
        )
        .await?;
        self.ended(run.sync_id()).await
    }

    /// Waits until a sync has ended.
    pub async fn ended(&self, id: SyncId) -> anyhow::Result<SyncRow> {
        let begun = std::time::Instant::now();
        loop {
            let run = crisp_sync::syncs::get(&self.engine, self.account, id).await?;
            if !run.is_under_way() {
                return Ok(run);
            }
            if begun.elapsed() > PATIENCE {
                bail!("the sync is stuck: {run:?}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Runs a complete reconciliation pass, as the schedule would, and waits until it has ended.
    pub async fn reconcile(&self) -> anyhow::Result<SyncRow> {
        let sql = self.sql().await?;
        sql.execute(
            "update integrations set next_reconcile_at = now() where id = $1",
            &[&self.integration.as_uuid()],
        )
        .await?;
        self.database.signal(self.account, self.integration, Lane::Sync, now()).await?;
        let begun = std::time::Instant::now();
        while begun.elapsed() < PATIENCE {
            let runs = crisp_sync::syncs::list(&self.engine, self.account, self.integration, None, 1).await?;
            if let Some(run) = runs.into_iter().next().filter(|run| run.kind == "reconcile") {
                return self.ended(run.sync_id()).await;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("no reconciliation pass began")
    }

    /// Serves `/crisp/hooks` and has the simulator deliver there.
    pub async fn with_hooks(&self, options: HookOptions) -> anyhow::Result<()> {
        let intake = HookIntake::start(self.database.clone(), self.sim.plugin().hooks_secret.into());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/crisp/hooks", listener.local_addr()?);
        let routes =
            axum::Router::new().route("/crisp/hooks", axum::routing::post(receive)).with_state(intake);
        let stop = self.stop.clone();
        tokio::spawn(async move {
            let _ = axum::serve(listener, routes)
                .with_graceful_shutdown(async move { stop.cancelled().await })
                .await;
        });
        self.sim.hooks_to(&url, options);
        Ok(())
    }

    /// Waits until every hook was delivered (or given up) and everything they asked for was done.
    pub async fn settled(&self) -> anyhow::Result<()> {
        self.sim.hooks_idle().await;
        self.eventually("hooks, wishes and transcripts are done", async |stage: &Self| {
            let row = stage
                .sql()
                .await?
                .query_one(
                    "select (select count(*) from hooks where applied_at is null and dead_at is null) \
                     + (select count(*) from wanted_records where dead_at is null) \
                     + (select count(*) from conversations where messages_due and contact_id is not null and removed_at is null)",
                    &[],
                )
                .await?;
            Ok(row.get::<_, i64>(0) == 0)
        })
        .await
    }

    /// Waits until something is so.
    pub async fn eventually(
        &self,
        what: &str,
        is_so: impl AsyncFn(&Self) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let begun = std::time::Instant::now();
        while begun.elapsed() < PATIENCE {
            if is_so(self).await? {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("waited in vain until {what}")
    }

    /// A plain connection that sees everything.
    pub async fn sql(&self) -> anyhow::Result<tokio_postgres::Client> {
        let (client, connection) = tokio_postgres::connect(self.base.url(), tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Stops the workers in good order.
    pub async fn close(mut self) -> anyhow::Result<()> {
        self.stop.cancel();
        for worker in self.workers.drain(..) {
            worker.await?;
        }
        Ok(())
    }
}

async fn receive(
    State(intake): State<HookIntake>,
    headers: axum::http::HeaderMap,
    body: axum::body::Bytes,
) -> axum::http::StatusCode {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let received = intake.receive(header(TIMESTAMP_HEADER), header(SIGNATURE_HEADER), body.to_vec()).await;
    if received.is_ok() { axum::http::StatusCode::OK } else { axum::http::StatusCode::SERVICE_UNAVAILABLE }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn engine(sim: &Simulator, database: &Database, setup: &Setup, name: &str) -> anyhow::Result<Engine> {
    let plugin = sim.plugin();
    let credentials = Credentials::new(&plugin.identifier, &SecretString::from(plugin.key.clone()));
    let mut client = ClientOptions::new(sim.api_url().parse()?, credentials);
    client.request_timeout = setup.request_timeout;
    client.first_wait = Duration::from_millis(50);
    let client = Client::new(client)?;
    let ring = KeyRing::new(vec![Key { id: "test".to_owned(), bytes: SecretBox::new(Box::new([7; 32])) }])?;
    let erasure = secrets::erasure_key(database, &ring, now()).await?;
    let options = EngineOptions {
        plugin_id: PluginId::from(plugin.id),
        app_url: sim.app_url().parse()?,
        public_url: "http://127.0.0.1:1".parse()?,
        incremental_interval: setup.incremental_interval,
        reconcile_interval: setup.reconcile_interval,
        hooks_retention: Duration::from_hours(24 * 7),
        quota: QuotaOptions {
            limit: setup.quota.and_then(NonZeroU32::new),
            window: setup.window,
            request_timeout: setup.request_timeout,
        },
        lease: Duration::from_secs(5),
        worker_name: name.to_owned(),
    };
    Ok(Engine::new(database.clone(), client, ring, erasure, options))
}

/// Connects a website the way an installation does.
pub async fn connect_website(
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
