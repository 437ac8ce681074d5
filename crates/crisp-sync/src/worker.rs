//! The worker: takes due work under leases, gives every account its turn, and lets go in good order.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use crisp_storage::work::{Lane, Lease, Release, Slots};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock;
use crate::engine::Engine;
use crate::error::Error;
use crate::{hooks, live, run, sweep, upkeep};

/// Longest sleep of an idle worker: what a lost notification costs at the most.
const POLL: Duration = Duration::from_secs(1);
/// Shortest sleep: several workers that wait for one item do not spin.
const SHORTEST_SLEEP: Duration = Duration::from_millis(20);
/// Shortest sleep while something of ours runs: what is due may be somebody's who has enough under way here.
const SHORTEST_SLEEP_AT_WORK: Duration = Duration::from_millis(100);
/// Hook and live slices that run beside the syncs.
const LIVE_SLOTS: usize = 8;
/// Of these, one account's at the most: however many websites a noisy one has, the others' hooks find a slot free.
const LIVE_SLOTS_OF_ONE: usize = LIVE_SLOTS / 2;
/// How long one slice of work may run before others get their turn.
pub(crate) const SLICE: Duration = Duration::from_secs(2);
/// How long the steps under way may take once the worker was asked to stop. What takes longer (a Crisp that does not
/// answer) is let go of, and its lease handed back: a process has 10 s to end, and nobody should have to take over.
const LAST_STEP: Duration = Duration::from_secs(5);
/// How often a worker restores hints that a crash lost and forgets what is old.
const SWEEP: Duration = Duration::from_secs(20);

/// Runs until `stop` is cancelled, then finishes the steps under way and hands the rest back.
///
/// `syncs` is how many syncs run at a time; hooks and live records have slots of their own, so that no backfill stands
/// in their way.
pub async fn run(engine: &Engine, syncs: usize, stop: CancellationToken) {
    let tracker = TaskTracker::new();
    let sweeper = tracker.spawn(sweep_regularly(engine.clone(), stop.clone()));
    let calm = Desk { lanes: &[Lane::Sync, Lane::Upkeep], slots: syncs.max(1), each_account: syncs.max(1) };
    let live = Desk { lanes: &[Lane::Hooks, Lane::Live], slots: LIVE_SLOTS, each_account: LIVE_SLOTS_OF_ONE };
    for desk in [calm, live] {
        drop(tracker.spawn(serve(engine.clone(), desk, stop.clone(), tracker.clone())));
    }
    drop(sweeper);
    tracker.close();
    tracker.wait().await;
}

/// Slots for some lanes.
#[derive(Debug, Clone, Copy)]
struct Desk {
    lanes: &'static [Lane],
    slots: usize,
    each_account: usize,
}

async fn serve(engine: Engine, desk: Desk, stop: CancellationToken, tracker: TaskTracker) {
    let (slots, ended) = (Arc::new(Semaphore::new(desk.slots)), Arc::new(Notify::new()));
    let mut listener = engine.database.listener();
    while !stop.is_cancelled() {
        let free = slots.available_permits();
        let claimed = if free == 0 { Vec::new() } else { claim(&engine, desk, free).await };
        if claimed.is_empty() {
            let at_work = free < desk.slots;
            let sleep = if free == 0 { POLL } else { idle_time(&engine, desk.lanes, at_work).await };
            tokio::select! {
                () = stop.cancelled() => break,
                () = listener.heard() => {}
                // What was worked on is due again, most likely, and so is what waited for its slot.
                () = ended.notified() => {}
                () = tokio::time::sleep(sleep) => {}
            }
            continue;
        }
        for lease in claimed {
            let Ok(slot) = slots.clone().acquire_owned().await else { return };
            let (engine, stop, ended) = (engine.clone(), stop.clone(), ended.clone());
            tracker.spawn(async move {
                work(&engine, &lease, &stop).await;
                drop(slot);
                ended.notify_one();
            });
        }
    }
}

async fn claim(engine: &Engine, desk: Desk, free: usize) -> Vec<Lease> {
    let count = |slots: usize| i64::try_from(slots).unwrap_or(i64::MAX);
    let slots = Slots { free: count(free), each_account: count(desk.each_account) };
    match engine.database.claim(desk.lanes, &engine.options.worker_name, engine.options.lease, slots).await {
        Ok(claimed) => claimed,
        Err(error) => {
            tracing::warn!(error = Error::from(error).chain(), "due work could not be claimed");
            Vec::new()
        }
    }
}

/// How long to sleep when nothing is due: until something is, and never much longer than a lost notification may cost.
async fn idle_time(engine: &Engine, lanes: &[Lane], at_work: bool) -> Duration {
    let poll = POLL.mul_f64(0.75 + fastrand::f64() / 2.0);
    let shortest = if at_work { SHORTEST_SLEEP_AT_WORK } else { SHORTEST_SLEEP };
    match engine.database.until_due(lanes).await {
        Ok(Some(due)) => poll.min(due + shortest),
        Ok(None) | Err(_) => poll,
    }
}

/// Works on one lane for a slice under a lease that is renewed meanwhile, and gives the lease back.
pub async fn work(engine: &Engine, lease: &Lease, stop: &CancellationToken) {
    if lease.taken_over {
        metrics::counter!("crisp_lease_takeovers_total").increment(1);
        tracing::info!(integration = %lease.integration, lane = %lease.lane, "took over a lapsed lease");
    }
    let done = CancellationToken::new();
    // However the slice ends, also by a panic: a lease that nobody works under any more is not renewed.
    let over = done.clone().drop_guard();
    // Nothing new is begun once the slice is over, the process has to stop, or somebody else may hold the lease.
    let halt = stop.child_token();
    let heartbeat = tokio::spawn(renew(engine.clone(), lease.clone(), done.clone(), halt.clone()));
    let outcome = tokio::select! {
        outcome = slice(engine, lease, &halt) => outcome,
        () = end_slice(&halt, stop) => Ok(Release::DueAt(clock::now())),
    };
    drop(over);
    drop(heartbeat.await);
    let release = outcome.unwrap_or_else(|error| after_failure(lease, &error));
    if let Err(error) = engine.database.release(lease, release).await {
        tracing::warn!(
            error = Error::from(error).chain(),
            "a lease could not be given back; it lapses by itself"
        );
    }
}

async fn slice(engine: &Engine, lease: &Lease, halt: &CancellationToken) -> Result<Release, Error> {
    match lease.lane {
        Lane::Hooks => Box::pin(hooks::slice(engine, lease, halt)).await,
        Lane::Live => Box::pin(live::slice(engine, lease, halt)).await,
        Lane::Sync => Box::pin(run::slice(engine, lease, halt)).await,
        Lane::Upkeep => Box::pin(upkeep::slice(engine, lease, halt)).await,
    }
}

/// Ends the slice when its time is over; comes back only when the process has to stop and the last step has had its
/// time. What is dropped then is rolled back; what it has committed stays.
async fn end_slice(halt: &CancellationToken, stop: &CancellationToken) {
    let time_is_over = tokio::time::sleep(SLICE);
    stop.run_until_cancelled(time_is_over).await;
    halt.cancel();
    stop.cancelled().await;
    tokio::time::sleep(LAST_STEP).await;
}

fn after_failure(lease: &Lease, error: &Error) -> Release {
    let chain = error.chain();
    if matches!(error, Error::Stopped | Error::Storage(crisp_storage::Error::LeaseLost)) {
        tracing::info!(integration = %lease.integration, lane = %lease.lane, error = chain, "let go of work");
        // Where nobody has taken a lapsed lease over, the lane is still ours to give back: somebody shall look at it.
        return Release::DueAt(clock::now());
    }
    tracing::warn!(integration = %lease.integration, lane = %lease.lane, error = chain, "work failed and will be tried again");
    let doublings = u32::try_from(lease.attempts.clamp(0, 6)).unwrap_or(0);
    let wait = TimeDelta::milliseconds(500 * i64::from(2_u32.pow(doublings)) + fastrand::i64(0..250));
    Release::FailedUntil(clock::now() + wait)
}

async fn renew(engine: Engine, lease: Lease, done: CancellationToken, halt: CancellationToken) {
    let mut beat = tokio::time::interval(engine.options.lease / 3);
    beat.tick().await;
    loop {
        tokio::select! {
            () = done.cancelled() => return,
            _ = beat.tick() => {}
        }
        if let Ok(false) = engine.database.renew(&lease, engine.options.lease).await {
            tracing::warn!(integration = %lease.integration, lane = %lease.lane, "the lease was lost; its work can write nothing");
            halt.cancel();
            return;
        }
    }
}

async fn sweep_regularly(engine: Engine, stop: CancellationToken) {
    loop {
        if let Err(error) = sweep::sweep(&engine, &stop).await {
            tracing::warn!(error = error.chain(), "the sweep failed and will be tried again");
        }
        let pause = SWEEP.mul_f64(0.75 + fastrand::f64() / 2.0);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}
