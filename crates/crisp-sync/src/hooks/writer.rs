//! Stores what was taken in. Hooks of one website that arrive together share one commit; those of different websites
//! never wait for each other's, so that a noisy one, or one whose rows are locked, holds up nobody else.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::{DateTime, Utc};
use crisp_client::WebsiteId;
use crisp_client::hook::Event;
use crisp_domain::{AccountId, IntegrationId, time};
use crisp_storage::Database;
use crisp_storage::hooks::{self, NewHook};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;

use super::intake::{BACKLOG, Received, Rejection, Waiting};
use super::wake::Waker;
use crate::clock;

/// Hooks that share one commit at the most.
const BATCH: usize = 256;
/// Commits under way at a time: each holds a connection.
const WRITES: usize = 6;
/// Part of the backlog that one website's hooks may take.
const BACKLOG_OF_ONE: usize = BACKLOG / 4;

/// Stores hooks until nobody can bring any more.
pub(super) async fn write(database: Database, mut queue: mpsc::Receiver<Waiting>) {
    let waker = Waker::new(database.clone());
    let (mut backlog, mut writes) = (Backlog::default(), FuturesUnordered::new());
    let (mut batch, mut ended) = (Vec::with_capacity(BATCH), false);
    loop {
        tokio::select! {
            received = queue.recv_many(&mut batch, BATCH), if !ended && backlog.held < BACKLOG => {
                ended = received == 0;
                batch.drain(..).for_each(|one| backlog.add(one));
            }
            Some(website) = writes.next() => backlog.written(website),
            else => return,
        }
        while writes.len() < WRITES
            && let Some((website, group)) = backlog.next()
        {
            writes.push(write_group(&database, &waker, website, group));
        }
    }
}

/// What waits to be stored, by website.
#[derive(Default)]
struct Backlog {
    waiting: BTreeMap<WebsiteId, Vec<Waiting>>,
    /// Websites with hooks that wait, and no commit under way: the one that has waited longest first.
    turns: VecDeque<WebsiteId>,
    under_way: BTreeSet<WebsiteId>,
    held: usize,
}

impl Backlog {
    fn add(&mut self, one: Waiting) {
        let website = one.envelope.website_id;
        let group = self.waiting.entry(website).or_default();
        if group.len() >= BACKLOG_OF_ONE {
            let _ = one.answer.send(Err(Rejection::NotStored));
            return;
        }
        if group.is_empty() && !self.under_way.contains(&website) {
            self.turns.push_back(website);
        }
        group.push(one);
        self.held += 1;
    }

    /// The next hooks to store, of one website.
    fn next(&mut self) -> Option<(WebsiteId, Vec<Waiting>)> {
        let website = self.turns.pop_front()?;
        let group = self.waiting.get_mut(&website)?;
        let rest = group.split_off(group.len().min(BATCH));
        let first = std::mem::replace(group, rest);
        if group.is_empty() {
            self.waiting.remove(&website);
        }
        self.held -= first.len();
        self.under_way.insert(website);
        Some((website, first))
    }

    /// A commit of that website has ended.
    fn written(&mut self, website: WebsiteId) {
        self.under_way.remove(&website);
        if self.waiting.contains_key(&website) {
            self.turns.push_back(website);
        }
    }
}

async fn write_group(
    database: &Database,
    waker: &Waker,
    website: WebsiteId,
    group: Vec<Waiting>,
) -> WebsiteId {
    let outcome = store_group(database, waker, website, &group).await;
    metrics::counter!("crisp_hooks_received_total", "outcome" => label(&outcome))
        .increment(u64::try_from(group.len()).unwrap_or(0));
    let answer = outcome.map_err(|error| {
        tracing::error!(error = error.chain(), "hooks could not be stored");
        Rejection::NotStored
    });
    for one in group {
        let _ = one.answer.send(answer);
    }
    website
}

fn label(outcome: &Result<Received, crate::Error>) -> &'static str {
    match outcome {
        Ok(Received::Stored) => "stored",
        Ok(Received::Unclaimed) => "unclaimed",
        Err(_) => "not_stored",
    }
}

async fn store_group(
    database: &Database,
    waker: &Waker,
    website: WebsiteId,
    group: &[Waiting],
) -> Result<Received, crate::Error> {
    let now = clock::now();
    let Some((account, integration)) = database.find_claim(website).await? else {
        database.count_unclaimed_hooks(group.len(), now).await?;
        return Ok(Received::Unclaimed);
    };
    let Some(stored) = store(database, account, integration, group, now).await? else {
        database.count_unclaimed_hooks(group.len(), now).await?;
        return Ok(Received::Unclaimed);
    };
    if stored > 0 {
        waker.wake(account, integration);
    }
    Ok(Received::Stored)
}

/// Stores the hooks; how many were new, or `None` where the integration does not listen any more.
async fn store(
    database: &Database,
    account: AccountId,
    integration: IntegrationId,
    group: &[Waiting],
    now: DateTime<Utc>,
) -> Result<Option<u64>, crate::Error> {
    let new: Vec<NewHook> = group.iter().map(|one| new_hook(integration, one, now)).collect();
    let skew = new.iter().filter_map(|hook| hook.crisp_at).map(|at| (now - at).num_milliseconds()).min();
    let mut session = database.append(account).await?;
    let stored = hooks::store(&mut session, integration, &new, now).await?;
    if !hooks::note_arrival(&mut session, integration, skew, now).await? {
        // Somebody let go of the website meanwhile: nothing of it may stay, so nothing is committed.
        return Ok(None);
    }
    session.commit().await?;
    Ok(Some(stored))
}

fn new_hook(integration: IntegrationId, one: &Waiting, now: DateTime<Utc>) -> NewHook {
    let event = Event::parse(&one.envelope).ok();
    // An event in a shape that nobody knows still says whom it is about: that record is read instead.
    let session_id =
        event.as_ref().map_or_else(|| one.envelope.session_id(), |event| event.session_id().cloned());
    let people_id =
        event.as_ref().map_or_else(|| one.envelope.people_id(), |event| event.people_id().cloned());
    let storable = |text: &str| crisp_domain::text::storable(text);
    NewHook {
        id: crisp_domain::ids::uuid_v7(now),
        integration_id: integration,
        dedupe_key: hooks::dedupe_key(&one.body),
        event: storable(&one.envelope.event),
        session_id: session_id.map(|id| storable(id.as_str())),
        people_id: people_id.map(|id| storable(id.as_str())),
        crisp_at: one.envelope.timestamp_ms.and_then(time::from_ms),
        body: one.body.clone(),
    }
}
