//! Postgres crashes, and is away for a while.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use testkit::process::{self, Process};
use testkit::simulator::Options;
use tokio::time::sleep;

use crate::comparison::differences;
use crate::crowd;
use crate::stage::{Base, Stage};

/// How long Postgres is away: longer than any connection is waited for.
const AWAY: Duration = Duration::from_secs(15);
/// How long readiness may take to follow.
const NOTICED: Duration = Duration::from_secs(20);

async fn answers(url: &str, status: u16) -> anyhow::Result<String> {
    let begun = Instant::now();
    loop {
        match process::get(url).await {
            Ok((found, body)) if found == status => return Ok(body),
            answer => anyhow::ensure!(begun.elapsed() < NOTICED, "{url} answers {answer:?}, not {status}"),
        }
        sleep(Duration::from_millis(100)).await;
    }
}

fn free_address() -> anyhow::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_may_crash_and_be_away_and_everything_waits_and_goes_on() -> anyhow::Result<()> {
    let _machine = crowd::beside_others().await;
    let options = Options::of_size(400, 400).behaving(|behaviour| behaviour.latency_ms = 150);
    let stage = Stage::open(options, Base::own().await?, &[]).await?;
    let address = free_address()?;
    let mut workers: Vec<Process> =
        vec![stage.worker_with(&[("WORKER_LISTEN", &address)])?, stage.worker()?, stage.worker()?];
    let (healthy, ready) = (format!("http://{address}/healthz"), format!("http://{address}/readyz"));
    let sync = stage.trigger().await?;
    stage.reaches(sync, "begun", |run| run.people_read > 0).await?;
    answers(&ready, 200).await?;

    let cluster = stage.cluster()?;
    for _ in 0..2 {
        cluster.restart_immediate().await?;
        let come_to = stage.run(sync).await?.crisp_requests;
        stage.reaches(sync, "gone on", |run| run.crisp_requests > come_to).await?;
    }
    assert!(stage.run(sync).await?.is_under_way());
    cluster.stop().await?;
    let why = answers(&ready, 503).await?;
    assert!(why.contains("cannot be reached"), "{why}");
    answers(&healthy, 200).await?;
    sleep(AWAY).await;
    cluster.start().await?;
    let back = Instant::now();
    answers(&ready, 200).await?;

    let run = stage.ended(sync).await?;
    println!("ended {:.1?} after Postgres was back", back.elapsed());
    assert_eq!(run.state, "succeeded", "{run:?}");
    let differing = differences(&stage).await?;
    assert!(differing.is_empty(), "{differing:#?}");
    for worker in &mut workers {
        assert!(worker.is_running()?, "{}", worker.log());
        worker.ask_to_end()?;
        assert!(worker.ended(Duration::from_secs(10)).await?.success(), "{}", worker.log());
    }
    Ok(())
}
