//! Settings, a Crisp and an account that are full of canaries.

use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};
use testkit::postgres::Database;
use testkit::simulator::{Links, Options, Simulator, WebsiteOptions};
use uuid::Uuid;

use crate::processes::{Answer, Process, api, send, worker};

/// Markers of what belongs to people, in the order of [`marked`].
pub(crate) const PERSONAL: [&str; 12] = [
    "zqnamex1",
    "zqmailx2",
    "zqphonex3",
    "zqtextx4",
    "zqsubjectx5",
    "zqdatax6",
    "zqjobx7",
    "zqfirmx8",
    "zqnotex9",
    "zqfieldx10",
    "zqguessx11",
    "zqeditx12",
];
const PLUGIN_IDENTIFIER: &str = "zqidentifier13";
const PLUGIN_KEY: &str = "zqpluginkey14";
const HOOKS_SECRET: &str = "zqhookssecret15";
const JWT_SECRET: &str = "zqjwtsecret16 of more than thirty-two bytes";
/// 32 bytes: `zqencryptionkey17zqencryptionkey`.
const ENCRYPTION_KEY: &str = "zqencryptionkey17zqencryptionkey";
const ENCRYPTION_KEYS: &str = "first:enFlbmNyeXB0aW9ua2V5MTd6cWVuY3J5cHRpb25rZXk=";

/// A text in which a marker stands among other things.
pub(crate) fn marked(place: usize) -> String {
    format!("Zoë {} / 1+1?", PERSONAL[place])
}

/// An address with the marker of addresses.
pub(crate) fn address(name: &str) -> String {
    format!("{name}.{}@canary.example", PERSONAL[1])
}

pub(crate) struct Stage {
    pub(crate) crisp: Simulator,
    pub(crate) api: String,
    worker: String,
    token: String,
    learnt: std::sync::Mutex<Vec<String>>,
    processes: Vec<Process>,
    database: Database,
}

impl Stage {
    pub(crate) async fn start() -> Self {
        let website = WebsiteOptions::of_size(0, 0).links(Links::none());
        let crisp =
            Simulator::start(Options { websites: vec![website], ..Options::default() }).await.unwrap();
        crisp.set_plugin(|plugin| {
            plugin.identifier = PLUGIN_IDENTIFIER.to_owned();
            plugin.key = PLUGIN_KEY.to_owned();
            plugin.hooks_secret = HOOKS_SECRET.to_owned();
        });
        let database = Database::fresh("nothing at all", async |_url| Ok(())).await.unwrap();
        let common = common(&crisp, database.url());
        let mut settings = common.clone();
        settings.push(("API_LISTEN", "127.0.0.1:0".to_owned()));
        let serving = Process::start(api(), &settings);
        let address = listening(&serving.wait_for("serving").await);
        let worker_address = free_address();
        let mut settings = common;
        settings.push(("WORKER_LISTEN", worker_address.clone()));
        settings.push(("API_PUBLIC_URL", format!("http://{address}")));
        let working = Process::start(worker(), &settings);
        Self {
            token: token(Uuid::new_v4()),
            crisp,
            api: address,
            worker: worker_address,
            learnt: std::sync::Mutex::default(),
            processes: vec![serving, working],
            database,
        }
    }

    /// The first website.
    pub(crate) fn website(&self) -> Uuid {
        self.crisp.website_ids()[0]
    }

    /// Takes note of a secret that was made on the way.
    pub(crate) fn learn(&self, secret: &str) {
        self.learnt.lock().unwrap().push(secret.to_owned());
    }

    /// What is never to be seen outside: the secrets of settings, and those that were made on the way.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let mut secrets = self.sealed();
        secrets.push(self.token.split('.').next_back().unwrap().to_owned());
        secrets.extend(self.learnt.lock().unwrap().iter().cloned());
        secrets
    }

    /// What not even a dump may show.
    pub(crate) fn sealed(&self) -> Vec<String> {
        let mut sealed: Vec<String> =
            [PLUGIN_KEY, HOOKS_SECRET, &ENCRYPTION_KEY[..17], "zqjwtsecret16"].map(str::to_owned).into();
        sealed.push(self.crisp.truth(self.website()).token());
        sealed
    }

    /// Asks as the account's own user.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut headers = vec![format!("Authorization: Bearer {}", self.token)];
        if body.is_some() {
            headers.push("Content-Type: application/json".to_owned());
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        send(&self.api, &format!("{method} {path}"), &headers, &body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None).await
    }

    /// Metrics of both programs.
    pub(crate) async fn metrics(&self) -> String {
        let mut all = String::new();
        for address in [&self.api, &self.worker] {
            let answer = send(address, "GET /metrics", &[], "").await;
            assert_eq!(answer.status, 200, "{address}");
            all.push_str(&answer.body);
        }
        all
    }

    /// Everything that both programs have said.
    pub(crate) fn logs(&self) -> String {
        self.processes.iter().map(Process::said).collect()
    }

    /// Every row of every table, as text.
    pub(crate) async fn dump(&self) -> String {
        self.database.dump().await.unwrap()
    }
}

fn common(crisp: &Simulator, database: &str) -> Vec<(&'static str, String)> {
    vec![
        ("DATABASE_URL", database.to_owned()),
        ("CRISP_API_URL", crisp.api_url()),
        ("CRISP_APP_URL", crisp.app_url()),
        ("CRISP_PLUGIN_ID", crisp.plugin().id.to_string()),
        ("CRISP_PLUGIN_IDENTIFIER", PLUGIN_IDENTIFIER.to_owned()),
        ("CRISP_PLUGIN_KEY", PLUGIN_KEY.to_owned()),
        ("CRISP_HOOKS_SECRET", HOOKS_SECRET.to_owned()),
        ("ENCRYPTION_KEYS", ENCRYPTION_KEYS.to_owned()),
        ("AUTH_JWT_HS256_SECRET", JWT_SECRET.to_owned()),
        ("LOG", "trace".to_owned()),
    ]
}

fn listening(line: &str) -> String {
    line.split("listen=").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap().to_owned()
}

fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

fn token(account: Uuid) -> String {
    let permissions = ["integrations:manage", "conversations:read", "directory:write"];
    let claims =
        json!({"sub": "tester", "account_id": account, "permissions": permissions, "exp": 4_000_000_000_u64});
    let key = EncodingKey::from_secret(JWT_SECRET.as_bytes());
    jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap()
}
