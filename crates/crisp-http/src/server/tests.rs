use std::net::SocketAddr;
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinHandle;

use super::*;
use crate::auth::Verifier;
use crate::routes::{Access, Guards, Lane, LimitOptions, Limits, Routes, Terms};

struct Running {
    address: SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    async fn start(options: ServerOptions) -> Self {
        let operations = Terms::from(Access::Public).in_lane(Lane::Operations);
        let slow = async || tokio::time::sleep(Duration::from_millis(300)).await;
        let routes = Routes::new()
            .get("/healthz", operations, async || "alive")
            .get("/v1", Access::Public, async || "here")
            .get("/slow", Access::Public, slow)
            .get("/forever", Access::Public, async || std::future::pending::<()>().await);
        let guards = Guards::new(Verifier::nobody(), Limits::new(LimitOptions::default()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(serve(App::new(routes, &guards), listener, options, shutdown.clone()));
        Self { address, shutdown, task }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends this and reads until the server closes.
    async fn exchange(&self, text: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(text.as_bytes()).await.unwrap();
        read(&mut stream).await
    }

    async fn stop(self) -> Duration {
        let begun = Instant::now();
        self.shutdown.cancel();
        self.task.await.unwrap();
        begun.elapsed()
    }
}

async fn read(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset after the answer is an end like any other.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

fn ask(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
}

#[tokio::test]
async fn it_answers_and_stops_when_asked() {
    let server = Running::start(ServerOptions::default()).await;
    assert!(server.exchange(&ask("/v1")).await.ends_with("here"));
    let _idle = server.connect().await;
    assert!(server.stop().await < Duration::from_secs(2));
}

#[tokio::test]
async fn what_is_under_way_is_finished_before_it_stops() {
    let server = Running::start(ServerOptions::default()).await;
    let mut stream = server.connect().await;
    stream.write_all(ask("/slow").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.stop().await;
    assert!(read(&mut stream).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn what_never_ends_is_cut_off_after_the_grace() {
    let grace = Duration::from_millis(300);
    let server = Running::start(ServerOptions { grace, ..ServerOptions::default() }).await;
    let mut stream = server.connect().await;
    stream.write_all(ask("/forever").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let took = server.stop().await;
    assert!(took >= grace && took < Duration::from_secs(3), "{took:?}");
    assert_eq!(read(&mut stream).await, "");
}

#[tokio::test]
async fn a_head_that_does_not_arrive_ends_the_connection() {
    let head_within = Duration::from_millis(200);
    let server = Running::start(ServerOptions { head_within, ..ServerOptions::default() }).await;
    for begun in ["", "G", "PRI * HTTP/2.0\r\n\r\n", "GET / HTTP/1.1\r\nx: "] {
        let answer = tokio::time::timeout(Duration::from_secs(5), server.exchange(begun)).await;
        assert!(answer.is_ok(), "{begun:?}");
    }
}

#[tokio::test]
async fn a_flood_of_headers_is_refused() {
    let server = Running::start(ServerOptions::default()).await;
    let many = "a: b\r\n".repeat(200);
    let answer = server.exchange(&format!("GET /v1 HTTP/1.1\r\nhost: x\r\n{many}\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let long = "x".repeat(100_000);
    let answer = server.exchange(&format!("GET /v1 HTTP/1.1\r\nhost: x\r\na: {long}\r\n\r\n")).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn beyond_the_limit_health_is_answered_and_the_rest_is_shed() {
    let server = Running::start(ServerOptions { max_connections: 2, ..ServerOptions::default() }).await;
    let (_first, _second) = (server.connect().await, server.connect().await);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(server.exchange(&ask("/healthz")).await.ends_with("alive"));
    let shed = server.exchange(&ask("/v1")).await;
    assert!(shed.starts_with("HTTP/1.1 503") && shed.contains("\"code\":\"overloaded\""), "{shed}");
}

#[tokio::test]
async fn hundreds_of_idle_connections_leave_it_alive() {
    let options = ServerOptions { max_connections: 300, ..ServerOptions::default() };
    let server = Running::start(options).await;
    let mut idle = Vec::new();
    for _ in 0..350 {
        idle.push(server.connect().await);
    }
    assert!(server.exchange(&ask("/healthz")).await.ends_with("alive"));
    drop(idle);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(server.exchange(&ask("/v1")).await.ends_with("here"));
}
