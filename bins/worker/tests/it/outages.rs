//! Postgres crashes, and is away for a while.

use std::time::{Duration, Instant};

use testkit::process::{self, Process};
use testkit::simulator::{HookOptions, NewMessage, Options, Side};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::comparison::differences;
use crate::crowd;
use crate::served::Served;
use crate::stage::{Base, PATIENCE, Stage, free_address};

/// How long Postgres is away.
const AWAY: Duration = Duration::from_mins(1);
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

/// Says something in one conversation after the other, until it is told to stop. How often it spoke.
async fn chatter(stage: Stage, sessions: Vec<String>, stop: CancellationToken) -> anyhow::Result<u32> {
    let (change, mut said) = (stage.sim.change(stage.website), 0);
    for session in sessions.iter().cycle() {
        if stop.run_until_cancelled(sleep(Duration::from_millis(200))).await.is_none() {
            break;
        }
        said += 1;
        change.send(session, NewMessage::text(Side::User, &format!("message {said} amid it all")))?;
    }
    Ok(said)
}

/// Waits until every hook was delivered, and everything they asked for was done.
async fn settled(stage: &Stage) -> anyhow::Result<()> {
    stage.sim.hooks_idle().await;
    let open = "select (select count(*) from hooks where applied_at is null) + (select count(*) from wanted_records) \
         + (select count(*) from conversations where messages_due and contact_id is not null and removed_at is null)";
    let begun = Instant::now();
    while stage.number(open).await? > 0 {
        anyhow::ensure!(begun.elapsed() < PATIENCE, "hooks, wishes or transcripts are never done");
        sleep(Duration::from_millis(100)).await;
    }
    Ok(())
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
    let served = Served::start(&stage).await?;
    let sync = stage.trigger().await?;
    stage.reaches(sync, "begun", |run| run.people_read > 0).await?;
    answers(&ready, 200).await?;
    // Crisp goes on telling of what happens, and tells again what nobody took.
    let patient = HookOptions { retries: 1_000, longest_backoff_ms: 1_000, ..HookOptions::default() };
    stage.sim.hooks_to(&served.hooks_url(), patient);
    let truth = stage.sim.truth(stage.website);
    let shown = truth.conversations().filter(|one| one.people_id.is_some() && one.messages > 0);
    let sessions = shown.take(40).map(|one| one.session_id).collect();
    let (quiet, stage_of_it) = (CancellationToken::new(), stage.clone());
    let chatter = tokio::spawn(chatter(stage_of_it, sessions, quiet.clone()));

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
    answers(&format!("{}/readyz", served.base), 503).await?;
    answers(&healthy, 200).await?;
    sleep(AWAY).await;
    cluster.start().await?;
    let back = Instant::now();
    answers(&ready, 200).await?;

    let run = stage.ended(sync).await?;
    println!("ended {:.1?} after Postgres was back", back.elapsed());
    assert_eq!(run.state, "succeeded", "{run:?}");
    quiet.cancel();
    let said = chatter.await??;
    settled(&stage).await?;
    let hooks = stage.sim.hook_counts();
    let refused = hooks.attempts - hooks.delivered;
    println!("{said} messages said meanwhile; {refused} of {} deliveries were not taken", hooks.attempts);
    assert!(refused > 0 && hooks.given_up == 0, "{hooks:?}");
    assert!(stage.number("select count(*) from messages where body like 'message % amid it all'").await? > 0);
    let differing = differences(&stage).await?;
    assert!(differing.is_empty(), "{differing:#?}");
    for worker in &mut workers {
        assert!(worker.is_running()?, "{}", worker.log());
        worker.ask_to_end()?;
        assert!(worker.ended(Duration::from_secs(10)).await?.success(), "{}", worker.log());
    }
    Ok(())
}
