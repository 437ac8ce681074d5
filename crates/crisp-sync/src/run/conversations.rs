//! Walks pages of conversations.

use chrono::{DateTime, Utc};
use crisp_client::ConversationsQuery;
use crisp_client::page::{Aim, Walk};
use crisp_domain::ConversationFacts;
use crisp_storage::syncs::SyncRow;
use crisp_storage::{sightings, unreadable};

use super::odd::Odd;
use super::people::{OVERLAP, PER_PAGE, is_beyond_the_end};
use super::{Ahead, Next, Run, Stage, count};
use crate::clock;
use crate::error::Error;
use crate::observe::lies_ahead;
use crate::threads::{self, Reading, Tally, Verify};

/// Decayed changes that must have come through hooks before the channel is trusted with message texts.
const TRUST_AFTER: f64 = 50.0;
/// Share of missed changes up to which it stays trusted.
const TRUSTED_LOSS: f64 = 0.005;
/// Pages of the most recently updated conversations that incremental runs read again: the newest each time, one of the
/// others in turn. 500 conversations, at 15 minutes a run within two and a quarter hours.
const ROLLING_PAGES: i32 = 10;

/// Where a page stands in its walk.
#[derive(Debug, Clone, Copy)]
struct Place {
    number: u32,
    walked: Walk,
    /// Whether nothing is listed behind it.
    is_end: bool,
    /// Whether nothing that is listed behind it is news.
    is_last: bool,
}

/// What follows on a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Page,
    /// The list is in no order: it begins again, asked for by date.
    ByDate,
    Stage(Stage),
}

/// A page of conversations.
pub(super) struct Fetched {
    facts: Vec<ConversationFacts>,
    odd: Odd,
    rows: usize,
    more: bool,
    /// When it was asked for (our clock).
    sent_at: DateTime<Utc>,
}

impl Fetched {
    fn nothing(sent_at: DateTime<Utc>) -> Self {
        Self { facts: Vec::new(), odd: Odd::default(), rows: 0, more: false, sent_at }
    }

    fn updated(&self) -> Vec<DateTime<Utc>> {
        self.facts.iter().filter_map(|facts| facts.updated_at).collect()
    }
}

fn is_newest_first(updated: &[DateTime<Utc>]) -> bool {
    updated.is_sorted_by(|left, right| left >= right)
}

/// Counts a page. What a list that is walked again shows as before was counted then.
fn count_rows(row: &mut SyncRow, (read, failed): (i64, i64), tally: Tally, again: bool) {
    row.conversations_created += tally.created;
    row.conversations_updated += tally.updated;
    if again {
        row.conversations_read += tally.created;
        return;
    }
    row.conversations_failed += failed;
    row.conversations_read += read;
    row.conversations_unchanged += tally.unchanged;
    row.conversations_skipped += tally.skipped;
    row.conversations_before_backfill += tally.before_backfill;
}

/// Which page is read again by the next run.
fn behind(place: Place) -> i32 {
    let next = i32::try_from(place.number).unwrap_or(ROLLING_PAGES).saturating_add(1);
    if place.is_end || next > ROLLING_PAGES { 2 } else { next }
}

impl Run<'_> {
    pub(super) async fn conversations(&mut self) -> Result<Next, Error> {
        let number = self.mark.page.max(1);
        let page = match self.ahead.take() {
            Some(Ahead::Conversations(ahead, page)) if ahead == number => page?,
            _ => self.fetch_conversations(number, self.date_start(number)).await?,
        };
        let mut walked = self.mark.list;
        let aim = if self.date_start(number).is_some() { Aim::News } else { Aim::Everything };
        let is_end = walked.ends_with(page.rows, page.more, PER_PAGE, aim);
        let is_last = is_end || self.has_passed_the_bookmark(&page);
        // Where an incremental walk ends shows when its page is written.
        let prefetch = !is_last && !self.is_incremental() && self.may_go_on();
        let place = Place { number, walked, is_end, is_last };
        let (written, ahead) = futures::join!(self.write_conversations(page, place), async {
            if prefetch { Some(self.fetch_conversations(number + 1, None).await) } else { None }
        });
        written?;
        self.ahead = ahead.map(|page| Ahead::Conversations(number + 1, page));
        Ok(Next::Step)
    }

    /// One of the pages behind the newest: state, assignee, subject and e-mail move no `updated_at`.
    pub(super) async fn rolling(&mut self) -> Result<Next, Error> {
        let number = u32::try_from(self.integration.next_rolling_page.max(2)).unwrap_or(2);
        let page = self.fetch_conversations(number, None).await?;
        let mut walked = self.mark.list;
        let is_end = walked.ends_with(page.rows, page.more, PER_PAGE, Aim::Everything);
        self.write_conversations(page, Place { number, walked, is_end, is_last: true }).await?;
        Ok(Next::Step)
    }

    /// From which update on a page is asked for. The newest page is read whole, because it is news and recent at once;
    /// unless what comes first is not the newest.
    fn date_start(&self, number: u32) -> Option<DateTime<Utc>> {
        self.since().filter(|_| number > 1 || self.mark.by_date)
    }

    /// From which update on this run lists conversations. A full run lists those before the backfill window too: a list
    /// page is cheap, and each of them is kept with the reason why it was skipped.
    fn since(&self) -> Option<DateTime<Utc>> {
        let bookmark = self.integration.conversations_bookmark.filter(|_| self.is_incremental())?;
        bookmark.checked_sub_signed(OVERLAP)
    }

    /// Whether everything behind this page is older than what the run is about, should Crisp list it nevertheless.
    fn has_passed_the_bookmark(&self, page: &Fetched) -> bool {
        let updated = page.updated();
        self.since().is_some_and(|since| is_newest_first(&updated) && updated.last() < Some(&since))
    }

    /// From when on hooks should have told of what a page shows: from the last run on. A full run concludes nothing, and
    /// nobody can have heard of what happened before the import began.
    fn heard_since(&self) -> Option<DateTime<Utc>> {
        let since = self.integration.conversations_bookmark.max(self.integration.first_import_at)?;
        (self.row.kind != "full").then_some(since)
    }

    async fn fetch_conversations(
        &self,
        page: u32,
        since: Option<DateTime<Utc>>,
    ) -> Result<Fetched, crisp_client::Error> {
        let sent_at = clock::now();
        let query = ConversationsQuery {
            page,
            per_page: PER_PAGE,
            date_start: since,
            ..ConversationsQuery::default()
        };
        let listed = match self.client.conversations_page(self.website, &query).await {
            Err(error) if is_beyond_the_end(page, &error) => return Ok(Fetched::nothing(sent_at)),
            listed => listed?,
        };
        let odd = Odd::of(&listed, unreadable::Kind::Conversation, page);
        let rows = listed.records.len();
        let facts = listed.records.iter().flatten().map(ConversationFacts::from_wire).collect();
        Ok(Fetched { facts, odd, rows, more: listed.more, sent_at })
    }

    async fn write_conversations(&self, page: Fetched, place: Place) -> Result<(), Error> {
        let mut scope = self.open().await?;
        let now = scope.now;
        let rolling = self.mark.stage == Stage::Rolling;
        let sessions: Vec<String> =
            page.facts.iter().map(|facts| facts.session_id.as_str().to_owned()).collect();
        if self.is_complete() {
            let seen = [sessions.as_slice(), page.odd.named.as_slice()].concat();
            sightings::record(&mut scope.session, self.id(), sightings::Kind::Conversation, &seen).await?;
        }
        let anew = !self.is_incremental() && self.mark.page <= 1;
        page.odd.save(&mut scope, unreadable::Kind::Conversation, &sessions, anew).await?;
        let (updated, number) = (page.updated(), place.number);
        let ordered = is_newest_first(&updated);
        let newest = updated.iter().copied().filter(|at| !lies_ahead(*at, page.sent_at)).max();
        let (read, failed) = (count(page.rows), page.odd.failed);
        let sent_at = page.sent_at;
        let reading = Reading {
            facts: page.facts,
            sent_at,
            verify: self.verify(),
            urgent: false,
            by_name: false,
            heard_since: self.heard_since(),
        };
        let tally = threads::apply_reading(&mut scope, &self.engine.erasure, reading).await?;
        let as_known = self.is_incremental()
            && tally.changed == 0
            && ordered
            && updated.first().copied() <= self.integration.conversations_bookmark;
        let after = self.after_conversations_page(place, place.is_last || as_known, ordered);
        let whole = !self.is_incremental() && self.since().is_none();
        self.commit(scope, |row, mark, integration| {
            mark.lists_began.get_or_insert(sent_at);
            count_rows(row, (read, failed), tally, mark.again > 0);
            super::finish::count_hooks(integration, tally.channel, now);
            mark.list = place.walked;
            if number == 1 && !rolling {
                mark.newest_first = ordered;
            }
            // What is said while one walks moves to the front: only the first page tells how far everything was read.
            if !rolling && (number == 1 || !mark.newest_first) {
                mark.newest_conversation = mark.newest_conversation.max(newest);
            }
            if rolling {
                integration.next_rolling_page = behind(place);
            }
            match after {
                After::Page => mark.page = mark.page.max(1) + 1,
                After::ByDate => {
                    mark.enter(Stage::Conversations);
                    mark.by_date = true;
                }
                After::Stage(stage) => {
                    mark.lists_ended = Some(now);
                    row.expected_conversations = Some(row.conversations_read);
                    if whole {
                        integration.expected_conversations = row.expected_conversations;
                    }
                    mark.enter(stage);
                }
            }
        })
        .await
    }

    fn after_conversations_page(&self, place: Place, is_last: bool, ordered: bool) -> After {
        let is_news = self.since().is_some();
        let is_first = place.number == 1 && !self.mark.by_date;
        if self.mark.stage == Stage::Rolling {
            return After::Stage(Stage::Messages);
        }
        if !is_last {
            return if is_news && is_first && !ordered { After::ByDate } else { After::Page };
        }
        After::Stage(match is_news {
            // A list of one page has been read whole already.
            true if is_first && place.is_end => Stage::Messages,
            true => Stage::Rolling,
            false if self.is_complete() => Stage::VanishedConversations,
            false => Stage::Messages,
        })
    }

    fn verify(&self) -> Verify {
        let expected = self.integration.hook_changes_expected;
        let trusted =
            expected >= TRUST_AFTER && self.integration.hook_changes_missed <= expected * TRUSTED_LOSS;
        match self.row.kind.as_str() {
            "full" if self.row.reread_messages => Verify::Everything,
            "incremental" if trusted => Verify::Nothing,
            "incremental" => Verify::Hooked,
            _ => Verify::SetAside,
        }
    }
}
