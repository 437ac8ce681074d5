//! HTTP/1.1 by hand, so that these tests see what is on the wire.

use std::time::Duration;

use serde_json::Value;
use testkit::simulator::SignedHook;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longer than any answer takes here.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A request without a body, or with one of JSON.
pub(crate) async fn ask(
    address: &str,
    method: &str,
    path: &str,
    token: &str,
    body: Option<&Value>,
) -> Answer {
    let body = body.map(Value::to_string).unwrap_or_default();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n"
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    send(&mut stream, head.as_bytes()).await;
    send(&mut stream, body.as_bytes()).await;
    answer(&mut stream).await
}

/// A delivery as it goes over the wire.
pub(crate) fn delivery(address: &str, hook: &SignedHook) -> String {
    let mut lines = vec![
        "POST /crisp/hooks HTTP/1.1".to_owned(),
        format!("host: {address}"),
        "connection: close".to_owned(),
        format!("content-length: {}", hook.body.len()),
    ];
    lines.extend(hook.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    format!("{}\r\n\r\n{}", lines.join("\r\n"), hook.body)
}

/// Sends all of it, as a client does that reads only afterwards.
pub(crate) async fn send(stream: &mut TcpStream, bytes: &[u8]) {
    tokio::time::timeout(PATIENCE, stream.write_all(bytes)).await.expect("it is taken").unwrap();
}

/// Reads until the other side closes. A reset is a failure: whoever sees one may not see the answer.
pub(crate) async fn answer(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("it ends").unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok());
    Answer { status: status.unwrap_or_else(|| panic!("{head}")), body: body.to_owned() }
}
