//! The routes of a process with a database of its own and a simulated Crisp.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, request};
use chrono::{DateTime, Utc};
use crisp_client::{Client, ClientOptions, Credentials, PluginId};
use crisp_http::auth::Verifier;
use crisp_http::routes::{Guards, LimitOptions, Limits, Route, Routes};
use crisp_http::{App, AppState, Http};
use crisp_storage::quota::QuotaOptions;
use crisp_storage::vault::{Key, KeyRing};
use crisp_storage::{Database, DatabaseOptions, secrets};
use crisp_sync::hooks::HookIntake;
use crisp_sync::{Engine, EngineOptions, worker};
use http_body_util::BodyExt as _;
use jsonwebtoken::{EncodingKey, Header};
use secrecy::SecretBox;
use serde_json::{Value, json};
use testkit::simulator::{Options, Simulator};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use uuid::Uuid;

const SECRET: &str = "a secret for these tests alone";
/// Everything that a token can allow.
pub(crate) const ALL: [&str; 3] = ["integrations:manage", "conversations:read", "directory:write"];

pub(crate) struct World {
    pub(crate) crisp: Simulator,
    pub(crate) engine: Engine,
    pub(crate) state: AppState,
    pub(crate) router: Router,
    pub(crate) table: Vec<Route>,
    /// Of the account that these tests are mostly about.
    pub(crate) token: String,
    /// Of another one.
    pub(crate) stranger: String,
    // Dropped last: the engine's connections end first.
    server: testkit::postgres::Database,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Answer {
    /// The status and the problem's code, empty where it is none.
    pub(crate) fn outcome(&self) -> (u16, &str) {
        (self.status.as_u16(), self.json["code"].as_str().unwrap_or_default())
    }

    /// What is wrong with which field.
    pub(crate) fn fields(&self) -> Vec<(&str, &str)> {
        let errors = self.json["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors
            .iter()
            .map(|error| (error["field"].as_str().unwrap(), error["code"].as_str().unwrap()))
            .collect()
    }

    /// The rows of a list.
    pub(crate) fn items(&self) -> &[Value] {
        self.json["items"].as_array().unwrap_or_else(|| panic!("{self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

impl World {
    pub(crate) async fn of(options: Options) -> Self {
        Self::with_hooks(options, true).await
    }

    pub(crate) async fn with_hooks(options: Options, takes_hooks: bool) -> Self {
        let crisp = Simulator::start(options).await.unwrap();
        let server = testkit::postgres::Database::fresh(&template_key(), async |url| {
            Ok(Database::connect(DatabaseOptions::new(url.into()))?.migrate().await?)
        })
        .await
        .unwrap();
        let database = Database::connect(DatabaseOptions::new(server.url().into())).unwrap();
        let engine = engine(&crisp, database.clone()).await;
        let secret = crisp.plugin().hooks_secret;
        let state = AppState::new(Http {
            engine: engine.clone(),
            hooks: takes_hooks.then(|| HookIntake::start(database, secret.into())),
            verifier: Verifier::hs256(&SECRET.into()),
            public_url: "http://127.0.0.1:8080".parse().unwrap(),
            shutdown: CancellationToken::new(),
        });
        let all: Routes =
            crisp_http::api(&state, Arc::new(|| "metrics 1".to_owned())).with_document().unwrap();
        let guards = Guards::new(state.verifier.clone(), Limits::new(LimitOptions::default()));
        let table = all.table();
        let router = App::new(all, &guards).into_router();
        let token = token(Uuid::new_v4(), &ALL);
        let stranger = self::token(Uuid::new_v4(), &ALL);
        Self { crisp, engine, state, router, table, token, stranger, server }
    }

    /// The first website.
    pub(crate) fn website(&self) -> Uuid {
        self.crisp.website_ids()[0]
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status, headers, text, json }
    }

    pub(crate) async fn call(&self, method: &str, path: &str, token: &str, body: Option<Value>) -> Answer {
        let request = request(method, path).header("authorization", format!("Bearer {token}"));
        let request = match body {
            Some(body) => {
                request.header("content-type", "application/json").body(Body::from(body.to_string()))
            }
            None => request.body(Body::empty()),
        };
        self.send(request.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &self.token, None).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.call("PUT", path, &self.token, Some(body)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, &self.token, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, &self.token, None).await
    }

    /// One number that a statement yields, to somebody who sees everything.
    pub(crate) async fn number(&self, statement: &str) -> i64 {
        let client = testkit::postgres::connect(self.server.url()).await.unwrap();
        client.query_one(statement, &[]).await.unwrap().get(0)
    }

    /// How many hooks are stored and not applied, whoever's they are.
    pub(crate) async fn stored_hooks(&self) -> usize {
        let database = self.engine.database();
        let (mut stored, most) = (0, crisp_storage::hooks::BatchSize { hooks: 100, bytes: i64::MAX });
        for account in database.list_accounts().await.unwrap() {
            let mut session = database.read_primary(account).await.unwrap();
            for row in crisp_storage::integrations::list(&mut session).await.unwrap() {
                let id = row.integration_id();
                let pending =
                    crisp_storage::hooks::list_pending(&mut session, id, now(), most).await.unwrap();
                stored += pending.len();
            }
        }
        stored
    }

    /// A new integration without a website.
    pub(crate) async fn draft(&self) -> Value {
        let answer = self.post("/v1/integrations", json!({})).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json
    }

    /// The address of an integration that is connected to the first website, by its connection code.
    pub(crate) async fn connected(&self) -> String {
        self.connected_as(&self.token, self.website()).await
    }

    /// The same for whoever has this token, with this website.
    pub(crate) async fn connected_as(&self, token: &str, website: Uuid) -> String {
        let draft = self.call("POST", "/v1/integrations", token, Some(json!({}))).await.json;
        let path = format!("/v1/integrations/{}", draft["id"].as_str().unwrap());
        let code = json!({"custify_connection_code": draft["connection_code"]});
        self.crisp.change(website).set_settings(&code);
        let body = json!({"website_id": website});
        let answer = self.call("PUT", &format!("{path}/website"), token, Some(body)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json["state"].as_str()),
            (200, Some("connected")),
            "{answer:?}"
        );
        path
    }

    /// The same, with the first import done.
    pub(crate) async fn imported(&self) -> String {
        self.imported_as(&self.token, self.website()).await
    }

    /// The same for whoever has this token, with this website.
    pub(crate) async fn imported_as(&self, token: &str, website: Uuid) -> String {
        let path = self.connected_as(token, website).await;
        let sync = self.call("POST", &format!("{path}/syncs"), token, Some(json!({"kind": "full"}))).await;
        assert_eq!(sync.status, 202, "{sync:?}");
        let sync = format!("/v1/syncs/{}", sync.json["id"].as_str().unwrap());
        let read = async || self.call("GET", &sync, token, None).await.json;
        self.work_until(async || !read().await["finished_at"].is_null()).await;
        assert_eq!(read().await["state"], "succeeded");
        path
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

    /// All rows of a list, in pages of `limit`.
    pub(crate) async fn walk(&self, path: &str, limit: u16) -> Vec<Value> {
        let (mut rows, mut cursor) = (Vec::new(), String::new());
        loop {
            let join = if path.contains('?') { '&' } else { '?' };
            let page = self.get(&format!("{path}{join}limit={limit}&cursor={cursor}")).await;
            assert!(page.items().len() <= usize::from(limit));
            rows.extend_from_slice(page.items());
            match page.json["next_cursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => return rows,
            }
        }
    }
}

pub(crate) fn request(method: &str, path: &str) -> request::Builder {
    Request::builder().method(method).uri(path).header("host", "127.0.0.1:8080")
}

pub(crate) fn token(account: Uuid, permissions: &[&str]) -> String {
    let claims = json!({"sub": "ole@custify.example", "account_id": account, "exp": now().timestamp() + 600,
        "permissions": permissions});
    jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "tests are an edge, too")]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

async fn engine(crisp: &Simulator, database: Database) -> Engine {
    let plugin = crisp.plugin();
    let key = Key { id: "k1".to_owned(), bytes: SecretBox::new(Box::new([7; 32])) };
    let ring = KeyRing::new(vec![key]).unwrap();
    let erasure = secrets::erasure_key(&database, &ring, now()).await.unwrap();
    let credentials = Credentials::new(&plugin.identifier, &plugin.key.as_str().into());
    let mut options = ClientOptions::new(crisp.api_url().parse().unwrap(), credentials);
    options.first_wait = Duration::from_millis(10);
    let quota = QuotaOptions {
        limit: None,
        window: Duration::from_hours(1),
        request_timeout: Duration::from_secs(10),
    };
    let options_of_engine = EngineOptions {
        plugin_id: PluginId::new(plugin.id),
        app_url: crisp.app_url().parse().unwrap(),
        public_url: "http://127.0.0.1:8080".parse().unwrap(),
        incremental_interval: Duration::from_mins(15),
        reconcile_interval: Duration::from_hours(24),
        hooks_retention: Duration::from_hours(24 * 7),
        quota,
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
    format!("http-{key}")
}
