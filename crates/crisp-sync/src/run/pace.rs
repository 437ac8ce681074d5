//! When a run will be done: by what is left to ask of Crisp, how fast it has gone, and what the quota leaves.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use crisp_storage::quota::Purpose;
use crisp_storage::syncs::SyncRow;
use crisp_storage::transcripts;

use super::{Run, Stage};
use crate::clock;
use crate::error::Error;

/// How often it is worked out anew.
const EVERY: Duration = Duration::from_secs(1);
/// Requests that a pace is told from.
const ENOUGH: i64 = 5;
/// Rows of a list page.
const PAGE: i64 = 50;
/// Requests that a transcript takes at the most, as far as a forecast is believed.
const LONG_TRANSCRIPT: i64 = 3;

/// What was worked out last, and when.
#[derive(Debug)]
pub(super) struct Estimate {
    pub(super) finish_at: Option<DateTime<Utc>>,
    made_at: Option<Instant>,
}

impl Estimate {
    /// What the slice before has told: it stands for a moment, however short the slices are.
    pub(super) fn of(row: &SyncRow) -> Self {
        Self {
            finish_at: row.expected_finish_at,
            made_at: row.expected_finish_at.is_some().then(Instant::now),
        }
    }
}

/// What the run itself does not tell.
#[derive(Debug, Clone, Copy)]
struct Known {
    transcripts_due: i64,
    /// Of a first import, as forecast.
    requests: Option<i64>,
    imports_conversations: bool,
    reads_custom_data: bool,
}

impl Run<'_> {
    /// Works out when the run will be done, unless that was done a moment ago.
    pub(super) async fn look_ahead(&mut self) -> Result<(), Error> {
        if self.estimate.made_at.is_some_and(|made_at| made_at.elapsed() < EVERY) {
            return Ok(());
        }
        let (now, known) = (clock::now(), self.known().await?);
        let left = requests_left(&self.row, self.mark.stage, known);
        let asking = left.and_then(|left| time_to_ask(&self.row, self.mark.waited_ms, left, now));
        let finish_at = match (left, asking) {
            (Some(left), Some(asking)) => {
                self.finish_by_quota(left).await?.max(now.checked_add_signed(asking))
            }
            _ => None,
        };
        self.estimate = Estimate { finish_at, made_at: Some(Instant::now()) };
        Ok(())
    }

    async fn known(&self) -> Result<Known, Error> {
        let mut session = self.engine.database.read_primary(self.lease.account).await?;
        let (transcripts_due, _) = transcripts::count_due(&mut session, self.lease.integration).await?;
        session.commit().await?;
        Ok(Known {
            transcripts_due,
            requests: self.integration.expected_requests.filter(|_| self.row.trigger == "first_import"),
            imports_conversations: self.settings.import_conversations,
            reads_custom_data: self.settings.mapping.uses_data(),
        })
    }

    /// Requests that this run still has to make, or as many as are known.
    pub(super) async fn requests_left(&self) -> Result<i64, Error> {
        let known = self.known().await?;
        let left = requests_left(&self.row, self.mark.stage, known);
        Ok(left.unwrap_or_else(|| requests_known(&self.row, self.mark.stage, known)).max(1))
    }

    /// When the quota has granted so many requests; `None`: it stands in nobody's way.
    pub(super) async fn finish_by_quota(&self, left: i64) -> Result<Option<DateTime<Utc>>, Error> {
        let purpose = if self.is_incremental() { Purpose::Live } else { Purpose::Backfill };
        let left = u64::try_from(left).unwrap_or(0);
        Ok(self.engine.ledger.granted_by(self.lease.account, purpose, left).await?)
    }
}

/// How long a run has just waited for requests, if that is what it did, in milliseconds.
pub(super) fn waited(row: &SyncRow, now: DateTime<Utc>) -> i64 {
    if row.state == "waiting_for_quota" { (now - row.updated_at).num_milliseconds().max(0) } else { 0 }
}

/// Requests that are still to be made; `None`: nobody knows before the lists have ended.
fn requests_left(row: &SyncRow, stage: Stage, known: Known) -> Option<i64> {
    let forecast = known.requests.filter(|_| known.imports_conversations);
    let by_forecast = forecast.map_or(0, |whole| whole - row.crisp_requests);
    if matches!(stage, Stage::Messages | Stage::Settle) {
        // What is due is known; how long the transcripts are, only the forecast has asked.
        let due = known.transcripts_due;
        return Some(by_forecast.clamp(due, due * LONG_TRANSCRIPT));
    }
    if row.kind == "incremental" {
        return None;
    }
    let lists = requests_of_lists(row, stage, known);
    if !known.imports_conversations {
        return Some(lists);
    }
    if row.trigger == "first_import" {
        return forecast.map(|_| by_forecast.max(lists + known.transcripts_due));
    }
    row.expected_conversations?;
    Some(lists + known.transcripts_due)
}

/// Requests that are certain: what nobody has counted is left out.
fn requests_known(row: &SyncRow, stage: Stage, known: Known) -> i64 {
    requests_of_lists(row, stage, known) + known.transcripts_due
}

fn requests_of_lists(row: &SyncRow, stage: Stage, known: Known) -> i64 {
    let in_people = matches!(stage, Stage::Start | Stage::People | Stage::VanishedPeople);
    let people = if in_people { rest(row.expected_people, row.people_read).unwrap_or(0) } else { 0 };
    let conversations = if known.imports_conversations {
        rest(row.expected_conversations, row.conversations_read).unwrap_or(0)
    } else {
        0
    };
    let data = if known.reads_custom_data { people } else { 0 };
    pages(people) + data + pages(conversations)
}

fn rest(expected: Option<i64>, read: i64) -> Option<i64> {
    expected.map(|expected| (expected - read).max(0))
}

fn pages(rows: i64) -> i64 {
    (rows + PAGE - 1) / PAGE
}

/// How long so many requests take at the pace of those made so far, waits for quota aside.
fn time_to_ask(row: &SyncRow, waited_ms: i64, left: i64, now: DateTime<Utc>) -> Option<TimeDelta> {
    let took = (now - row.started_at?).num_milliseconds() - waited_ms;
    if row.crisp_requests < ENOUGH || took <= 0 {
        return None;
    }
    let millis = i128::from(took) * i128::from(left) / i128::from(row.crisp_requests);
    TimeDelta::try_milliseconds(i64::try_from(millis).ok()?)
}

#[cfg(test)]
mod tests {
    use crisp_domain::{AccountId, IntegrationId, SyncId};

    use super::*;

    const KNOWN: Known = Known {
        transcripts_due: 30,
        requests: Some(1_000),
        imports_conversations: true,
        reads_custom_data: false,
    };

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_225_600 + seconds, 0).unwrap()
    }

    fn first_import() -> SyncRow {
        let owner = (AccountId::new_v7(at(0)), IntegrationId::new_v7(at(0)));
        let mut row = SyncRow::queued(owner, SyncId::new_v7(at(0)), ("full", "first_import"), None, at(0));
        row.started_at = Some(at(0));
        row.crisp_requests = 100;
        row
    }

    #[test]
    fn a_first_import_has_left_what_its_forecast_leaves() {
        let mut row = first_import();
        assert_eq!(requests_left(&row, Stage::People, KNOWN), Some(900), "before anybody has counted them");
        assert_eq!(
            requests_left(&row, Stage::Messages, KNOWN),
            Some(90),
            "no more than the transcripts can take"
        );
        row.expected_conversations = Some(500);
        assert_eq!(requests_left(&row, Stage::Conversations, Known { requests: None, ..KNOWN }), None);
        row.crisp_requests = 5_000;
        assert_eq!(requests_left(&row, Stage::Conversations, KNOWN), Some(40), "more than was forecast");
        assert_eq!(requests_left(&row, Stage::Messages, KNOWN), Some(30));
    }

    #[test]
    fn people_alone_are_counted_by_pages_and_their_custom_data_one_by_one() {
        let mut row = first_import();
        (row.expected_people, row.people_read) = (Some(200), 80);
        let people = Known { imports_conversations: false, ..KNOWN };
        assert_eq!(requests_left(&row, Stage::People, people), Some(3));
        assert_eq!(
            requests_left(&row, Stage::People, Known { reads_custom_data: true, ..people }),
            Some(123)
        );
    }

    #[test]
    fn the_pace_is_that_of_the_requests_made_without_the_waits() {
        let mut row = first_import();
        assert_eq!(time_to_ask(&row, 0, 300, at(10)), Some(TimeDelta::seconds(30)));
        assert_eq!(time_to_ask(&row, 3_600_000, 300, at(3_610)), Some(TimeDelta::seconds(30)));
        row.crisp_requests = 1;
        assert_eq!(time_to_ask(&row, 0, 300, at(10)), None, "one request tells no pace");
    }

    #[test]
    fn only_a_run_that_waited_for_quota_has_waited() {
        let mut row = first_import();
        assert_eq!(waited(&row, at(5)), 0);
        "waiting_for_quota".clone_into(&mut row.state);
        assert_eq!(waited(&row, at(5)), 5_000);
    }
}
