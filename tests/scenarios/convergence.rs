//! The property of this project: hooks, pulls, losses, disorder and kills all end in Crisp's own state.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use anyhow::Context;
use crisp_sync::syncs::{Messages, SyncKind};
use serde_json::Value;
use testkit::simulator::{HookOptions, LostHook, Options, StormOptions};

use crate::comparison::differences;
use crate::stage::{Setup, Stage};

/// Changes in one storm, and the pause after each in milliseconds: it rages while a full and an incremental run go on.
const OPERATIONS: u64 = 300;
const PAUSE_MS: u64 = 8;
/// When in it a worker is killed, and for how long it is missing.
const KILLS: [(Duration, Duration); 2] = [
    (Duration::from_millis(500), Duration::from_millis(300)),
    (Duration::from_millis(900), Duration::from_millis(600)),
];
/// Storms that are tried at the most to find a smaller one that fails too.
const SHRINKS: usize = 16;

/// Seeds of one run: `CONVERGENCE_SEEDS=1000..1050` for the nightly form.
fn seeds() -> anyhow::Result<Range<u64>> {
    #[expect(clippy::disallowed_methods, reason = "the nightly form chooses its seeds from outside")]
    let chosen = std::env::var("CONVERGENCE_SEEDS");
    let Ok(chosen) = chosen else { return Ok(1..4) };
    let parsed = chosen.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    parsed.filter(|seeds| !seeds.is_empty()).with_context(|| {
        format!("CONVERGENCE_SEEDS is {chosen:?}: give it as 1000..1050, the first seed and the one after the last")
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_storm_with_lost_hooks_and_killed_workers_ends_in_crisps_own_state() -> anyhow::Result<()> {
    for seed in seeds()? {
        if let Some(failure) = storm(seed, &BTreeSet::new()).await? {
            println!("seed {seed} fails: {failure:#?}");
            let (skip, failure) = shrink(seed, failure).await?;
            let left: Vec<u64> = (0..OPERATIONS).filter(|number| !skip.contains(number)).collect();
            anyhow::bail!("seed {seed}, changes {left:?}: {failure:#?}");
        }
    }
    Ok(())
}

/// Leaves out changes as long as what remains fails too. What may be left out, and what differs then.
async fn shrink(seed: u64, mut failure: Vec<String>) -> anyhow::Result<(BTreeSet<u64>, Vec<String>)> {
    let (mut skip, mut part, mut tries) = (BTreeSet::new(), OPERATIONS / 2, 0);
    while part > 0 {
        for from in (0..OPERATIONS).step_by(usize::try_from(part)?) {
            let without: BTreeSet<u64> =
                skip.iter().copied().chain(from..(from + part).min(OPERATIONS)).collect();
            if without.len() == skip.len() || tries == SHRINKS {
                continue;
            }
            tries += 1;
            if let Some(smaller) = storm(seed, &without).await? {
                (skip, failure) = (without, smaller);
            }
        }
        part /= 2;
    }
    Ok((skip, failure))
}

/// One storm without some of its changes. What differs in the end, if anything does.
async fn storm(seed: u64, skip: &BTreeSet<u64>) -> anyhow::Result<Option<Vec<String>>> {
    let options = Options::of_size(80, 60).seed(seed).behaving(|behaviour| behaviour.list_lag_ms = 400);
    let setup = Setup { workers: 1, ..Setup::default() };
    let (stage, _) = Stage::imported(options, setup.clone()).await?;
    let lossy = HookOptions { seed, drop: 0.05, duplicate: 0.1, reorder_ms: 700, ..HookOptions::default() };
    stage.with_hooks(lossy).await?;
    let storm = StormOptions {
        seed,
        operations: OPERATIONS,
        pause_ms: PAUSE_MS,
        skip: skip.clone(),
        ..StormOptions::default()
    };
    let (report, runs, kills) =
        tokio::join!(stage.sim.storm(stage.website, storm), runs_amid(&stage), kills_amid(&stage, &setup));
    runs?;
    kills?;
    anyhow::ensure!(report.done.values().sum::<u64>() > 0 || !skip.is_empty(), "nothing raged: {report:?}");

    stage.settled().await?;
    tokio::time::sleep(Duration::from_millis(600)).await;
    stage.sync(SyncKind::Incremental).await?;
    stage.reconcile().await?;
    stage.settled().await?;
    let unseen = Unseen::after(&stage.sim.lost_hooks());
    let counts = |sentence: &String| !unseen.explains(sentence);
    let first: Vec<String> = differences(&stage).await?.into_iter().filter(counts).collect();
    if !first.is_empty() {
        return Ok(Some(first));
    }
    stage.sync_with(SyncKind::Full, Messages::All).await?;
    let last = differences(&stage).await?;
    stage.close().await?;
    Ok((!last.is_empty()).then_some(last))
}

/// A full and an incremental run while the storm rages.
async fn runs_amid(stage: &Stage) -> anyhow::Result<()> {
    tokio::time::sleep(Duration::from_millis(200)).await;
    for kind in [SyncKind::Full, SyncKind::Incremental] {
        let run = stage.sync(kind).await?;
        anyhow::ensure!(run.state == "succeeded", "{run:?}");
    }
    Ok(())
}

/// A second worker, killed again and again while the storm rages; the last one lives on.
async fn kills_amid(stage: &Stage, setup: &Setup) -> anyhow::Result<()> {
    for (number, (lives, is_missing)) in KILLS.into_iter().enumerate() {
        let mortal = stage.mortal_worker(setup, &format!("mortal-{number}")).await?;
        tokio::time::sleep(lives).await;
        drop(mortal);
        tokio::time::sleep(is_missing).await;
    }
    Ok(())
}

/// What cannot be seen before all messages are read again (docs/sync.md): edits and removals whose hook was lost.
#[derive(Debug, Default)]
struct Unseen {
    edited: BTreeSet<String>,
    removed: BTreeSet<String>,
    /// Conversations that lost a removal.
    counts: BTreeMap<String, usize>,
}

impl Unseen {
    fn after(lost: &[LostHook]) -> Self {
        let mut unseen = Self::default();
        for hook in lost {
            let session = hook.data.get("session_id").and_then(Value::as_str).unwrap_or_default();
            let fingerprint = hook.data.get("fingerprint").unwrap_or(&Value::Null);
            let message = format!("message {session}:{fingerprint}");
            match hook.event.as_str() {
                "message:updated" => drop(unseen.edited.insert(message)),
                "message:removed" => {
                    unseen.removed.insert(message);
                    *unseen.counts.entry(session.to_owned()).or_default() += 1;
                }
                _ => {}
            }
        }
        unseen
    }

    fn explains(&self, sentence: &str) -> bool {
        let begins =
            |messages: &BTreeSet<String>| messages.iter().any(|one| sentence.starts_with(one.as_str()));
        (sentence.contains(": body is") && begins(&self.edited))
            || (sentence.contains("is live here and gone") && begins(&self.removed))
            || (sentence.contains(": message_count is")
                && self.counts.keys().any(|session| sentence.contains(session.as_str())))
    }
}
