//! Batches that become ready while others are being written share the next commit (group commit).

use crisp_domain::SyncId;
use crisp_storage::Database;
use crisp_storage::work::Lease;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::step::{Place, Step};
use super::write::write;
use crate::clock;
use crate::error::Error;
use crate::scope::Scope;

/// A batch that waits to be written, and whom to tell.
type Waiting<'a> = (Step<'a>, oneshot::Sender<Result<Place, Error>>);

/// Where the batches of transcripts that are read side by side are written: by whoever has the turn, for all that wait.
pub(super) struct Group<'a> {
    database: &'a Database,
    lease: &'a Lease,
    sync: Option<SyncId>,
    cause: &'static str,
    arrivals: mpsc::UnboundedSender<Waiting<'a>>,
    waiting: Mutex<mpsc::UnboundedReceiver<Waiting<'a>>>,
}

impl<'a> Group<'a> {
    pub(super) fn new(
        database: &'a Database,
        lease: &'a Lease,
        sync: Option<SyncId>,
        cause: &'static str,
    ) -> Self {
        // Everyone who sends waits for the answer: it never holds more than there are readers.
        let (arrivals, waiting) = mpsc::unbounded_channel();
        Self { database, lease, sync, cause, arrivals, waiting: Mutex::new(waiting) }
    }

    /// Writes the batch. `None`: it was not written, for a reason that another batch of its group reports.
    pub(super) async fn write(&self, step: Step<'a>) -> Result<Option<Place>, Error> {
        let (answer, mut told) = oneshot::channel();
        let _ = self.arrivals.send((step, answer));
        let mut waiting = self.waiting.lock().await;
        match told.try_recv() {
            // Whoever had the turn before wrote ours with its own; what has come since is for those after us.
            Ok(place) => return place.map(Some),
            Err(TryRecvError::Closed) => return Ok(None),
            Err(TryRecvError::Empty) => {}
        }
        let group = std::iter::from_fn(|| waiting.try_recv().ok()).collect();
        self.write_all(group).await;
        told.await.ok().transpose()
    }

    async fn write_all(&self, group: Vec<Waiting<'a>>) {
        let (steps, answers): (Vec<_>, Vec<_>) = group.into_iter().unzip();
        match self.commit(&steps).await {
            Ok(places) => {
                for (answer, place) in answers.into_iter().zip(places) {
                    let _ = answer.send(Ok(place));
                }
            }
            Err(error) if steps.len() > 1 && error.lies_in_one_record() => {
                for (answer, step) in answers.into_iter().zip(steps.chunks(1)) {
                    let place = self.commit(step).await;
                    let _ = answer.send(place.map(|places| places.into_iter().next().unwrap_or(Place::Done)));
                }
            }
            Err(error) => {
                if let Some(first) = answers.into_iter().next() {
                    let _ = first.send(Err(error));
                }
            }
        }
    }

    async fn commit(&self, steps: &[Step<'_>]) -> Result<Vec<Place>, Error> {
        let scope = Scope::open(self.database, self.lease, self.cause, clock::now()).await?;
        write(steps, self.sync, scope).await
    }
}
