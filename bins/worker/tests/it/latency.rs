//! From a web hook to what the API shows: a real `api`'s server, a real worker process, and a customer who looks.

use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::Value;
use testkit::caller::Caller;
use testkit::simulator::{HookOptions, NewMessage, Options, Side};
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::served::Served;
use crate::stage::{Base, Stage};

/// Conversations that the messages go to, in turn.
const CONVERSATIONS: usize = 8;
/// How often each of them is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(40);
/// How long the last message may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long messages took from being sent in Crisp to being shown, sorted.
#[derive(Debug)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    /// Only so many in a hundred took longer than …
    pub fn percentile(&self, percent: usize) -> Duration {
        let place = self.0.len() * percent / 100;
        self.0.get(place.min(self.0.len().saturating_sub(1))).copied().unwrap_or_default()
    }
}

/// Sends so many messages a second, for so long, and watches them arrive.
pub async fn measure(rate: u32, length: Duration) -> anyhow::Result<Latencies> {
    let stage = Stage::open(Options::of_size(60, 60), Base::shared().await?, &[]).await?;
    let served = Served::start(&stage).await?;
    let _worker = stage.worker()?;
    let sync = stage.trigger().await?;
    anyhow::ensure!(stage.ended(sync).await?.state == "succeeded", "the import did not succeed");
    stage.sim.hooks_to(&served.hooks_url(), HookOptions::default());

    let caller = served.caller(&stage)?;
    let truth = stage.sim.truth(stage.website);
    let shown = truth.conversations().filter(|one| one.people_id.is_some() && one.messages > 0);
    let sessions: Vec<String> = shown.take(CONVERSATIONS).map(|one| one.session_id).collect();
    let began = Instant::now();
    // When the nth message of a conversation is sent follows from the beat.
    let beat = Duration::from_secs(1) / rate;
    let total = usize::try_from(length.as_millis() / beat.as_millis().max(1))?;
    let watchers: Vec<_> = sessions
        .iter()
        .enumerate()
        .map(|(place, session)| {
            let due: Vec<Instant> = (place..total)
                .step_by(CONVERSATIONS)
                .filter_map(|number| Some(began + beat * u32::try_from(number).ok()?))
                .collect();
            tokio::spawn(watch(caller.clone(), session.clone(), due))
        })
        .collect();
    let mut beats = interval(beat);
    beats.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let change = stage.sim.change(stage.website);
    for (number, session) in sessions.iter().cycle().take(total).enumerate() {
        beats.tick().await;
        change.send(session, NewMessage::text(Side::User, &format!("message {number}")))?;
    }
    let mut all = Vec::with_capacity(total);
    for watcher in watchers {
        all.extend(watcher.await??);
    }
    all.sort_unstable();
    Ok(Latencies(all))
}

/// Looks at a conversation until it shows all messages that are due. How long after its time each was seen.
async fn watch(caller: Caller, session: String, due: Vec<Instant>) -> anyhow::Result<Vec<Duration>> {
    let found = caller.get(&format!("/v1/conversations?external_id={session}")).await?;
    let id =
        found.pointer("/items/0/id").and_then(Value::as_str).context("the conversation is shown")?.to_owned();
    let count = async || -> anyhow::Result<usize> {
        let shown = caller.get(&format!("/v1/conversations/{id}")).await?;
        Ok(usize::try_from(shown.get("message_count").and_then(Value::as_u64).context("a count")?)?)
    };
    let before = count().await?;
    let mut latencies = Vec::with_capacity(due.len());
    while latencies.len() < due.len() {
        let shown = count().await?.saturating_sub(before);
        let seen_at = Instant::now();
        latencies.extend(
            due.iter().take(shown).skip(latencies.len()).map(|sent| seen_at.saturating_duration_since(*sent)),
        );
        let last = due.last().context("something is due")?;
        anyhow::ensure!(
            seen_at.saturating_duration_since(*last) < PATIENCE,
            "{} of {} messages are visible after {PATIENCE:?}",
            latencies.len(),
            due.len()
        );
        sleep(LOOK_EVERY).await;
    }
    Ok(latencies)
}
