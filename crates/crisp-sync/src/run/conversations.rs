//! Walks pages of conversations.

use chrono::{DateTime, Utc};
use crisp_client::ConversationsQuery;
use crisp_client::page::Walk;
use crisp_domain::ConversationFacts;
use crisp_storage::{sightings, unreadable};

use super::odd::Odd;
use super::people::{OVERLAP, PER_PAGE};
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

impl Run<'_> {
    pub(super) async fn conversations(&mut self) -> Result<Next, Error> {
        let number = self.mark.page.max(1);
        let page = match self.ahead.take() {
            Some(Ahead::Conversations(ahead, page)) if ahead == number => page?,
            _ => self.fetch_conversations(number, self.since()).await?,
        };
        let mut list = self.mark.list;
        let last = list.ends_with(page.rows, page.more, PER_PAGE, self.aim());
        let prefetch = !last && self.may_go_on();
        let (written, ahead) = futures::join!(self.write_conversations(page, list, last), async {
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

    /// From which update on this run lists conversations.
    fn since(&self) -> Option<DateTime<Utc>> {
        match self.row.kind.as_str() {
            "full" => self.integration.backfill_from,
            "incremental" => {
                self.integration.conversations_bookmark.and_then(|at| at.checked_sub_signed(OVERLAP))
            }
            _ => None,
        }
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
        let listed = self.client.conversations_page(self.website, &query).await?;
        let odd = Odd::of(&listed, page);
        let rows = listed.records.len();
        let facts = listed.records.iter().flatten().map(ConversationFacts::from_wire).collect();
        Ok(Fetched { facts, odd, rows, more: listed.more, sent_at })
    }

    async fn write_conversations(&self, page: Fetched, list: Walk, last: bool) -> Result<(), Error> {
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
        let told = page.facts.iter().filter_map(|facts| facts.updated_at);
        let newest = told.filter(|at| !lies_ahead(*at, page.sent_at)).max();
        let (read, failed) = (count(page.rows), count(page.odd.listed.len()));
        let reading = Reading {
            facts: page.facts,
            sent_at: page.sent_at,
            verify: self.verify(),
            urgent: false,
            by_name: false,
        };
        let tally = threads::apply_reading(&mut scope, &self.engine.erasure, reading).await?;
        let next = self.after_conversations_page(last);
        let counts_hooks = self.row.kind != "full" && !rolling;
        self.commit(scope, |row, mark, integration| {
            row.conversations_failed += failed;
            row.conversations_read += read;
            row.conversations_created += tally.created;
            row.conversations_updated += tally.updated;
            row.conversations_unchanged += tally.unchanged;
            row.conversations_skipped += tally.skipped;
            if counts_hooks {
                super::finish::count_hooks(integration, tally.news, tally.unheard, now);
            }
            mark.list = list;
            mark.newest_conversation = mark.newest_conversation.max(newest);
            match next {
                Some(stage) => {
                    row.expected_conversations = Some(row.conversations_read);
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
            _ => Verify::Hooked,
        }
    }
}
