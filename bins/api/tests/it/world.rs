//! A simulated Crisp, an empty database, and the program as a process.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};
use testkit::postgres::Database;
use testkit::simulator::{Options, Simulator};
use uuid::Uuid;

use crate::socket::{self, Answer};

/// Longer than a start takes, migrations included, on a machine that does many things.
const STARTS_WITHIN: Duration = Duration::from_mins(1);
pub(crate) const JWT_SECRET: &str = "the secret of these tests, of more than 32 bytes";
/// Two keys of 32 bytes.
pub(crate) const OLD_KEY: &str = "old:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
pub(crate) const NEW_KEY: &str = "new:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

pub(crate) struct World {
    pub(crate) crisp: Simulator,
    pub(crate) url: String,
    pub(crate) account: Uuid,
    _database: Option<Database>,
}

impl World {
    /// With an empty database on the server of the tests.
    pub(crate) async fn new() -> Self {
        Self::with(Options::of_size(3, 3)).await
    }

    /// With a database of somebody else's.
    pub(crate) async fn on(url: String) -> Self {
        Self::of(Options::of_size(3, 3), url).await
    }

    /// With an empty database, and such a Crisp.
    pub(crate) async fn with(options: Options) -> Self {
        let database = Database::fresh("nothing at all", async |_url| Ok(())).await.unwrap();
        let url = database.url().to_owned();
        Self { _database: Some(database), ..Self::of(options, url).await }
    }

    async fn of(options: Options, url: String) -> Self {
        let crisp = Simulator::start(options).await.unwrap();
        Self { crisp, url, account: Uuid::new_v4(), _database: None }
    }

    /// A first import of the first website, that nobody works on yet.
    pub(crate) async fn queued_sync(&self, server: &Serving) -> String {
        let draft = server.ask("POST", "/v1/integrations", Some(json!({}))).await.json();
        let website = self.crisp.website_ids()[0];
        let code = json!({"custify_connection_code": draft["connection_code"]});
        self.crisp.change(website).set_settings(&code);
        let path = format!("/v1/integrations/{}", draft["id"].as_str().unwrap());
        let website = json!({"website_id": website});
        let connected = server.ask("PUT", &format!("{path}/website"), Some(website)).await;
        assert_eq!(connected.status, 200, "{connected:?}");
        let sync = server.ask("POST", &format!("{path}/syncs"), Some(json!({"kind": "full"}))).await;
        assert_eq!(sync.status, 202, "{sync:?}");
        sync.json()["id"].as_str().unwrap().to_owned()
    }

    /// The program with all settings that it needs and no other; each can be replaced by `with`.
    pub(crate) fn api(&self, arguments: &[&str], with: &[(&str, &str)]) -> Command {
        let plugin = self.crisp.plugin();
        let mut command = bare(arguments);
        command
            .env("DATABASE_URL", &self.url)
            .env("API_LISTEN", "127.0.0.1:0")
            .env("CRISP_API_URL", self.crisp.api_url())
            .env("CRISP_APP_URL", self.crisp.app_url())
            .env("CRISP_PLUGIN_ID", plugin.id.to_string())
            .env("CRISP_PLUGIN_IDENTIFIER", plugin.identifier)
            .env("CRISP_PLUGIN_KEY", plugin.key)
            .env("CRISP_HOOKS_SECRET", plugin.hooks_secret)
            .env("ENCRYPTION_KEYS", OLD_KEY)
            .env("AUTH_JWT_HS256_SECRET", JWT_SECRET)
            .envs(with.iter().copied());
        command
    }

    /// Runs a command that ends by itself.
    pub(crate) async fn run(&self, arguments: &[&str], with: &[(&str, &str)]) -> Output {
        finish(self.api(arguments, with)).await
    }

    /// The server, once it serves.
    pub(crate) async fn serve(&self, arguments: &[&str], with: &[(&str, &str)]) -> Serving {
        let mut process = Process::of(self.api(arguments, with));
        let line = process.wait_for("serving").await;
        let address = line.split("listen=").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap();
        Serving { address: address.to_owned(), token: token(self.account), process }
    }
}

/// Runs a command to its end, beside the simulated Crisp that it may ask.
pub(crate) async fn finish(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// The program without a single setting.
pub(crate) fn bare(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_api"));
    command.env_clear().args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A token that may do everything.
pub(crate) fn token(account: Uuid) -> String {
    let permissions = ["integrations:manage", "conversations:read", "directory:write"];
    let claims =
        json!({"sub": "tester", "account_id": account, "permissions": permissions, "exp": 4_000_000_000_u64});
    let key = EncodingKey::from_secret(JWT_SECRET.as_bytes());
    jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap()
}

/// A server that answers.
pub(crate) struct Serving {
    pub(crate) address: String,
    pub(crate) token: String,
    pub(crate) process: Process,
}

impl Serving {
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        socket::ask(&self.address, method, path, &self.token, body.as_ref()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None).await
    }
}

/// A process and what it has written so far; it ends with this value.
pub(crate) struct Process {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Process {
    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = Arc::default();
        collect(child.stdout.take().unwrap(), Arc::clone(&lines));
        collect(child.stderr.take().unwrap(), Arc::clone(&lines));
        Self { child, lines }
    }

    pub(crate) fn written(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// The first line that contains this.
    pub(crate) async fn wait_for(&mut self, text: &str) -> String {
        let begun = Instant::now();
        loop {
            let found = self.lines.lock().unwrap().iter().find(|line| line.contains(text)).cloned();
            if let Some(line) = found {
                return line;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && begun.elapsed() < STARTS_WITHIN, "{ended:?}: {}", self.written());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("/bin/kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    /// How it ended, within so much time.
    pub(crate) async fn ends_within(&mut self, patience: Duration) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < patience, "it goes on: {}", self.written());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(pipe: impl Read + Send + 'static, lines: Arc<Mutex<Vec<String>>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            lines.lock().unwrap().push(line);
        }
    });
}
