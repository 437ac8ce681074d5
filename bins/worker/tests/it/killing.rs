//! `kill -9`, and SIGSTOP past the lease, again and again while an import goes on.

use std::time::Duration;

use testkit::process::Process;
use testkit::simulator::{Options, WebsiteOptions};
use tokio::time::{Instant, sleep};

use crate::comparison::differences;
use crate::crowd;
use crate::stage::{Base, Ground, LEASE, Stage, by_somebody};

const KILLS: usize = 100;
const WORKERS: usize = 3;
/// Everything that follows from chance follows from this.
const SEED: u64 = 4;
/// What one step asks for at the most: the transcripts that are read side by side.
const STEP: u64 = 8;
/// What an undisturbed import asks for beyond the least possible: totals, operators, ends of lists.
const BESIDES: u64 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_kills_in_one_import_cost_a_step_each_and_nothing_else() -> anyhow::Result<()> {
    let _machine = crowd::beside_others().await;
    let websites =
        (1..=4).map(|seed| WebsiteOptions::of_size(600, 1_100).seed(seed).links(by_somebody())).collect();
    let options = Options { websites, ..Options::default() }.behaving(|behaviour| {
        behaviour.latency_ms = 100;
        behaviour.latency_jitter_ms = 100;
    });
    let ground = Ground::open(options, Base::shared().await?, &[("WORKER_CONCURRENCY", "1")]).await?;
    let stages = Stage::all(&ground).await?;
    let mut syncs = Vec::new();
    for stage in &stages {
        syncs.push(stage.trigger().await?);
    }
    let mut workers = Vec::new();
    for _ in 0..WORKERS {
        workers.push(Victim { process: ground.worker()?, thaw_at: None });
    }

    let began = Instant::now();
    let frozen = strike(&ground, &mut workers).await?;
    let mut under_way = 0;
    for (stage, sync) in stages.iter().zip(&syncs) {
        under_way += usize::from(stage.run(*sync).await?.is_under_way());
    }
    println!(
        "{KILLS} kills ({frozen} of them SIGSTOP) in {:.1?}, {under_way} imports still under way",
        began.elapsed()
    );
    assert!(under_way > 0, "the imports were over before the kills were");
    ground.sim.behave(|behaviour| (behaviour.latency_ms, behaviour.latency_jitter_ms) = (0, 0));

    for (stage, sync) in stages.iter().zip(&syncs) {
        let run = stage.ended(*sync).await?;
        assert_eq!(run.state, "succeeded", "{run:?}");
        let differing = differences(stage).await?;
        assert!(differing.is_empty(), "{differing:#?}");
    }
    let takeovers =
        ground.number("select sum(takeovers)::bigint from work_items where lane = 'sync'").await?;
    let spent = ground.sim.requests().total;
    let least: u64 = stages.iter().map(|stage| stage.least_possible() + BESIDES).sum();
    let extra = spent.saturating_sub(least);
    println!("{takeovers} take-overs; {spent} requests, {least} undisturbed: {extra} extra");
    assert!(takeovers >= 20, "only {takeovers} kills struck a worker in the middle of something");
    assert!(extra <= u64::try_from(KILLS)? * STEP, "{extra} extra requests");
    for Victim { mut process, .. } in workers {
        process.ask_to_end()?;
        assert!(process.ended(Duration::from_secs(10)).await?.success());
    }
    Ok(())
}

/// A worker process, frozen until `thaw_at` if it is.
struct Victim {
    process: Process,
    thaw_at: Option<Instant>,
}

/// Kills or freezes one worker after the other; those that were killed are started again. How many were frozen.
async fn strike(ground: &Ground, workers: &mut [Victim]) -> anyhow::Result<usize> {
    let (mut chance, mut frozen) = (fastrand::Rng::with_seed(SEED), 0);
    for _ in 0..KILLS {
        sleep(Duration::from_millis(chance.u64(100..700))).await;
        for worker in workers.iter_mut() {
            worker.thaw_if_due(Instant::now())?;
        }
        let awake: Vec<&mut Victim> = workers.iter_mut().filter(|one| one.thaw_at.is_none()).collect();
        let last_awake = awake.len() == 1;
        let Some(victim) = chance.choice(awake) else { continue };
        if chance.u8(0..4) == 0 && !last_awake {
            victim.process.freeze()?;
            victim.thaw_at = Some(Instant::now() + LEASE.mul_f64(1.5));
            frozen += 1;
        } else {
            victim.process.kill()?;
            victim.process = ground.worker()?;
        }
    }
    for worker in workers {
        sleep(worker.thaw_at.map_or(Duration::ZERO, |at| at - Instant::now())).await;
        worker.thaw_if_due(Instant::now())?;
    }
    Ok(frozen)
}

impl Victim {
    fn thaw_if_due(&mut self, now: Instant) -> anyhow::Result<()> {
        if self.thaw_at.is_some_and(|at| at <= now) {
            self.process.thaw()?;
            self.thaw_at = None;
        }
        Ok(())
    }
}
