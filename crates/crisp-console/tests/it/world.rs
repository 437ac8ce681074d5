//! The console of a process with a database of its own and a simulated Crisp, and a browser's part.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, request};
use chrono::{DateTime, Utc};
use crisp_client::{Client, ClientOptions, Credentials, PluginId};
use crisp_http::auth::Verifier;
use crisp_http::routes::{Guards, LimitOptions, Limits, Route};
use crisp_http::{App, AppState, Http};
use crisp_storage::quota::QuotaOptions;
use crisp_storage::vault::{Key, KeyRing};
use crisp_storage::{Database, DatabaseOptions, secrets};
use crisp_sync::{Engine, EngineOptions, worker};
use http_body_util::BodyExt as _;
use jsonwebtoken::{EncodingKey, Header};
use scraper::{Html, Selector};
use secrecy::SecretBox;
use serde_json::json;
use testkit::simulator::{Options, Simulator};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use url::form_urlencoded;
use uuid::Uuid;

const SECRET: &str = "a secret for these tests alone";
pub(crate) const MANAGE: &str = "integrations:manage";
pub(crate) const READ: &str = "conversations:read";

pub(crate) struct World {
    pub(crate) crisp: Simulator,
    pub(crate) engine: Engine,
    pub(crate) account: Uuid,
    pub(crate) table: Vec<Route>,
    /// Everything is allowed.
    pub(crate) admin: String,
    router: Router,
    // Dropped last: the engine's connections end first.
    _server: testkit::postgres::Database,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The text of every element that a selector finds.
    pub(crate) fn texts(&self, selector: &str) -> Vec<String> {
        let squeeze = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let page = Html::parse_document(&self.text);
        page.select(&Selector::parse(selector).unwrap())
            .map(|found| squeeze(found.text().collect()))
            .collect()
    }

    /// An attribute of every element that a selector finds.
    pub(crate) fn attributes(&self, selector: &str, name: &str) -> Vec<String> {
        let page = Html::parse_document(&self.text);
        let selector = Selector::parse(selector).unwrap();
        page.select(&selector).map(|found| found.attr(name).unwrap_or_default().to_owned()).collect()
    }

    /// Where the browser is sent.
    pub(crate) fn leads_to(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.text);
        self.header("location")
    }
}

impl World {
    pub(crate) async fn of(options: Options) -> Self {
        let crisp = Simulator::start(options).await.unwrap();
        let server = testkit::postgres::Database::fresh(&template_key(), async |url| {
            Ok(Database::connect(DatabaseOptions::new(url.into()))?.migrate().await?)
        })
        .await
        .unwrap();
        let database = Database::connect(DatabaseOptions::new(server.url().into())).unwrap();
        let engine = engine(&crisp, database).await;
        let state = AppState::new(Http {
            engine: engine.clone(),
            hooks: None,
            verifier: Verifier::hs256(&SECRET.into()),
            public_url: "http://127.0.0.1:8080".parse().unwrap(),
            shutdown: CancellationToken::new(),
        });
        let pages = crisp_console::routes();
        let table = pages.table();
        let all = crisp_http::api(&state, Arc::new(String::new)).merge(pages.with_state(&state));
        let guards = Guards::new(state.verifier.clone(), Limits::new(LimitOptions::default()));
        let router = App::new(all, &guards.with_page_refusal(crisp_console::page_refusal)).into_router();
        let account = Uuid::new_v4();
        Self {
            crisp,
            engine,
            account,
            table,
            admin: token(account, &[MANAGE, READ]),
            router,
            _server: server,
        }
    }

    /// The first website.
    pub(crate) fn website(&self) -> Uuid {
        self.crisp.website_ids()[0]
    }

    /// Everything, to be served.
    pub(crate) fn router(&self) -> Router {
        self.router.clone()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Answer { status, headers, text: String::from_utf8_lossy(&bytes).into_owned() }
    }

    pub(crate) async fn get_as(&self, token: &str, path: &str) -> Answer {
        self.send(request("GET", path, token).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_as(&self.admin, path).await
    }

    /// A page that there is.
    pub(crate) async fn page(&self, path: &str) -> Answer {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer
    }

    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_as(&self.admin, path, fields).await
    }

    pub(crate) async fn post_as(&self, token: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = request("POST", path, token).header("sec-fetch-site", "same-origin");
        let form = request.header("content-type", "application/x-www-form-urlencoded");
        self.send(form.body(Body::from(body)).unwrap()).await
    }

    /// The address of an integration that is connected to the first website, as an installer's browser does it.
    pub(crate) async fn connected(&self) -> String {
        self.connected_as(&self.admin, self.website()).await
    }

    /// The same for whoever has this session, with this website.
    pub(crate) async fn connected_as(&self, session: &str, website: Uuid) -> String {
        let made = self.post_as(session, "/integrations", &[]).await;
        let path = made.leads_to().to_owned();
        let link = self.get_as(session, &path).await.attributes("#install", "href").remove(0);
        let link: url::Url = link.parse().unwrap();
        let payload = link.query_pairs().find(|(name, _)| name == "payload").unwrap().1.into_owned();
        let (id, token) = (website.to_string(), self.crisp.truth(website).token());
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("payload", payload.as_str()), ("website_id", &id), ("token", &token)])
            .finish();
        let back = self.get_as(session, &format!("/crisp/callback?{query}")).await;
        assert!(back.leads_to().ends_with(&path), "{back:?}");
        path
    }

    /// The same, with the first import done; also the address of its sync.
    pub(crate) async fn imported(&self) -> (String, String) {
        self.imported_as(&self.admin, self.website()).await
    }

    /// The same for whoever has this session, with this website.
    pub(crate) async fn imported_as(&self, session: &str, website: Uuid) -> (String, String) {
        let path = self.connected_as(session, website).await;
        let begun = self.post_as(session, &format!("{path}/syncs"), &[("kind", "full")]).await;
        let sync = begun.leads_to().to_owned();
        let done = async || self.get_as(session, &sync).await.texts("#sync-state") == ["Succeeded"];
        self.work_until(done).await;
        (path, sync)
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
}

/// A browser's request, with its cookie where there is one.
pub(crate) fn request(method: &str, path: &str, token: &str) -> request::Builder {
    let request = Request::builder().method(method).uri(path).header("host", "127.0.0.1:8080");
    if token.is_empty() { request } else { request.header("cookie", format!("crisp_session={token}")) }
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
    format!("console-{key}")
}
