//! The real programs, everything they say, and a client that speaks HTTP by hand.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::Parser as _;
use crisp_settings::process;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longer than a start takes, migrations included, on a machine that does many things.
const STARTS_WITHIN: Duration = Duration::from_mins(1);

/// Set for the process that is to be the `api`.
const IS_THE_API: &str = "CANARY_IS_THE_API";

/// The `worker` itself.
pub(crate) fn worker() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_worker"));
    command.env_clear();
    command
}

/// The `api`: cargo builds no program of another package for a test, but its library, whose `main` is the program. So
/// this test's own binary is started once more, to be nothing but that.
pub(crate) fn api() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "processes::where_it_is_told_to_this_is_the_api", "--nocapture"]);
    command.env_clear().env(IS_THE_API, "1");
    command
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the process that starts this one tells it so")]
fn where_it_is_told_to_this_is_the_api() {
    if std::env::var_os(IS_THE_API).is_some() {
        let ended = process::run(api::CommandLine::parse_from(["api"]).run());
        panic!("the api ended: {ended:?}");
    }
}

/// A running program; it ends with this value.
pub(crate) struct Process {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Process {
    /// Starts a program with these settings and no others.
    pub(crate) fn start(mut command: Command, settings: &[(&str, String)]) -> Self {
        command.envs(settings.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        listen(child.stdout.take().unwrap(), &said);
        listen(child.stderr.take().unwrap(), &said);
        Self { child, said }
    }

    /// Everything it has said so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits for a line that holds this, and answers it.
    pub(crate) async fn wait_for(&self, text: &str) -> String {
        let began = Instant::now();
        loop {
            if let Some(line) = self.said().lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            assert!(began.elapsed() < STARTS_WITHIN, "never said {text:?}:\n{}", self.said());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(mut pipe: impl Read + Send + 'static, said: &Arc<Mutex<String>>) {
    let said = Arc::clone(said);
    std::thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(length @ 1..) = pipe.read(&mut buffer) {
            said.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
    });
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{} {}", self.status, self.body))
    }
}

/// Sends a request with these lines of headers; version 1.0, so that the answer ends with the connection.
pub(crate) async fn send(address: &str, request: &str, headers: &[String], body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut lines = vec![format!("{request} HTTP/1.0"), format!("Host: {address}")];
    lines.extend_from_slice(headers);
    lines.push(format!("Content-Length: {}\r\n\r\n", body.len()));
    let head = lines.join("\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    // What is refused by its head alone may not be read to its end.
    let _ = stream.write_all(body.as_bytes()).await;
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}
