//! A sync: a chain of small committed steps, each leaving the bookmark from which anyone can go on.

mod bookmark;
mod conversations;
mod custom_data;
mod failure;
mod finish;
mod messages;
mod odd;
mod pace;
mod people;
mod shifted;
mod start;
mod vanished;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use crisp_client::page::Aim;
use crisp_client::{Client, WebsiteId};
use crisp_domain::{ImportSettings, SyncId};
use crisp_storage::AccountSession;
use crisp_storage::integrations::{self, IntegrationRow};
use crisp_storage::quota::Purpose;
use crisp_storage::syncs::{self, SyncRow};
use crisp_storage::work::{Lease, Release};
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::engine::Engine;
use crate::error::Error;
use crate::meter::Meter;
use crate::scope::{Scope, settings_of};
use bookmark::{Bookmark, Stage};
pub(crate) use vanished::remove_conversations;

/// Transcripts that an incremental run may read from the budget of live work.
const MANY_TRANSCRIPTS: i64 = 200;

/// What a step asks for next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The next step, at once.
    Step,
    /// The next step, not before this time.
    Wait(DateTime<Utc>),
    /// Nothing: the run has ended.
    Ended,
}

/// One worker's hold on one sync, for a slice.
pub(crate) struct Run<'a> {
    engine: &'a Engine,
    lease: &'a Lease,
    client: Client,
    meter: Arc<Meter>,
    stop: CancellationToken,
    ahead: Option<Ahead>,
    // What every step looks at, as of its beginning.
    row: SyncRow,
    mark: Bookmark,
    integration: IntegrationRow,
    settings: ImportSettings,
    website: WebsiteId,
    estimate: pace::Estimate,
}

/// A page that was asked for while the one before was being written.
enum Ahead {
    People(u32, Result<people::Fetched, crisp_client::Error>),
    Conversations(u32, Result<conversations::Fetched, crisp_client::Error>),
}

/// Works on the sync lane of an integration for a slice: goes on with the run under way, or begins what is due.
pub(crate) async fn slice(
    engine: &Engine,
    lease: &Lease,
    stop: &CancellationToken,
) -> Result<Release, Error> {
    let Some((row, integration)) = start::run_or_schedule(engine, lease).await? else {
        return start::next_due(engine, lease).await;
    };
    let purpose = purpose(engine, lease, &row, &integration).await?;
    let (client, meter) = engine.crisp(lease.account, purpose);
    let website = integration.website().ok_or(Error::Stopped)?;
    let mut run = Run {
        engine,
        lease,
        client,
        meter: meter.clone(),
        stop: stop.clone(),
        ahead: None,
        mark: read_bookmark(&row),
        settings: settings_of(&integration)?,
        estimate: pace::Estimate::of(&row),
        row,
        integration,
        website,
    };
    let release = run.steps().await;
    meter.close().await;
    release
}

/// From what a slice takes its requests. An incremental run is live work as long as it catches up on a little; the
/// first one to import conversations, or one with very many to read, is a backfill by another name.
async fn purpose(
    engine: &Engine,
    lease: &Lease,
    row: &SyncRow,
    integration: &IntegrationRow,
) -> Result<Purpose, Error> {
    if row.kind != "incremental" || integration.conversations_bookmark.is_none() {
        return Ok(Purpose::Backfill);
    }
    let mut session = engine.database.read_primary(lease.account).await?;
    let (transcripts, _) = crisp_storage::transcripts::count_due(&mut session, lease.integration).await?;
    session.commit().await?;
    Ok(if transcripts > MANY_TRANSCRIPTS { Purpose::Backfill } else { Purpose::Live })
}

fn read_bookmark(row: &SyncRow) -> Bookmark {
    serde_json::from_value(row.bookmark.clone()).unwrap_or_default()
}

impl Run<'_> {
    async fn steps(&mut self) -> Result<Release, Error> {
        loop {
            let outcome = match self.refresh().await {
                Ok(true) => self.step().await,
                Ok(false) => Ok(Next::Ended),
                Err(error) => Err(error),
            };
            match outcome {
                // A page that was fetched ahead is written before the slice ends: it cost a request.
                Ok(Next::Step) if self.may_go_on() || self.ahead.is_some() => {}
                Ok(Next::Step) => return Ok(Release::DueAt(clock::now())),
                Ok(Next::Wait(at)) => return Ok(Release::DueAt(at)),
                Ok(Next::Ended) => return start::next_due(self.engine, self.lease).await,
                Err(error) => return self.fail(&error).await,
            }
        }
    }

    async fn step(&mut self) -> Result<Next, Error> {
        match self.mark.stage {
            Stage::Start => self.begin().await,
            Stage::People => self.people().await,
            Stage::VanishedPeople => self.vanished_people().await,
            Stage::Conversations => self.conversations().await,
            Stage::Rolling => self.rolling().await,
            Stage::VanishedConversations => self.vanished_conversations().await,
            Stage::Messages => self.messages().await,
            Stage::Settle => self.settle().await,
        }
    }

    /// Whether the slice has time left, the lease is held and nobody asked the process to stop.
    fn may_go_on(&self) -> bool {
        !self.stop.is_cancelled()
    }

    fn id(&self) -> SyncId {
        self.row.sync_id()
    }

    /// Looks at what others may have changed since the last step. `false`: the run was ended by somebody.
    async fn refresh(&mut self) -> Result<bool, Error> {
        let mut session = self.engine.database.read_primary(self.lease.account).await?;
        self.row = syncs::find(&mut session, self.id()).await?.ok_or(Error::Stopped)?;
        let cancelled = syncs::is_cancel_requested(&mut session, self.id()).await?;
        self.integration = integrations::get(&mut session, self.lease.integration).await?;
        session.commit().await?;
        self.mark = read_bookmark(&self.row);
        self.settings = settings_of(&self.integration)?;
        if !self.integration.is_live() {
            return Err(Error::Stopped);
        }
        if cancelled && self.row.is_under_way() {
            self.cancel().await?;
            return Ok(false);
        }
        self.look_ahead().await?;
        Ok(self.row.is_under_way())
    }

    async fn open(&self) -> Result<Scope, Error> {
        Scope::open(&self.engine.database, self.lease, "sync", clock::now()).await
    }

    /// Commits a step: its data, its counts and its bookmark together.
    async fn commit(
        &self,
        mut scope: Scope,
        change: impl FnOnce(&mut SyncRow, &mut Bookmark, &mut IntegrationRow),
    ) -> Result<(), Error> {
        // A run that somebody has ended meanwhile does not come back to life.
        let found = syncs::find(&mut scope.session, self.id()).await?.filter(SyncRow::is_under_way);
        let mut row = found.ok_or(Error::Stopped)?;
        let mut mark = read_bookmark(&row);
        let before = scope.integration.clone();
        mark.waited_ms += pace::waited(&row, scope.now);
        "running".clone_into(&mut row.state);
        row.resumes_at = None;
        row.failures_in_row = 0;
        // What stood in the way has passed.
        (row.problem_code, row.problem_detail) = (None, None);
        change(&mut row, &mut mark, &mut scope.integration);
        row.crisp_requests += self.meter.take_sent();
        row.expected_finish_at = self.estimate.finish_at.filter(|_| row.is_under_way());
        row.phase = phase_of(mark.stage, row.is_under_way()).map(str::to_owned);
        row.bookmark = serde_json::to_value(&mark).map_err(Error::corrupt("bookmark"))?;
        row.updated_at = scope.now;
        save(&mut scope.session, &row).await?;
        if scope.integration != before {
            scope.integration.updated_at = scope.now;
            integrations::save(&mut scope.session, &scope.integration).await?;
        }
        scope.commit().await?;
        count_ended(&row);
        Ok(())
    }

    /// Whether this pass reads everything, so that what it has not seen may be gone.
    fn is_complete(&self) -> bool {
        match self.row.kind.as_str() {
            "reconcile" => true,
            "full" => self.row.trigger != "first_import",
            _ => false,
        }
    }

    /// What its walks over lists are after.
    fn aim(&self) -> Aim {
        if self.is_incremental() { Aim::News } else { Aim::Everything }
    }

    fn is_incremental(&self) -> bool {
        self.row.kind == "incremental"
    }
}

async fn save(session: &mut AccountSession, row: &SyncRow) -> Result<(), crisp_storage::Error> {
    if row.is_under_way() { syncs::save(session, row).await } else { syncs::close(session, row).await }
}

/// Counts a run that has ended, once that is committed.
pub(crate) fn count_ended(row: &SyncRow) {
    let kind = match row.kind.as_str() {
        "full" => "full",
        "incremental" => "incremental",
        _ => "reconcile",
    };
    let state = match row.state.as_str() {
        "succeeded" => "succeeded",
        "partial" => "partial",
        "failed" => "failed",
        "cancelled" => "cancelled",
        _ => return,
    };
    metrics::counter!("crisp_syncs_total", "kind" => kind, "state" => state).increment(1);
}

fn phase_of(stage: Stage, under_way: bool) -> Option<&'static str> {
    match stage {
        _ if !under_way => None,
        Stage::Start | Stage::People | Stage::VanishedPeople => Some("people"),
        Stage::Conversations | Stage::Rolling | Stage::VanishedConversations => Some("conversations"),
        Stage::Messages | Stage::Settle => Some("messages"),
    }
}

/// A count as the tables keep it.
pub(crate) fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
