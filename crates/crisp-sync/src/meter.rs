//! The gate before every request to Crisp: one budget for all accounts and workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::TimeDelta;
use crisp_client::{Gate, Outcome, Refused};
use crisp_domain::AccountId;
use crisp_storage::quota::{Answer, Grant, Ledger, Purpose, Wait};
use tokio::sync::Mutex;

use crate::clock;
use crate::error::Error;
use crate::worker::SLICE;

/// Longest time that a person's click or a hook waits for the ledger before it is refused.
const PATIENCE: Duration = Duration::from_millis(1500);
/// How long a person's click waits where the ledger says that it will have its turn by then: a short pause of Crisp's is
/// nothing that anybody has to be told. Less than any click waits for Crisp ([`FOR_A_LOOK`](crate::patience::FOR_A_LOOK)).
const PATIENCE_FOR_A_PAUSE: Duration = Duration::from_secs(8);
/// How soon at the latest it asks again meanwhile: room may come sooner than the ledger could promise.
const ASK_AGAIN: Duration = Duration::from_millis(100);
/// A backfill that is told to come back so soon waits where it is: giving up its slice and taking it up again would
/// take about as long, and leave the room unused.
const SHORT_WAIT: Duration = Duration::from_millis(500);

/// When to ask again a ledger that could not be asked.
const LEDGER_AWAY: Duration = Duration::from_secs(2);

/// Spends requests of the shared ledger, chunk by chunk, and counts them.
///
/// A request is admitted on a chunk that was granted to this meter. A chunk is given back (the unused part of it) when
/// all of its requests were answered, so that the ledger never counts too few.
pub(crate) struct Meter {
    ledger: Ledger,
    account: AccountId,
    purpose: Purpose,
    /// Until when backfills wait in place: their slice ends about then.
    patient_until: Instant,
    /// One request at a time asks the ledger; those behind it wait for what it gets.
    turn: Mutex<()>,
    chunks: Mutex<Vec<Chunk>>,
    sent: AtomicI64,
}

#[derive(Debug)]
struct Chunk {
    grant: Grant,
    left: u32,
    used: u32,
    in_flight: u32,
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Meter")
            .field("account", &self.account)
            .field("purpose", &self.purpose)
            .finish_non_exhaustive()
    }
}

impl Meter {
    pub(crate) fn new(ledger: Ledger, account: AccountId, purpose: Purpose) -> Arc<Self> {
        Arc::new(Self {
            ledger,
            account,
            purpose,
            patient_until: Instant::now() + SLICE,
            turn: Mutex::default(),
            chunks: Mutex::default(),
            sent: AtomicI64::new(0),
        })
    }

    /// Requests sent since this was last asked.
    pub(crate) fn take_sent(&self) -> i64 {
        self.sent.swap(0, Ordering::Relaxed)
    }

    /// Gives back what is left. To be called when the work ends; a meter that is just dropped loses its chunk.
    pub(crate) async fn close(&self) {
        let mut chunks = self.chunks.lock().await;
        for chunk in &mut *chunks {
            chunk.left = 0;
        }
        self.close_answered(&mut chunks).await;
    }

    async fn close_answered(&self, chunks: &mut Vec<Chunk>) {
        let now = Instant::now();
        let mut open = Vec::with_capacity(chunks.len());
        for chunk in chunks.drain(..) {
            let spent = chunk.left == 0 || chunk.grant.expires <= now;
            if chunk.in_flight > 0 || !spent {
                open.push(chunk);
            } else if let Err(error) = self.ledger.close(&chunk.grant, chunk.used).await {
                let error = Error::from(error);
                tracing::warn!(
                    error = error.chain(),
                    "a request grant could not be given back; it lapses by itself"
                );
            }
        }
        *chunks = open;
    }

    /// Admits a request on a chunk, an old or a new one. `Some`: there is no room, and when there may be some.
    async fn admit_on_chunk(&self) -> Result<Option<Wait>, Refused> {
        let mut chunks = self.chunks.lock().await;
        let now = Instant::now();
        if let Some(chunk) = chunks.iter_mut().rev().find(|chunk| chunk.left > 0 && chunk.grant.expires > now)
        {
            chunk.spend();
            return Ok(None);
        }
        self.close_answered(&mut chunks).await;
        let answer =
            self.ledger.grant(self.account, self.purpose, self.chunk_size()).await.map_err(|error| {
                let error = Error::from(error);
                tracing::warn!(error = error.chain(), "the request ledger could not be asked");
                Refused { until: TimeDelta::from_std(LEDGER_AWAY).ok().map(|wait| clock::now() + wait) }
            })?;
        match answer {
            Answer::Granted(grant) => {
                let mut chunk = Chunk { left: grant.amount, used: 0, in_flight: 0, grant };
                chunk.spend();
                chunks.push(chunk);
                Ok(None)
            }
            Answer::Wait(wait) => Ok(Some(wait)),
        }
    }

    /// How long a request waits in place when it was told to `wait`, having `asked` first; `None`: it is refused.
    fn pause(&self, wait: Duration, asked: Instant) -> Option<Duration> {
        let (pause, is_patient) = match self.purpose {
            Purpose::Interactive => {
                let waited = asked.elapsed();
                let in_time = waited + wait <= PATIENCE_FOR_A_PAUSE;
                (wait.min(ASK_AGAIN), waited <= PATIENCE || in_time)
            }
            Purpose::Live => (wait.min(ASK_AGAIN), asked.elapsed() <= PATIENCE),
            Purpose::Backfill => (wait, wait <= SHORT_WAIT && Instant::now() + wait < self.patient_until),
        };
        is_patient.then_some(pause)
    }

    /// How many requests are asked for at once: a person's click needs one or two, a pass many.
    fn chunk_size(&self) -> u32 {
        match self.purpose {
            Purpose::Interactive => 1,
            Purpose::Live => 8,
            Purpose::Backfill => 50,
        }
    }
}

impl Chunk {
    fn spend(&mut self) {
        self.left = self.left.saturating_sub(1);
        self.used = self.used.saturating_add(1);
        self.in_flight = self.in_flight.saturating_add(1);
    }
}

#[async_trait]
impl Gate for Meter {
    fn patience(&self) -> Duration {
        if self.purpose == Purpose::Interactive { PATIENCE_FOR_A_PAUSE } else { Duration::ZERO }
    }

    async fn admit(&self) -> Result<(), Refused> {
        let asked = Instant::now();
        let _turn = self.turn.lock().await;
        loop {
            let (wait, refused) = match self.admit_on_chunk().await {
                Ok(None) => break,
                Ok(Some(wait)) => (wait.wait_for, Refused { until: Some(wait.until) }),
                Err(unreachable) => (LEDGER_AWAY, unreachable),
            };
            tokio::time::sleep(self.pause(wait, asked).ok_or(refused)?).await;
        }
        self.sent.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("crisp_requests_total", "purpose" => <&'static str>::from(self.purpose))
            .increment(1);
        Ok(())
    }

    async fn observe(&self, outcome: &Outcome) {
        let mut chunks = self.chunks.lock().await;
        if let Outcome::RateLimited { retry_after } = outcome {
            metrics::counter!("crisp_rate_limited_total").increment(1);
            // What was granted before the refusal is not to be sent into it. The ledger hears of the refusal first: a
            // chunk that is closed counts as a sign that Crisp answers.
            for chunk in &mut *chunks {
                chunk.left = 0;
            }
            if let Err(error) = self.ledger.refused(*retry_after).await {
                let error = Error::from(error);
                tracing::warn!(error = error.chain(), "the request ledger could not be told of a refusal");
            }
        }
        // Requests on one meter are answered about in the order in which they were sent.
        if let Some(chunk) = chunks.iter_mut().find(|chunk| chunk.in_flight > 0) {
            chunk.in_flight -= 1;
        }
        self.close_answered(&mut chunks).await;
    }
}
