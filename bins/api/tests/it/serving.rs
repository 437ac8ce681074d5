//! The server from its start to its end.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::postgres::Cluster;
use testkit::simulator::{Fault, FaultRule};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::socket::send;
use crate::world::{Process, World, bare};

/// What the contract gives a process to end.
const GRACE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn it_ends_in_time_and_well_although_somebody_watches_a_sync() {
    let world = World::new().await;
    let mut server = world.serve(&[], &[]).await;
    let sync = world.queued_sync(&server).await;
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    let request = format!(
        "GET /v1/syncs/{sync}/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n",
        server.token
    );
    send(&mut stream, request.as_bytes()).await;
    let mut seen = String::new();
    while seen.matches("data:").count() < 2 {
        let mut piece = [0; 4096];
        let length = stream.read(&mut piece).await.unwrap();
        assert!(length > 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&piece[..length]));
    }
    server.process.terminate();
    let status = server.process.ends_within(GRACE).await;
    assert_eq!(status.code(), Some(0), "{}", server.process.written());
}

#[tokio::test]
async fn two_that_start_at_once_on_an_empty_database_both_serve() {
    let world = World::new().await;
    let (first, second) = tokio::join!(world.serve(&[], &[]), world.serve(&[], &[]));
    for server in [&first, &second] {
        assert_eq!(server.get("/readyz").await.status, 200);
        assert_eq!(server.get("/v1/integrations").await.status, 200);
    }
}

#[tokio::test]
async fn it_is_ready_while_its_database_is_there() {
    let cluster = Cluster::dedicated().await.unwrap();
    let url = cluster.create_database("ready").await.unwrap();
    let world = World::on(url).await;
    let server = world.serve(&[], &[]).await;
    assert_eq!(server.get("/readyz").await.status, 200);
    cluster.stop().await.unwrap();
    assert_eq!(server.get("/readyz").await.status, 503);
    assert_eq!(server.get("/healthz").await.status, 200);
    let away = server.get("/v1/integrations").await;
    assert_eq!((away.status, &away.json()["code"]), (503, &json!("unavailable")));
    cluster.start().await.unwrap();
    assert_eq!(server.get("/readyz").await.status, 200);
    assert_eq!(server.get("/v1/integrations").await.status, 200);
}

#[tokio::test]
async fn the_document_that_is_served_is_the_one_that_is_printed() {
    let printed = bare(&["openapi"]).output().unwrap();
    assert!(printed.status.success());
    let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
    let world = World::new().await;
    let server = world.serve(&[], &[]).await;
    assert_eq!(server.get("/openapi.json").await.json(), printed);
}

#[tokio::test]
async fn a_command_that_is_asked_to_stop_says_that_it_was_not_done() {
    let world = World::new().await;
    assert!(world.run(&["migrate"], &[]).await.status.success());
    world.crisp.behave(|behaviour| behaviour.faults = vec![FaultRule::by_chance(1.0, Fault::Hang(60_000))]);
    let slow = [("CRISP_REQUEST_TIMEOUT_SECONDS", "60")];
    let mut doctor = Process::of(world.api(&["doctor"], &slow));
    tokio::time::sleep(Duration::from_secs(3)).await;
    doctor.terminate();
    let status = doctor.ends_within(GRACE).await;
    assert_eq!(status.code(), Some(1), "{}", doctor.written());
    assert!(doctor.written().contains("asked to stop before everything was done"), "{}", doctor.written());
}
