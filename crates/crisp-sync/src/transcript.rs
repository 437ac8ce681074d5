//! Messages: reads a conversation's transcript from its newest message back, and keeps what is stored in line with it.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use crisp_client::{Client, Message, Page, Selector, SessionId, WebsiteId, messages::Backwards};
use crisp_domain::{ConversationId, MessageFacts, MessageId, RenderOptions, SyncId, json, text, time};
use crisp_storage::conversations::{self, ConversationRow};
use crisp_storage::messages::{self, MessageRow};
use crisp_storage::work::{self, Lane, Lease};
use crisp_storage::{Database, integrations, syncs, unreadable, wanted};
use futures::{FutureExt, StreamExt, stream};
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::error::Error;
use crate::observe::LAG;
use crate::scope::Scope;

/// What reading one transcript did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) read: i64,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) unchanged: i64,
    pub(crate) removed: i64,
    pub(crate) failed: i64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.created += other.created;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.removed += other.removed;
        self.failed += other.failed;
    }
}

/// How far a walk from the newest message back has come: stored with the conversation, so that anyone can go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Bookmark {
    /// Everything from this time (ms) on is committed.
    cursor_ms: i64,
    /// Newest message (ms) when the walk began.
    top_ms: i64,
    /// What the list said then.
    fingerprint: Option<i64>,
    /// What the list said then.
    updated_at: Option<DateTime<Utc>>,
}

/// Reads transcripts under one lease.
pub(crate) struct Reader<'a> {
    pub(crate) database: &'a Database,
    pub(crate) client: &'a Client,
    pub(crate) lease: &'a Lease,
    pub(crate) website: WebsiteId,
    /// The run whose counts follow, if it is one.
    pub(crate) sync: Option<SyncId>,
    pub(crate) cause: &'static str,
}

impl Reader<'_> {
    /// Reads what is due of one conversation's messages, batch by batch, each committed with its bookmark.
    pub(crate) async fn read(&self, conversation: &ConversationRow) -> Result<Tally, Error> {
        let mut tally = Tally::default();
        let mut walk = Backwards::default();
        let mut bookmark: Option<Bookmark> =
            conversation.messages_walk.clone().and_then(|stored| serde_json::from_value(stored).ok());
        let mut selector = bookmark
            .as_ref()
            .map_or(Selector::Latest, |mark| Selector::Before(mark.cursor_ms.saturating_add(1)));
        let session_id = SessionId::new(conversation.session_id.clone());
        loop {
            let sent_at = clock::now();
            let page = self.client.messages(self.website, &session_id, selector).await?;
            let next = walk.next(&page);
            let step = Step { conversation, sync: self.sync, selector, page, sent_at, next, bookmark };
            let scope = Scope::open(self.database, self.lease, self.cause, clock::now()).await?;
            let (done, after, batch) = step.apply(scope).await?;
            tally += batch;
            bookmark = after;
            match (done, next) {
                (false, Some(further)) => selector = further,
                _ => return Ok(tally),
            }
        }
    }

    /// Reads several transcripts side by side, as long as `may_go_on` says so. What fails for a reason of its own is put
    /// off or set aside; anything that concerns all of them is the caller's, and no further one is begun.
    pub(crate) async fn read_all(
        &self,
        due: &[ConversationRow],
        may_go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<(), Error> {
        let in_vain = AtomicBool::new(false);
        let read = |conversation| {
            let in_vain = &in_vain;
            async move {
                if in_vain.load(Ordering::Relaxed) || !may_go_on() {
                    return None;
                }
                let outcome = self.read(conversation).await;
                if outcome.as_ref().is_err_and(|error| !error.lies_in_one_record()) {
                    in_vain.store(true, Ordering::Relaxed);
                }
                Some((conversation, outcome))
            }
        };
        let reads: Vec<_> = due.iter().map(|conversation| read(conversation).boxed()).collect();
        // Every read that was begun is seen through, so that none is dropped inside a transaction.
        let outcomes: Vec<_> = stream::iter(reads).buffer_unordered(CONCURRENCY).collect().await;
        let outcomes: Vec<_> = outcomes.into_iter().flatten().collect();
        let mut crisp_answers = outcomes.iter().any(|(_, outcome)| outcome.is_ok()).then_some(true);
        let mut shared = None;
        for (conversation, outcome) in outcomes {
            let Err(error) = outcome else { continue };
            if error.is_outage() && crisp_answers.is_none() {
                crisp_answers = Some(self.client.website(self.website).await.is_ok());
            }
            if error.lies_in_one_record() || (error.is_outage() && crisp_answers == Some(true)) {
                self.put_off(conversation, &error).await?;
            } else {
                shared = shared.or(Some(error));
            }
        }
        shared.map_or(Ok(()), Err)
    }

    /// Puts a transcript off; after [`MAX_ATTEMPTS`] it is set aside and listed.
    async fn put_off(&self, conversation: &ConversationRow, error: &Error) -> Result<(), Error> {
        let mut scope = Scope::open(self.database, self.lease, self.cause, clock::now()).await?;
        let (id, now) = (scope.id(), scope.now);
        let Some(mut row) =
            conversations::find(&mut scope.session, ConversationId::from(conversation.id)).await?
        else {
            return Ok(());
        };
        if matches!(error, Error::Crisp(crisp_client::Error::NotFound)) && row.messages_attempts == 0 {
            // Perhaps the whole conversation is gone: that is for its own reading to find out.
            wanted::want(
                &mut scope.session,
                id,
                wanted::Kind::Conversation,
                &row.session_id,
                "messages not found",
                now,
                now,
            )
            .await?;
            work::signal(&mut scope.session, id, Lane::Live, now).await?;
        }
        row.messages_attempts += 1;
        row.messages_retry_at = Some(now + retry_after(row.messages_attempts));
        if row.messages_attempts >= MAX_ATTEMPTS {
            tracing::warn!(conversation = %row.id, error = %error, "a transcript could not be read and is set aside");
            let odd = (row.session_id.clone(), format!("the messages could not be read: {}", error.chain()));
            unreadable::save(&mut scope.session, id, unreadable::Kind::Message, &[odd], now).await?;
            row.messages_due = false;
            row.messages_urgent = false;
            row.messages_retry_at = None;
            // Not tried again before the list tells of something new, or a pass looks at everything.
            row.messages_known_fingerprint = row.newest_fingerprint;
            row.messages_known_at = row.crisp_updated_at.or(Some(now));
            count_into(&mut scope, self.sync, Tally { failed: 1, ..Tally::default() }).await?;
        }
        conversations::save(&mut scope.session, id, &[row], now).await?;
        scope.commit().await
    }
}

/// Transcripts read at a time.
pub(crate) const CONCURRENCY: usize = 8;
/// Attempts at one transcript before it is set aside and listed.
pub(crate) const MAX_ATTEMPTS: i32 = 5;

async fn count_into(scope: &mut Scope, sync: Option<SyncId>, tally: Tally) -> Result<(), Error> {
    let Some(sync) = sync else { return Ok(()) };
    let Some(mut row) = syncs::find(&mut scope.session, sync).await? else { return Ok(()) };
    row.messages_read += tally.read;
    row.messages_created += tally.created;
    row.messages_updated += tally.updated;
    row.messages_unchanged += tally.unchanged;
    row.messages_removed += tally.removed;
    row.messages_failed += tally.failed;
    row.updated_at = scope.now;
    Ok(syncs::save(&mut scope.session, &row).await?)
}

/// One batch on its way into the store.
struct Step<'a> {
    conversation: &'a ConversationRow,
    sync: Option<SyncId>,
    selector: Selector,
    page: Page<Message>,
    sent_at: DateTime<Utc>,
    next: Option<Selector>,
    bookmark: Option<Bookmark>,
}

impl Step<'_> {
    /// Writes the batch. Returns whether the transcript is read as far as it needs to be, and the new bookmark.
    async fn apply(self, mut scope: Scope) -> Result<(bool, Option<Bookmark>, Tally), Error> {
        let mut tally = Tally::default();
        let id = ConversationId::from(self.conversation.id);
        let Some(mut row) = conversations::find(&mut scope.session, id).await? else {
            return Ok((true, None, tally));
        };
        if !row.is_shown() {
            return Ok((true, None, tally));
        }
        let facts = self.facts(&mut scope, &mut tally).await?;
        let stored = self.load(&mut scope, &facts).await?;
        let changes = merge(&facts, stored, self.covered(&facts), self.sent_at, scope.now);
        let lagging = changes.lagging;
        tally.read += i64::try_from(facts.len()).unwrap_or(i64::MAX);
        tally.unchanged += changes.unchanged;
        tally.removed += changes.removed;
        let now = scope.now;
        let written = messages::save(&mut scope.session, id, &changes.rows, now).await?;
        tally.created += i64::try_from(written.created).unwrap_or(i64::MAX);
        tally.updated += i64::try_from(written.updated).unwrap_or(i64::MAX) - changes.removed;
        note_redactions(&mut scope, &facts, &changes.rows).await?;

        let oldest = facts.iter().filter_map(|fact| fact.sent_at).min().map(|at| at.timestamp_millis());
        let newest = facts.iter().filter_map(|fact| fact.sent_at).max().map(|at| at.timestamp_millis());
        let mark = self.bookmark_after(oldest, newest);
        let met = !row.messages_reread
            && oldest.zip(row.messages_read_to_ms).is_some_and(|(oldest, read_to)| oldest <= read_to);
        let done = self.next.is_none() || met;
        if done {
            finish(&mut row, mark.as_ref(), lagging, now);
            let figures = messages::figures(&mut scope.session, id).await?;
            put_figures(&mut row, &figures);
        } else {
            row.messages_walk = serde_json::to_value(&mark).ok();
        }
        row.messages_attempts = 0;
        let integration = scope.id();
        conversations::save(&mut scope.session, integration, &[row], now).await?;
        count_into(&mut scope, self.sync, tally).await?;
        scope.commit().await?;
        Ok((done, mark, tally))
    }

    async fn facts(&self, scope: &mut Scope, tally: &mut Tally) -> Result<Vec<MessageFacts>, Error> {
        let options = RenderOptions::from(&scope.settings);
        let mut facts = Vec::with_capacity(self.page.records.len());
        let mut odd = Vec::new();
        for (place, record) in self.page.records.iter().enumerate() {
            match record {
                Ok(message) => facts.push(MessageFacts::from_wire(message, &options)),
                Err(unreadable) => {
                    let name = unreadable.identity.clone().unwrap_or_else(|| format!("#{place}"));
                    odd.push((
                        format!("{}:{}", self.conversation.session_id, text::storable(&name)),
                        unreadable.to_string(),
                    ));
                }
            }
        }
        if !scope.settings.include_notes {
            facts.retain(|fact| fact.kind != crisp_domain::MessageKind::Note);
        }
        tally.failed += i64::try_from(odd.len()).unwrap_or(i64::MAX);
        let (id, now) = (scope.id(), scope.now);
        unreadable::save(&mut scope.session, id, unreadable::Kind::Message, &odd, now).await?;
        // What was listed as unreadable, and reads well again, leaves the list; so does the transcript itself.
        let session_id = &self.conversation.session_id;
        let mut well = vec![session_id.clone()];
        well.extend(facts.iter().map(|fact| format!("{session_id}:{}", fact.fingerprint.get())));
        unreadable::clear(&mut scope.session, id, unreadable::Kind::Message, &well).await?;
        Ok(facts)
    }

    /// The stretch of time in which this batch lists every message there is: after the first, before the second.
    fn covered(&self, facts: &[MessageFacts]) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        let oldest = facts.iter().filter_map(|fact| fact.sent_at).min();
        let after = if self.next.is_none() { None } else { oldest };
        let before = match self.selector {
            Selector::Before(ms) => time::from_ms(ms.saturating_sub(1)),
            Selector::Latest | Selector::After(_) => None,
        };
        (after, before)
    }

    async fn load(
        &self,
        scope: &mut Scope,
        facts: &[MessageFacts],
    ) -> Result<BTreeMap<i64, MessageRow>, Error> {
        let id = ConversationId::from(self.conversation.id);
        let fingerprints: Vec<i64> = facts.iter().map(|fact| fact.fingerprint.get()).collect();
        let mut rows = messages::list_by_fingerprint(&mut scope.session, id, &fingerprints).await?;
        let (after, before) = self.covered(facts);
        // A batch without one readable message lists nothing it could vouch for.
        if !facts.is_empty() || self.page.records.is_empty() {
            rows.extend(messages::list_live_between(&mut scope.session, id, after, before).await?);
        }
        Ok(rows.into_iter().map(|row| (row.fingerprint, row)).collect())
    }

    fn bookmark_after(&self, oldest: Option<i64>, newest: Option<i64>) -> Option<Bookmark> {
        let Some(oldest) = oldest else { return self.bookmark.clone() };
        Some(match &self.bookmark {
            Some(mark) => Bookmark { cursor_ms: oldest.min(mark.cursor_ms), ..mark.clone() },
            None => Bookmark {
                cursor_ms: oldest,
                top_ms: newest.unwrap_or(oldest),
                // As the list told before the messages were asked for: what it tells meanwhile may not be in them.
                fingerprint: self.conversation.newest_fingerprint,
                updated_at: self.conversation.crisp_updated_at,
            },
        })
    }
}

/// Marks the transcript as read, unless the list told of something newer while it was being read.
fn finish(row: &mut ConversationRow, mark: Option<&Bookmark>, lagging: bool, now: DateTime<Utc>) {
    let (fingerprint, updated_at) = mark
        .map_or((row.newest_fingerprint, row.crisp_updated_at), |mark| (mark.fingerprint, mark.updated_at));
    let overtaken = fingerprint != row.newest_fingerprint || updated_at != row.crisp_updated_at;
    row.messages_known_fingerprint = fingerprint;
    row.messages_known_at = updated_at.or(Some(now));
    row.messages_read_to_ms = mark.map(|mark| mark.top_ms).max(row.messages_read_to_ms);
    row.messages_walk = None;
    row.messages_reread = false;
    let heard = row.messages_hooked_fingerprint.is_some()
        && row.messages_hooked_fingerprint == row.newest_fingerprint;
    row.messages_due = lagging || (overtaken && !heard);
    row.messages_urgent &= row.messages_due;
    row.messages_retry_at = lagging.then(|| now + LAG);
}

/// Puts what the messages say about their conversation into its row.
pub(crate) fn put_figures(row: &mut ConversationRow, figures: &messages::Figures) {
    row.message_count = figures.message_count;
    row.last_message_at = figures.last_message_at;
    row.waiting_on_us_since = figures.waiting_on_us_since;
    row.first_inbound_at = figures.first_inbound_at;
    row.first_reply_at = figures.first_reply_at;
}

struct Changes {
    rows: Vec<MessageRow>,
    unchanged: i64,
    removed: i64,
    /// Something a hook brought a moment ago is not in the list yet: to be looked at again.
    lagging: bool,
}

/// The difference between what a batch lists and what is stored of that stretch.
fn merge(
    facts: &[MessageFacts],
    mut stored: BTreeMap<i64, MessageRow>,
    _covered: (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    sent_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Changes {
    let mut changes = Changes { rows: Vec::new(), unchanged: 0, removed: 0, lagging: false };
    let mut seen = HashSet::with_capacity(facts.len());
    for fact in facts {
        if !seen.insert(fact.fingerprint) {
            continue;
        }
        let before = stored.remove(&fact.fingerprint.get());
        let next = read_message(before.as_ref(), fact, sent_at, now);
        changes.lagging |=
            before.as_ref().is_some_and(|row| hooked_recently(row, sent_at) && differs(row, fact));
        if before.as_ref() == Some(&next) { changes.unchanged += 1 } else { changes.rows.push(next) }
    }
    for (_, mut row) in stored {
        if row.removed_at.is_some() || row.sent_at.is_none() {
            continue;
        }
        if hooked_recently(&row, sent_at) {
            changes.lagging = true;
            continue;
        }
        bury(&mut row, now);
        changes.removed += 1;
        changes.rows.push(row);
    }
    changes
}

fn hooked_recently(row: &MessageRow, sent_at: DateTime<Utc>) -> bool {
    row.content_hooked_at.is_some_and(|hooked_at| hooked_at + LAG > sent_at)
}

fn differs(row: &MessageRow, fact: &MessageFacts) -> bool {
    row.removed_at.is_some() || row.body.as_deref() != Some(text::storable(&fact.body).as_str())
}

/// A stored message after a list told of it. A hook of a moment ago stands against a list that may lag.
fn read_message(
    before: Option<&MessageRow>,
    fact: &MessageFacts,
    sent_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> MessageRow {
    let mut row = to_row(before, fact, now);
    let Some(before) = before else { return row };
    // A hook that told of an edit without its content stands against nothing.
    let told = before.body.is_some() || before.removed_at.is_some();
    if hooked_recently(before, sent_at) && told {
        row.body.clone_from(&before.body);
        row.content.clone_from(&before.content);
        row.removed_at = before.removed_at;
        row.edited_at = before.edited_at;
    } else if before.sent_at.is_some()
        && before.removed_at.is_none()
        && before.body != row.body
        && row.edited_at.is_none()
        // Stored before redaction was switched on: nobody edited it.
        && fact.redactions.total() == 0
    {
        row.edited_at = Some(now);
    }
    row
}

/// A message's row as Crisp has it now; what our side knows beyond that is kept.
pub(crate) fn to_row(before: Option<&MessageRow>, fact: &MessageFacts, now: DateTime<Utc>) -> MessageRow {
    let edited_before = before.and_then(|row| row.edited_at);
    MessageRow {
        fingerprint: fact.fingerprint.get(),
        id: before.map_or_else(|| MessageId::new_v7(now).as_uuid(), |row| row.id),
        direction: Some(fact.direction.to_string()),
        internal: fact.internal,
        kind: Some(text::storable(fact.kind.as_str())),
        body: Some(text::storable(&fact.body)),
        content: fact.content.clone().map(json::storable),
        sender_name: fact.sender_name.as_deref().map(text::storable),
        sender_id: fact.sender_id.as_deref().map(text::storable),
        sent_at: fact.sent_at.or_else(|| before.and_then(|row| row.sent_at)).or(Some(now)),
        edited_at: edited_before.or(fact.edited.then_some(now)),
        removed_at: None,
        content_stamp_ms: before.and_then(|row| row.content_stamp_ms),
        content_hooked_at: before.and_then(|row| row.content_hooked_at),
    }
}

/// Makes a message a tombstone.
pub(crate) fn bury(row: &mut MessageRow, at: DateTime<Utc>) {
    row.removed_at = Some(at);
    row.body = None;
    row.content = None;
}

/// Counts what was redacted in messages that are new or changed: reading one again redacts nothing more.
async fn note_redactions(
    scope: &mut Scope,
    facts: &[MessageFacts],
    written: &[MessageRow],
) -> Result<(), Error> {
    let written: HashSet<i64> = written.iter().map(|row| row.fingerprint).collect();
    let fresh = facts.iter().filter(|fact| written.contains(&fact.fingerprint.get()));
    let count: u32 = fresh.map(|fact| fact.redactions.total()).sum();
    if count > 0 {
        let id = scope.id();
        integrations::add_redactions(&mut scope.session, id, i64::from(count)).await?;
    }
    Ok(())
}

/// Waits between attempts at a record that could not be read: 1 s, 2 s, 4 s, … up to 5 min.
pub(crate) fn retry_after(attempts: i32) -> TimeDelta {
    let doublings = u32::try_from(attempts.saturating_sub(1).clamp(0, 9)).unwrap_or(0);
    TimeDelta::seconds(i64::from(2_u32.pow(doublings))).min(TimeDelta::minutes(5))
}
