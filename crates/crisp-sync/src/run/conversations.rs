//! Walks pages of conversations.

use chrono::{DateTime, Utc};
use crisp_client::ConversationsQuery;
use crisp_client::page::Walk;
use crisp_domain::ConversationFacts;
use crisp_storage::{sightings, unreadable};

use super::odd::Odd;
use super::people::{OVERLAP, PER_PAGE, is_beyond_the_end};
use super::{Ahead, Next, Run, Stage, count};
use crate::clock;
use crate::error::Error;
use crate::observe::lies_ahead;
use crate::threads::{self, Reading, Verify};

/// Decayed changes that must have come through hooks before the channel is trusted with message texts.
const TRUST_AFTER: f64 = 50.0;
/// Share of missed changes up to which it stays trusted.
const TRUSTED_LOSS: f64 = 0.005;

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

impl Run<'_> {
    pub(super) async fn conversations(&mut self) -> Result<Next, Error> {
        let number = self.mark.page.max(1);
        let page = match self.ahead.take() {
            Some(Ahead::Conversations(ahead, page)) if ahead == number => page?,
            _ => self.fetch_conversations(number, self.since()).await?,
        };
        let mut walked = self.mark.list;
        let ended = walked.ends_with(page.rows, page.more, PER_PAGE, self.aim());
        let last = ended || self.has_passed_the_bookmark(&page);
        // Where an incremental walk ends shows when its page is written.
        let prefetch = !last && !self.is_incremental() && self.may_go_on();
        let (written, ahead) = futures::join!(self.write_conversations(page, walked, last), async {
            if prefetch { Some(self.fetch_conversations(number + 1, self.since()).await) } else { None }
        });
        written?;
        self.ahead = ahead.map(|page| Ahead::Conversations(number + 1, page));
        Ok(Next::Step)
    }

    /// The newest page once more, whole: state, assignee, subject and e-mail move no `updated_at`.
    pub(super) async fn rolling(&mut self) -> Result<Next, Error> {
        let page = self.fetch_conversations(1, None).await?;
        self.write_conversations(page, self.mark.list, true).await?;
        Ok(Next::Step)
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
        let odd = Odd::of(&listed, page);
        let rows = listed.records.len();
        let facts = listed.records.iter().flatten().map(ConversationFacts::from_wire).collect();
        Ok(Fetched { facts, odd, rows, more: listed.more, sent_at })
    }

    async fn write_conversations(&self, page: Fetched, walked: Walk, last: bool) -> Result<(), Error> {
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
        let (updated, number) = (page.updated(), self.mark.page.max(1));
        let newest = updated.iter().copied().filter(|at| !lies_ahead(*at, page.sent_at)).max();
        let (read, failed) = (count(page.rows), count(page.odd.listed.len()));
        let reading = Reading {
            facts: page.facts,
            sent_at: page.sent_at,
            verify: self.verify(),
            urgent: false,
            by_name: false,
        };
        let tally = threads::apply_reading(&mut scope, &self.engine.erasure, reading).await?;
        let as_known = self.is_incremental()
            && tally.changed == 0
            && is_newest_first(&updated)
            && updated.first().copied() <= self.integration.conversations_bookmark;
        let next = self.after_conversations_page(last || as_known);
        let whole = !self.is_incremental() && self.since().is_none();
        let counts_hooks = self.row.kind != "full" && !rolling;
        self.commit(scope, |row, mark, integration| {
            row.conversations_failed += failed;
            row.conversations_read += read;
            row.conversations_created += tally.created;
            row.conversations_updated += tally.updated;
            row.conversations_unchanged += tally.unchanged;
            row.conversations_skipped += tally.skipped;
            row.conversations_before_backfill += tally.before_backfill;
            // Nobody can have heard of what happened before the import began.
            let listening = integration.first_import_at.is_some_and(|began| updated.first() > Some(&began));
            if counts_hooks && listening {
                super::finish::count_hooks(integration, tally.news, tally.unheard, now);
            }
            mark.list = walked;
            if number == 1 && !rolling {
                mark.newest_first = is_newest_first(&updated);
            }
            // What is said while one walks moves to the front: only the first page tells how far everything was read.
            if !rolling && (number == 1 || !mark.newest_first) {
                mark.newest_conversation = mark.newest_conversation.max(newest);
            }
            match next {
                Some(stage) => {
                    row.expected_conversations = Some(row.conversations_read);
                    if whole {
                        integration.expected_conversations = row.expected_conversations;
                    }
                    mark.enter(stage);
                }
                None => mark.page = mark.page.max(1) + 1,
            }
        })
        .await
    }

    fn after_conversations_page(&self, last: bool) -> Option<Stage> {
        if self.mark.stage == Stage::Rolling {
            Some(Stage::Messages)
        } else if !last {
            None
        } else if self.is_incremental() {
            Some(Stage::Rolling)
        } else if self.is_complete() && self.since().is_none() {
            Some(Stage::VanishedConversations)
        } else {
            Some(Stage::Messages)
        }
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
