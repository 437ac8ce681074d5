//! Intake: verify, store, acknowledge. Under load many hooks share one commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use crisp_client::hook::{Envelope, Event, verify_signature};
use crisp_domain::{AccountId, IntegrationId, time};
use crisp_storage::Database;
use crisp_storage::hooks::{self, NewHook};
use secrecy::SecretString;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::wake::Waker;
use crate::clock;

/// How far a hook's timestamp may lie from our clock, either way.
const WINDOW: TimeDelta = TimeDelta::hours(24);
/// Hooks that may wait for their commit; more are refused, so that Crisp delivers them again later.
const BACKLOG: usize = 4096;
/// What all bodies together may take that have not been answered, in KiB: 64 MiB, sixteen of the largest.
const ROOM_KIB: usize = 64 * 1024;
/// Characters of a signature: HMAC-SHA256 in hex.
const SIGNATURE_LENGTH: usize = 64;
/// Hooks that share one commit at the most.
const BATCH: usize = 256;

/// Why a delivery was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The signature is missing or wrong, or its timestamp is missing, unreadable or too far away.
    #[error("the signature or its timestamp is not acceptable")]
    Unauthentic,
    /// The body is not a hook.
    #[error("the body is not a web hook")]
    Malformed,
    /// It could not be stored; Crisp will deliver it again.
    #[error("the hook could not be stored")]
    NotStored,
}

/// What became of a delivery that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It is stored durably (or was before).
    Stored,
    /// Nobody connected that website: counted and dropped.
    Unclaimed,
}

/// Takes deliveries. Cheap to clone; its writer ends when the last clone is dropped.
#[derive(Clone)]
pub struct HookIntake {
    secret: SecretString,
    waiting: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
}

impl std::fmt::Debug for HookIntake {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("HookIntake").finish_non_exhaustive()
    }
}

/// What one body takes of the room that all bodies under way have together; given back when it is dropped.
///
/// It is taken for what has arrived, not for what is said to come: nobody who is not Crisp can fill the memory with bodies
/// that are not yet verified, nor keep Crisp's out with bodies that never come.
#[derive(Debug)]
pub struct Room {
    all: Arc<Semaphore>,
    taken: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// Takes as much as a body of so many bytes needs.
    pub fn grow_to(&mut self, bytes: usize) -> Result<(), Rejection> {
        let held = self.taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let wanted = u32::try_from(bytes.div_ceil(1024).saturating_sub(held)).unwrap_or(u32::MAX);
        let more =
            Arc::clone(&self.all).try_acquire_many_owned(wanted).map_err(|_full| Rejection::NotStored)?;
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            None => self.taken = Some(more),
        }
        Ok(())
    }
}

struct Waiting {
    envelope: Envelope,
    body: Vec<u8>,
    answer: oneshot::Sender<Result<Received, Rejection>>,
}

impl HookIntake {
    /// Starts the writer. `secret` is the signing secret of the plugin's web hooks.
    pub fn start(database: Database, secret: SecretString) -> Self {
        let (waiting, queue) = mpsc::channel(BACKLOG);
        tokio::spawn(write(database, queue));
        Self { secret, waiting, room: Arc::new(Semaphore::new(ROOM_KIB)) }
    }

    /// Whether the headers of a delivery could be Crisp's: what is malformed or out of time need not be read.
    pub fn could_be_authentic(timestamp: Option<&str>, signature: Option<&str>) -> Result<(), Rejection> {
        let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let signed = signature.is_some_and(|text| text.len() == SIGNATURE_LENGTH && is_hex(text));
        if signed && timestamp.is_some_and(is_of_today) { Ok(()) } else { Err(Rejection::Unauthentic) }
    }

    /// Room for one body while it arrives and until it is answered; none of it is taken yet.
    pub fn room(&self) -> Room {
        Room { all: Arc::clone(&self.room), taken: None }
    }

    /// Takes one delivery: its two headers as they came, and the raw bytes of its body.
    pub async fn receive(
        &self,
        timestamp: Option<&str>,
        signature: Option<&str>,
        body: Vec<u8>,
    ) -> Result<Received, Rejection> {
        self.authenticate(timestamp, signature, &body)?;
        let envelope = Envelope::parse(&body).map_err(|_malformed| Rejection::Malformed)?;
        let (answer, stored) = oneshot::channel();
        self.waiting.try_send(Waiting { envelope, body, answer }).map_err(|_full| Rejection::NotStored)?;
        stored.await.unwrap_or(Err(Rejection::NotStored))
    }

    fn authenticate(
        &self,
        timestamp: Option<&str>,
        signature: Option<&str>,
        body: &[u8],
    ) -> Result<(), Rejection> {
        let (Some(timestamp), Some(signature)) = (timestamp, signature) else {
            return Err(Rejection::Unauthentic);
        };
        if is_of_today(timestamp) && verify_signature(&self.secret, timestamp, body, signature) {
            Ok(())
        } else {
            Err(Rejection::Unauthentic)
        }
    }
}

fn is_of_today(timestamp: &str) -> bool {
    let at = crisp_client::hook::request_time_ms(timestamp).and_then(DateTime::from_timestamp_millis);
    at.is_some_and(|at| (clock::now() - at).abs() <= WINDOW)
}

async fn write(database: Database, mut queue: mpsc::Receiver<Waiting>) {
    let waker = Waker::new(database.clone());
    let mut batch = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        let mut groups: BTreeMap<crisp_client::WebsiteId, Vec<Waiting>> = BTreeMap::new();
        for one in batch.drain(..) {
            groups.entry(one.envelope.website_id).or_default().push(one);
        }
        let writes =
            groups.into_iter().map(|(website, group)| write_group(&database, &waker, website, group));
        futures::future::join_all(writes).await;
    }
}

async fn write_group(
    database: &Database,
    waker: &Waker,
    website: crisp_client::WebsiteId,
    group: Vec<Waiting>,
) {
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
    website: crisp_client::WebsiteId,
    group: &[Waiting],
) -> Result<Received, crate::Error> {
    let now = clock::now();
    let Some((account, integration)) = database.find_claim(website).await? else {
        for _ in group {
            database.count_unclaimed_hook(now).await?;
        }
        return Ok(Received::Unclaimed);
    };
    let Some(stored) = store(database, account, integration, group, now).await? else {
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
