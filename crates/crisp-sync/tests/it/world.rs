//! An engine with a database of its own and a simulated Crisp.

use std::num::NonZeroU32;
use std::time::Duration;

use chrono::{DateTime, Utc};
use crisp_client::{Client, ClientOptions, Credentials, PluginId};
use crisp_domain::{AccountId, IntegrationId};
use crisp_storage::audit::AuditEntry;
use crisp_storage::integrations::{self, IntegrationRow};
use crisp_storage::quota::QuotaOptions;
use crisp_storage::syncs::SyncRow;
use crisp_storage::vault::{Key, KeyRing};
use crisp_storage::{Database, DatabaseOptions, audit, secrets};
use crisp_sync::hooks::HookIntake;
use crisp_sync::syncs::{self, Messages, SyncKind};
use crisp_sync::{Engine, EngineOptions, connect, worker};
use secrecy::SecretBox;
use serde_json::{Value, json};
use testkit::simulator::{Options, Simulator};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Who does everything in these tests.
pub(crate) const ACTOR: &str = "ole@custify.example";

pub(crate) struct World {
    pub(crate) crisp: Simulator,
    pub(crate) engine: Engine,
    pub(crate) account: AccountId,
    // Dropped last: the engine's connections end first.
    server: testkit::postgres::Database,
}

impl World {
    pub(crate) async fn of(options: Options) -> Self {
        Self::with_quota(options, None).await
    }

    /// With a quota of so many requests an hour.
    pub(crate) async fn with_quota(options: Options, quota: Option<u32>) -> Self {
        Self::with(options, quota, Duration::from_mins(15)).await
    }

    /// Of a process with this schedule.
    pub(crate) async fn with_interval(options: Options, interval: Duration) -> Self {
        Self::with(options, None, interval).await
    }

    async fn with(options: Options, quota: Option<u32>, interval: Duration) -> Self {
        let crisp = Simulator::start(options).await.unwrap();
        let server = testkit::postgres::Database::fresh(&template_key(), async |url| {
            Ok(Database::connect(DatabaseOptions::new(url.into()))?.migrate().await?)
        })
        .await
        .unwrap();
        let database = Database::connect(DatabaseOptions::new(server.url().into())).unwrap();
        let engine = engine(&crisp, database, quota, interval).await;
        Self { crisp, engine, account: AccountId::new_v7(now()), server }
    }

    /// The first website.
    pub(crate) fn website(&self) -> Uuid {
        self.crisp.website_ids()[0]
    }

    /// An integration of the first website that was proven by its connection code.
    pub(crate) async fn connected(&self) -> IntegrationId {
        let draft = connect::create(&self.engine, self.account, ACTOR, None).await.unwrap().row;
        self.crisp
            .change(self.website())
            .set_settings(&json!({"custify_connection_code": draft.connection_code}));
        let id = draft.integration_id();
        let row = connect::put_website(&self.engine, self.account, id, ACTOR, &self.website().to_string())
            .await
            .unwrap();
        assert_eq!(row.state, "connected");
        id
    }

    /// A connected integration whose first import is done.
    pub(crate) async fn imported(&self) -> IntegrationId {
        let id = self.connected().await;
        let sync = self.sync(id, SyncKind::Full).await;
        assert_eq!(sync.state, "succeeded", "{:?}", sync.problem_detail);
        id
    }

    /// Triggers a sync and works until it ended.
    pub(crate) async fn sync(&self, id: IntegrationId, kind: SyncKind) -> SyncRow {
        let sync = syncs::trigger(&self.engine, self.account, id, ACTOR, kind, Messages::WhereNew)
            .await
            .unwrap()
            .sync_id();
        self.work_until(async || !syncs::get(&self.engine, self.account, sync).await.unwrap().is_under_way())
            .await;
        syncs::get(&self.engine, self.account, sync).await.unwrap()
    }

    /// Lets a worker work until `done` holds, for half a minute at the most.
    pub(crate) async fn work_until(&self, done: impl AsyncFn() -> bool) {
        let stop = CancellationToken::new();
        let (engine, stopped) = (self.engine.clone(), stop.clone());
        let working = tokio::spawn(async move { worker::run(&engine, 2, stopped).await });
        let waited = tokio::time::timeout(Duration::from_secs(30), async {
            while !done().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        stop.cancel();
        working.await.unwrap();
        assert!(waited.is_ok(), "nothing came of it within half a minute");
    }

    pub(crate) async fn integration(&self, id: IntegrationId) -> IntegrationRow {
        let mut session = self.engine.database().read_primary(self.account).await.unwrap();
        let row = integrations::get(&mut session, id).await.unwrap();
        session.commit().await.unwrap();
        row
    }

    /// Delivers web hooks: an event, what it holds, and when Crisp says that it happened.
    pub(crate) async fn deliver(&self, hooks: &[(&str, Value, i64)]) {
        let secret = self.crisp.plugin().hooks_secret.into();
        let intake = HookIntake::start(self.engine.database().clone(), secret);
        for (event, data, at_ms) in hooks {
            let envelope =
                json!({"website_id": self.website(), "event": event, "data": data, "timestamp": at_ms});
            let hook = self.crisp.signed_hook(&envelope);
            let header = |name: &str| {
                let found = hook.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.as_str())
            };
            let (timestamp, signature) = (header("x-crisp-request-timestamp"), header("x-crisp-signature"));
            intake.receive(timestamp, signature, hook.body.clone().into()).await.unwrap();
        }
    }

    /// Delivers, and works until all hooks are applied and nothing is wanted any more.
    pub(crate) async fn hear(&self, id: IntegrationId, hooks: &[(&str, Value, i64)]) {
        self.deliver(hooks).await;
        self.settle(id).await;
    }

    /// Works until all hooks are applied and nothing is wanted any more.
    pub(crate) async fn settle(&self, id: IntegrationId) {
        self.work_until(async || {
            let mut session = self.engine.database().read_primary(self.account).await.unwrap();
            let pending = crisp_storage::hooks::list_backlogged(&mut session).await.unwrap();
            let wanted = crisp_storage::wanted::next_due(&mut session, id).await.unwrap();
            let (due, _) = crisp_storage::transcripts::count_due(&mut session, id).await.unwrap();
            session.commit().await.unwrap();
            pending.is_empty() && wanted.is_none() && due == 0
        })
        .await;
    }

    /// Every row of every table as text, in lower case; bodies of hooks as they came.
    pub(crate) async fn dump(&self) -> String {
        self.server.dump().await.unwrap().to_lowercase()
    }

    /// What the log says was done, oldest first.
    pub(crate) async fn log(&self) -> Vec<AuditEntry> {
        let mut session = self.engine.database().read_primary(self.account).await.unwrap();
        let mut entries = audit::list(&mut session, None, None, 100).await.unwrap();
        session.commit().await.unwrap();
        entries.reverse();
        entries
    }

    pub(crate) async fn actions(&self) -> Vec<String> {
        self.log().await.into_iter().map(|entry| entry.action).collect()
    }
}

#[expect(clippy::disallowed_methods, reason = "tests are an edge, too")]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

async fn engine(crisp: &Simulator, database: Database, quota: Option<u32>, interval: Duration) -> Engine {
    let plugin = crisp.plugin();
    let ring =
        KeyRing::new(vec![Key { id: "k1".to_owned(), bytes: SecretBox::new(Box::new([7; 32])) }]).unwrap();
    let erasure = secrets::erasure_key(&database, &ring, now()).await.unwrap();
    let credentials = Credentials::new(&plugin.identifier, &plugin.key.as_str().into());
    let mut options = ClientOptions::new(crisp.api_url().parse().unwrap(), credentials);
    options.first_wait = Duration::from_millis(10);
    let options_of_engine = EngineOptions {
        plugin_id: PluginId::new(plugin.id),
        app_url: crisp.app_url().parse().unwrap(),
        public_url: "http://127.0.0.1:8080".parse().unwrap(),
        incremental_interval: interval,
        reconcile_interval: Duration::from_hours(24),
        hooks_retention: Duration::from_hours(7 * 24),
        quota: QuotaOptions {
            limit: quota.and_then(NonZeroU32::new),
            window: Duration::from_hours(1),
            request_timeout: Duration::from_secs(10),
        },
        lease: Duration::from_secs(10),
        worker_name: "test".to_owned(),
    };
    Engine::new(database, Client::new(options).unwrap(), ring, erasure, options_of_engine)
}

/// The template database follows the migrations.
fn template_key() -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../crisp-storage/migrations");
    let mut folders: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let texts = folders.iter().map(|folder| std::fs::read_to_string(folder.join("up.sql")).unwrap());
    let key = Uuid::new_v5(&Uuid::NAMESPACE_OID, texts.collect::<String>().as_bytes());
    format!("sync-{key}")
}
