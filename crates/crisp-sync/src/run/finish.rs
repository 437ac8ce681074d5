//! How a run ends, and what it leaves for the next.

use chrono::{DateTime, TimeDelta, Utc};
use crisp_storage::integrations::IntegrationRow;
use crisp_storage::syncs::{Ending, SyncRow};
use crisp_storage::work::{self, Lane};
use crisp_storage::{transcripts, wanted};

use super::{Bookmark, Next, Run, Stage};
use crate::clock;
use crate::error::Error;
use crate::schedule::{incremental_interval, reconcile_interval};
use crate::threads::Channel;

/// How long a run waits at the most for records in doubt to be settled.
const SETTLE_FOR: TimeDelta = TimeDelta::seconds(15);
/// Weight that older observations of the hook channel keep with each new run.
const DECAY: f64 = 0.9;
/// Missed share of recent changes from which on the channel counts as lossy.
const LOSSY: f64 = 0.2;
/// Changes that must have been seen before the channel is judged.
const ENOUGH: f64 = 3.0;

impl Run<'_> {
    /// Waits until no record read by this run is in doubt any more, then ends it.
    pub(super) async fn settle(&mut self) -> Result<Next, Error> {
        let now = clock::now();
        let mut session = self.engine.database.read_primary(self.lease.account).await?;
        let doubts = wanted::count_in_doubt(&mut session, self.lease.integration).await?;
        session.commit().await?;
        let until = self.mark.settle_until.unwrap_or_else(|| now + SETTLE_FOR);
        if doubts == 0 || now >= until {
            return match self.walks_again_from().await? {
                Some(stage) => self.walk_again(stage).await,
                None => self.end().await,
            };
        }
        let mut scope = self.open().await?;
        let id = scope.id();
        work::signal(&mut scope.session, id, Lane::Live, now).await?;
        self.commit(scope, |_, mark, _| mark.settle_until = Some(until)).await?;
        Ok(Next::Wait(now + TimeDelta::milliseconds(400)))
    }

    async fn walk_again(&mut self, stage: Stage) -> Result<Next, Error> {
        tracing::info!(sync = %self.id(), "rows left the lists while they were read: they are read again");
        let scope = self.open().await?;
        self.commit(scope, |_, mark, _| {
            mark.again += 1;
            (mark.lists_began, mark.lists_ended, mark.settle_until) = (None, None, None);
            mark.enter(stage);
        })
        .await?;
        Ok(Next::Step)
    }

    async fn end(&mut self) -> Result<Next, Error> {
        let scope = self.open().await?;
        let now = scope.now;
        let interval = incremental_interval(self.engine, &scope.integration);
        let reconcile = reconcile_interval(self.engine);
        let complete = self.is_complete() || self.row.kind == "full";
        self.commit(scope, |row, mark, integration| {
            let failed = row.people_failed + row.conversations_failed + row.messages_failed;
            row.end(if failed > 0 { Ending::Partial } else { Ending::Succeeded }, now);
            leave_bookmarks(integration, row, mark);
            integration.next_incremental_at = now.checked_add_signed(interval);
            if complete {
                // A first import over rows that were kept earlier has not looked for what vanished: that pass is due.
                let owed = integration.next_reconcile_at.filter(|_| !self.is_complete());
                integration.last_reconcile_at = Some(now);
                integration.next_reconcile_at = owed.or_else(|| now.checked_add_signed(reconcile));
            }
        })
        .await?;
        tracing::info!(sync = %self.id(), integration = %self.lease.integration, kind = self.row.kind, "sync ended");
        Ok(Next::Ended)
    }

    /// Ends a run that somebody asked to end. What it committed stays; what it still had to read is read when a later
    /// run lists it again, and not by the live lane behind its back. A run of the schedule is over for this time.
    pub(super) async fn cancel(&mut self) -> Result<(), Error> {
        let mut scope = self.open().await?;
        let (id, now) = (scope.id(), scope.now);
        transcripts::forget_calm(&mut scope.session, id, now).await?;
        let interval = incremental_interval(self.engine, &scope.integration);
        let reconcile = reconcile_interval(self.engine);
        self.commit(scope, |row, _, integration| {
            row.end(Ending::Cancelled, now);
            if integration.next_incremental_at.is_some_and(|next| next <= now) {
                integration.next_incremental_at = now.checked_add_signed(interval);
            }
            if row.kind == "reconcile" {
                integration.next_reconcile_at = now.checked_add_signed(reconcile);
            }
        })
        .await
    }
}

/// Moves the bookmarks past what is committed: newest `updated_at` that the lists showed when they were read.
fn leave_bookmarks(integration: &mut IntegrationRow, row: &SyncRow, mark: &Bookmark) {
    let began = row.started_at.unwrap_or(row.queued_at);
    integration.conversations_bookmark = integration.conversations_bookmark.max(mark.newest_conversation);
    integration.people_bookmark =
        integration.people_bookmark.max(mark.profiles_until.or(mark.newest_profile));
    integration.synced_at = integration.synced_at.max(Some(began));
    match row.kind.as_str() {
        "incremental" => integration.last_incremental_at = row.finished_at,
        "full" => {
            integration.active_at = integration.active_at.or(row.finished_at);
            if integration.state == "connected" {
                "active".clone_into(&mut integration.state);
            }
        }
        _ => {}
    }
}

/// Keeps count of what polling found and hooks should have brought; a silent or lossy channel is noted.
pub(super) fn count_hooks(integration: &mut IntegrationRow, channel: Channel, now: DateTime<Utc>) {
    let missed = channel.missed + channel.silent;
    if channel.heard + missed == 0 {
        return;
    }
    let as_float = |count: i64| f64::from(i32::try_from(count).unwrap_or(i32::MAX));
    let (expected, missed) = (as_float(channel.heard + missed), as_float(missed));
    integration.hook_changes_expected = integration.hook_changes_expected.mul_add(DECAY, expected);
    integration.hook_changes_missed = integration.hook_changes_missed.mul_add(DECAY, missed);
    let judged = integration.hook_changes_expected >= ENOUGH;
    let lossy = integration.hook_changes_missed > integration.hook_changes_expected * LOSSY;
    integration.hook_gap_since = match (judged, lossy) {
        (true, true) => integration.hook_gap_since.or(Some(now)),
        (true, false) => None,
        (false, _) => integration.hook_gap_since,
    };
}
