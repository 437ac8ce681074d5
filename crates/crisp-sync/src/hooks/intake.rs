//! Intake: verify, have it stored, acknowledge.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use crisp_client::hook::{Envelope, verify_signature};
use crisp_storage::Database;
use secrecy::SecretString;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::writer;
use crate::clock;

/// How far a hook's timestamp may lie from our clock, either way.
const WINDOW: TimeDelta = TimeDelta::hours(24);
/// Hooks that may wait for their commit; more are refused, so that Crisp delivers them again later.
pub(super) const BACKLOG: usize = 4096;
/// What all bodies together may take that have not been answered, in KiB: 64 MiB, sixteen of the largest.
const ROOM_KIB: usize = 64 * 1024;
/// Characters of a signature: HMAC-SHA256 in hex.
const SIGNATURE_LENGTH: usize = 64;

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

/// A delivery that is authentic and waits to be stored.
pub(super) struct Waiting {
    pub(super) envelope: Envelope,
    pub(super) body: Vec<u8>,
    pub(super) answer: oneshot::Sender<Result<Received, Rejection>>,
}

impl HookIntake {
    /// Starts the writer. `secret` is the signing secret of the plugin's web hooks.
    pub fn start(database: Database, secret: SecretString) -> Self {
        let (waiting, queue) = mpsc::channel(BACKLOG);
        tokio::spawn(writer::write(database, queue));
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
