//! What becomes of a run whose step failed: the one place that decides to wait, try again, or give up.

use chrono::{DateTime, TimeDelta, Utc};
use crisp_storage::integrations;
use crisp_storage::syncs::{self, Ending, SyncRow};
use crisp_storage::work::{self, Release};

use super::Run;
use crate::clock;
use crate::connect;
use crate::error::{Attention, Error, Verdict};

/// Answers in a row that cannot be read before the run is given up: with the waits below, some ten minutes. An outage
/// is waited out, however long.
const MAX_FAILURES: i32 = 15;
/// Wait where a refusal says nothing about when: then the ledger, which was told of it, says.
const QUOTA_WAIT: TimeDelta = TimeDelta::seconds(5);
/// Longest wait between two attempts at a step.
const MAX_WAIT: TimeDelta = TimeDelta::minutes(1);

impl Run<'_> {
    /// Decides about a failed step and notes it on the run.
    pub(super) async fn fail(&mut self, error: &Error) -> Result<Release, Error> {
        let now = clock::now();
        match error.verdict(now) {
            Verdict::WaitForQuota(until) => self.wait_for_quota(until.unwrap_or(now + QUOTA_WAIT)).await,
            Verdict::Retry(_) if is_absence(error) && self.is_uninstalled().await => {
                self.needs_attention(Attention::PluginUninstalled, now).await
            }
            Verdict::Retry(not_before) => self.retry(error, not_before, now).await,
            Verdict::NeedsAttention(what) => self.needs_attention(what, now).await,
            // A lapsed lease that nobody has taken over is still ours to give back: somebody shall look at it.
            Verdict::LetGo => Ok(Release::DueAt(now)),
            Verdict::GiveUp => self.give_up(error, now).await,
        }
    }

    async fn wait_for_quota(&mut self, until: DateTime<Utc>) -> Result<Release, Error> {
        let now = clock::now();
        let until = until.max(now + TimeDelta::milliseconds(50));
        let finish = self.finish_by_quota(self.requests_left().await?).await?;
        self.note(|row| {
            "waiting_for_quota".clone_into(&mut row.state);
            row.resumes_at = Some(until);
            row.expected_finish_at = finish.max(Some(until));
        })
        .await?;
        Ok(Release::DueAt(until))
    }

    /// Whether the plugin is not installed on the website any more. Asked where Crisp knows no list that every website has.
    async fn is_uninstalled(&self) -> bool {
        // Once at the beginning and once at the end: an answer that never comes must not cost a request each time.
        if !matches!(self.row.failures_in_row, 0 | MAX_FAILURES) {
            return false;
        }
        match self.client.subscription(self.website, self.engine.options.plugin_id).await {
            Ok(subscription) => !subscription.active,
            Err(error) => matches!(error, crisp_client::Error::NotSubscribed),
        }
    }

    async fn retry(
        &mut self,
        error: &Error,
        not_before: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Release, Error> {
        let passes = !error.lies_in_one_record();
        if !passes && self.row.failures_in_row >= MAX_FAILURES {
            return self.give_up(error, now).await;
        }
        tracing::warn!(sync = %self.id(), integration = %self.lease.integration, error = error.chain(), "a step failed and will be tried again");
        let plain = in_plain_words(error);
        self.note(|row| {
            row.failures_in_row += 1;
            row.problem_code = Some(plain.0.to_owned());
            row.problem_detail = Some(plain.1.to_owned());
        })
        .await?;
        let planned = now + wait_after(self.row.failures_in_row);
        // Not merely due later: the sweep restores what is due, and must not cut this wait short.
        Ok(Release::FailedUntil(not_before.map_or(planned, |not_before| planned.max(not_before))))
    }

    async fn needs_attention(&mut self, what: Attention, now: DateTime<Utc>) -> Result<Release, Error> {
        tracing::warn!(integration = %self.lease.integration, problem = %what, "the integration needs attention");
        let mut session = self.engine.database.write(self.lease.account).await?;
        work::fence(&mut session, self.lease).await?;
        let mut integration = integrations::get(&mut session, self.lease.integration).await?;
        connect::needs_attention(&mut session, &mut integration, what, now).await?;
        let code: &'static str = what.into();
        let mut ended = None;
        if let Some(mut row) = syncs::find(&mut session, self.id()).await?.filter(SyncRow::is_under_way) {
            end_failed(&mut row, (code, connect::detail_of(what)), now);
            row.crisp_requests += self.meter.take_sent();
            syncs::close(&mut session, &row).await?;
            ended = Some(row);
        }
        session.commit().await?;
        ended.iter().for_each(super::count_ended);
        super::start::next_due(self.engine, self.lease).await
    }

    async fn give_up(&mut self, error: &Error, now: DateTime<Utc>) -> Result<Release, Error> {
        tracing::error!(sync = %self.id(), integration = %self.lease.integration, error = error.chain(), "the sync was given up");
        let plain = in_plain_words(error);
        self.note(|row| end_failed(row, plain, now)).await?;
        let mut session = self.engine.database.write(self.lease.account).await?;
        work::fence(&mut session, self.lease).await?;
        let mut integration = integrations::get(&mut session, self.lease.integration).await?;
        let interval = crate::schedule::incremental_interval(self.engine, &integration);
        integration.next_incremental_at = now.checked_add_signed(interval);
        if self.row.kind == "reconcile" {
            integration.next_reconcile_at = now.checked_add_signed(TimeDelta::hours(1));
        }
        integrations::save(&mut session, &integration).await?;
        session.commit().await?;
        super::start::next_due(self.engine, self.lease).await
    }

    /// Writes something about the run without touching its bookmark. One that somebody has ended stays as it is.
    async fn note(&mut self, change: impl FnOnce(&mut SyncRow)) -> Result<(), Error> {
        let mut session = self.engine.database.write(self.lease.account).await?;
        work::fence(&mut session, self.lease).await?;
        let found = syncs::find(&mut session, self.id()).await?.filter(SyncRow::is_under_way);
        let mut row = found.ok_or(Error::Stopped)?;
        row.updated_at = clock::now();
        change(&mut row);
        row.crisp_requests += self.meter.take_sent();
        super::save(&mut session, &row).await?;
        session.commit().await?;
        super::count_ended(&row);
        self.row = row;
        Ok(())
    }
}

/// Whether Crisp says that there is no such thing; of a whole list, for single records are simply absent then.
fn is_absence(error: &Error) -> bool {
    matches!(error, Error::Crisp(crisp_client::Error::NotFound))
}

fn end_failed(row: &mut SyncRow, (code, detail): (&str, &str), now: DateTime<Utc>) {
    row.end(Ending::Failed, now);
    row.problem_code = Some(code.to_owned());
    row.problem_detail = Some(detail.to_owned());
}

/// 1 s, 2 s, 4 s, … up to [`MAX_WAIT`], each with up to a quarter more so that workers do not come back together.
fn wait_after(failures: i32) -> TimeDelta {
    let doublings = u32::try_from(failures.saturating_sub(1).clamp(0, 6)).unwrap_or(0);
    let wait = TimeDelta::seconds(i64::from(2_u32.pow(doublings))).min(MAX_WAIT);
    wait + TimeDelta::milliseconds(fastrand::i64(0..=wait.num_milliseconds() / 4))
}

/// The last error as a customer-success admin can read it.
fn in_plain_words(error: &Error) -> (&'static str, &'static str) {
    use crisp_client::{Error as Crisp, Outage};
    match error {
        Error::Crisp(Crisp::Unavailable { cause: Outage::TooLarge { .. }, .. }) => {
            ("crisp_unreadable", "Crisp sent an answer that is too large to be read. Please report this.")
        }
        Error::Crisp(Crisp::NotFound) => {
            ("crisp_rejected", "Crisp says that it does not know this website's lists. Check the website id.")
        }
        Error::Crisp(Crisp::Unavailable { .. }) => (
            "crisp_unavailable",
            "Crisp did not answer, or answered with an error. The sync goes on by itself when Crisp is back.",
        ),
        Error::Crisp(Crisp::Malformed { .. }) => {
            ("crisp_unreadable", "Crisp sent an answer that could not be read. The sync tries again.")
        }
        Error::Crisp(_) => ("crisp_rejected", "Crisp refused a request of the sync. Please report this."),
        Error::Storage(_) => ("database_unavailable", "The integration's database was not available."),
        Error::Stopped | Error::Corrupt(_) => {
            ("internal", "The sync met something it does not understand. Please report this.")
        }
    }
}
