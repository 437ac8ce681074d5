//! The real programs, everything they say, and a client that speaks HTTP by hand.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longer than a start takes, migrations included, on a machine that does many things.
const STARTS_WITHIN: Duration = Duration::from_mins(1);

/// A running program; it ends with this value.
pub(crate) struct Process {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Process {
    /// Starts a program with these settings and no others.
    pub(crate) fn start(program: PathBuf, settings: &[(&str, String)]) -> Self {
        let mut command = Command::new(program);
        command.env_clear().envs(settings.iter().map(|(name, value)| (name, value)));
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

/// The `worker` that stands beside the `api` of this test; built where it is not there yet.
pub(crate) fn worker() -> PathBuf {
    let beside = PathBuf::from(env!("CARGO_BIN_EXE_api")).with_file_name("worker");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--package", "worker"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    assert!(build.status().unwrap().success(), "the worker could not be built");
    beside
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
