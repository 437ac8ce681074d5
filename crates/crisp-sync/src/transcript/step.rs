//! One batch of a transcript, written together with the bookmark behind it.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use crisp_client::messages::{self as messages_of_crisp, Onward};
use crisp_client::{Fingerprint, Message, Page, Selector, Unreadable};
use crisp_domain::{ConversationId, MessageFacts, RenderOptions, SyncId, text, time};
use crisp_storage::conversations::{self, ConversationRow};
use crisp_storage::messages::{self, MessageRow};
use crisp_storage::{integrations, syncs, unreadable};

use super::merge::{Batch, Moments, Stretch, merge, neighbours};
use super::{Bookmark, Tally};
use crate::error::Error;
use crate::observe::LAG;
use crate::run::count;
use crate::scope::Scope;

/// One batch on its way into the store.
pub(super) struct Step<'a> {
    pub(super) conversation: &'a ConversationRow,
    pub(super) sync: Option<SyncId>,
    pub(super) selector: Selector,
    pub(super) page: Page<Message>,
    pub(super) sent_at: DateTime<Utc>,
    pub(super) onward: Onward,
    /// Messages of this batch that the walk has met before.
    pub(super) repeated: HashSet<Fingerprint>,
    /// How far back the walk has come (ms), this batch included.
    pub(super) cursor_ms: Option<i64>,
    pub(super) bookmark: Option<Bookmark>,
}

impl Step<'_> {
    /// Writes the batch. Returns whether the transcript is read as far as it needs to be, and the new bookmark.
    pub(super) async fn apply(self, mut scope: Scope) -> Result<(bool, Option<Bookmark>, Tally), Error> {
        let mut tally = Tally::default();
        let id = ConversationId::from(self.conversation.id);
        let Some(mut row) = conversations::find(&mut scope.session, id).await? else {
            return Ok((true, None, tally));
        };
        if !row.is_shown() {
            return Ok((true, None, tally));
        }
        if self.begins_anew(&row) {
            let integration = scope.id();
            unreadable::clear_transcript(&mut scope.session, integration, &row.session_id).await?;
        }
        let batch = self.batch(&mut scope, &mut tally).await?;
        let stretch = self.stretch(&batch);
        let stored = load(&mut scope, id, &batch, &stretch).await?;
        let changes = merge(&batch, stored, &stretch, &Moments::of(&row, self.sent_at, scope.now));
        let lagging = changes.lagging;
        let repeated = batch.facts.iter().filter(|fact| self.repeated.contains(&fact.fingerprint)).count();
        tally.read += count(batch.facts.len() - repeated);
        tally.unchanged += (changes.unchanged - count(repeated)).max(0);
        tally.removed += changes.removed;
        let now = scope.now;
        let written = messages::save(&mut scope.session, id, &changes.rows, now).await?;
        tally.created += i64::try_from(written.created).unwrap_or(i64::MAX);
        tally.updated += i64::try_from(written.updated).unwrap_or(i64::MAX) - changes.removed;
        note_redactions(&mut scope, &batch.facts, &changes.rows).await?;

        let mark = self.bookmark_after(&batch);
        let reach = self.reach(&row, &batch);
        if reach == Reach::OnTheWay {
            row.messages_walk = serde_json::to_value(&mark).ok();
        } else {
            finish(&mut row, mark.as_ref(), reach, lagging, now);
            let figures = messages::figures(&mut scope.session, id).await?;
            put_figures(&mut row, &figures);
        }
        if reach == Reach::Stuck {
            tracing::warn!(conversation = %row.id, "older messages of a conversation cannot be reached");
            list(&mut scope, vec![(row.session_id.clone(), UNREACHABLE.to_owned())]).await?;
            tally.failed += 1;
        }
        row.messages_attempts = 0;
        let integration = scope.id();
        conversations::save(&mut scope.session, integration, &[row], now).await?;
        count_into(&mut scope, self.sync, tally).await?;
        scope.commit().await?;
        Ok((reach != Reach::OnTheWay, mark, tally))
    }

    /// Whether this is the first batch of a walk to the very beginning of the conversation.
    fn begins_anew(&self, row: &ConversationRow) -> bool {
        self.selector == Selector::Latest && (row.messages_reread || row.messages_read_to_ms.is_none())
    }

    async fn batch(&self, scope: &mut Scope, tally: &mut Tally) -> Result<Batch, Error> {
        let options = RenderOptions::from(&scope.settings);
        let mut batch = Batch::default();
        let mut odd = Vec::new();
        for (place, record) in self.page.records.iter().enumerate() {
            let fingerprint = messages_of_crisp::fingerprint(record);
            batch.listed.extend(fingerprint);
            match record {
                Ok(message) => batch.facts.push(MessageFacts::from_wire(message, &options)),
                Err(unreadable) => {
                    batch.has_nameless |= fingerprint.is_none();
                    odd.push((self.name_of(unreadable, place), unreadable.to_string()));
                }
            }
        }
        tally.failed += count(odd.len() + self.page.damaged.len());
        let marred = self.page.damaged.iter().chain(&self.page.mistyped);
        odd.extend(marred.map(|odd| (self.name_of(odd, 0), odd.remark())));
        batch.is_empty = self.page.records.is_empty();
        batch.near = neighbours(&batch.facts);
        if !scope.settings.include_notes {
            batch.facts.retain(|fact| fact.kind != crisp_domain::MessageKind::Note);
            // Notes that are not wanted are not among what is listed: what is stored of them goes.
            batch.forget_unlisted_notes(&self.page);
        }
        self.take_off_the_list(scope, &batch).await?;
        list(scope, odd).await?;
        Ok(batch)
    }

    /// What was listed as unreadable, and reads well again, leaves the list; so does the transcript itself.
    async fn take_off_the_list(&self, scope: &mut Scope, batch: &Batch) -> Result<(), Error> {
        let session_id = &self.conversation.session_id;
        let mut well = vec![session_id.clone()];
        well.extend(batch.facts.iter().map(|fact| format!("{session_id}:{}", fact.fingerprint.get())));
        let id = scope.id();
        Ok(unreadable::clear(&mut scope.session, id, unreadable::Kind::Message, &well).await?)
    }

    /// How an odd message is listed: by its fingerprint, else by its place in this batch.
    fn name_of(&self, odd: &Unreadable, place: usize) -> String {
        let bound = match self.selector {
            Selector::Before(ms) => ms.to_string(),
            Selector::Latest | Selector::After(_) => "newest".to_owned(),
        };
        let name = odd.identity.clone().unwrap_or_else(|| format!("#{place} of {bound}"));
        format!("{}:{}", self.conversation.session_id, text::storable(&name))
    }

    /// The stretch of time in which this batch lists every message there is.
    fn stretch(&self, batch: &Batch) -> Stretch {
        let before = match self.selector {
            Selector::Before(ms) => time::from_ms(ms.saturating_sub(1)),
            Selector::Latest | Selector::After(_) => None,
        };
        // A batch with a record that nobody can name, or without one that can be read, vouches for nothing.
        let vouches = !batch.has_nameless && (!batch.facts.is_empty() || batch.is_empty);
        match (vouches, self.onward, batch.oldest()) {
            _ if matches!(self.selector, Selector::After(_)) => Stretch::Nothing,
            (true, Onward::Whole, _) => Stretch::since(None, before),
            (true, Onward::Next(_) | Onward::Stuck, Some(oldest)) => Stretch::since(Some(oldest), before),
            _ => Stretch::Nothing,
        }
    }

    fn reach(&self, row: &ConversationRow, batch: &Batch) -> Reach {
        let oldest = batch.oldest().map(|at| at.timestamp_millis());
        let met = !row.messages_reread
            && oldest.zip(row.messages_read_to_ms).is_some_and(|(oldest, read_to)| oldest <= read_to);
        match self.onward {
            _ if met => Reach::Met,
            Onward::Whole => Reach::Met,
            Onward::Stuck => Reach::Stuck,
            Onward::Next(_) => Reach::OnTheWay,
        }
    }

    fn bookmark_after(&self, batch: &Batch) -> Option<Bookmark> {
        let Some(cursor_ms) = self.cursor_ms else { return self.bookmark.clone() };
        Some(match &self.bookmark {
            Some(mark) => Bookmark { cursor_ms: cursor_ms.min(mark.cursor_ms), ..mark.clone() },
            None => Bookmark {
                cursor_ms,
                top_ms: batch.newest(self.sent_at).map_or(cursor_ms, |at| at.timestamp_millis()),
                // As the list told before the messages were asked for: what it tells meanwhile may not be in them.
                fingerprint: self.conversation.newest_fingerprint,
                updated_at: self.conversation.crisp_updated_at,
            },
        })
    }
}

/// How far a walk has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// There is more to read.
    OnTheWay,
    /// To the beginning of the conversation, or to what was read before.
    Met,
    /// To where Crisp gives nothing older, although it says that there is.
    Stuck,
}

/// What the list of unreadable records says about a transcript whose beginning Crisp does not give.
const UNREACHABLE: &str =
    "some messages cannot be reached: Crisp says that there are more, and does not give them";

async fn list(scope: &mut Scope, odd: Vec<(String, String)>) -> Result<(), Error> {
    let (id, now) = (scope.id(), scope.now);
    Ok(unreadable::save(&mut scope.session, id, unreadable::Kind::Message, &odd, now).await?)
}

/// What is stored of the messages that a batch lists, and of the stretch that it vouches for.
async fn load(
    scope: &mut Scope,
    id: ConversationId,
    batch: &Batch,
    stretch: &Stretch,
) -> Result<BTreeMap<i64, MessageRow>, Error> {
    let fingerprints: Vec<i64> = batch.facts.iter().map(|fact| fact.fingerprint.get()).collect();
    let mut rows = messages::list_by_fingerprint(&mut scope.session, id, &fingerprints).await?;
    if let Stretch::Between { after, before } = stretch {
        rows.extend(messages::list_live_between(&mut scope.session, id, *after, *before).await?);
    }
    Ok(rows.into_iter().map(|row| (row.fingerprint, row)).collect())
}

/// Marks the transcript as read, unless the list told of something newer while it was being read. One that is not read
/// to its beginning is not asked for again by itself, but read as a whole once more when there is news.
fn finish(
    row: &mut ConversationRow,
    mark: Option<&Bookmark>,
    reach: Reach,
    lagging: bool,
    now: DateTime<Utc>,
) {
    let (fingerprint, updated_at) = mark
        .map_or((row.newest_fingerprint, row.crisp_updated_at), |mark| (mark.fingerprint, mark.updated_at));
    let overtaken = fingerprint != row.newest_fingerprint || updated_at != row.crisp_updated_at;
    row.messages_known_fingerprint = fingerprint;
    row.messages_known_at = updated_at.or(Some(now));
    if reach == Reach::Met {
        row.messages_read_to_ms = mark.map(|mark| mark.top_ms).max(row.messages_read_to_ms);
    }
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
    // A conversation whose times Crisp does not tell is as old as its messages.
    row.crisp_updated_at = row.crisp_updated_at.or(figures.last_message_at);
    row.crisp_created_at = row.crisp_created_at.or(figures.first_message_at);
    row.first_inbound_at = figures.first_inbound_at;
    row.first_reply_at = figures.first_reply_at;
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

pub(super) async fn count_into(scope: &mut Scope, sync: Option<SyncId>, tally: Tally) -> Result<(), Error> {
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
