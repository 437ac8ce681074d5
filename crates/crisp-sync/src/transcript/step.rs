//! One batch of a transcript on its way into the store: what it says, and what it leaves to be read.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use crisp_client::messages::{self as messages_of_crisp, Onward};
use crisp_client::{Fingerprint, Message, Page, Selector, Unreadable};
use crisp_domain::{MessageFacts, MessageKind, RenderOptions, text, time};
use crisp_storage::conversations::ConversationRow;
use crisp_storage::messages;

use super::Bookmark;
use super::merge::{Batch, Stretch, neighbours};
use crate::observe::LAG;

/// One batch on its way into the store.
pub(super) struct Step<'a> {
    pub(super) conversation: &'a ConversationRow,
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

/// Where a walk stands after a batch was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// The transcript is read as far as it needs to be.
    Done,
    /// There is more to read, from here on.
    OnTheWay(Option<Bookmark>),
}

/// What cannot be read of a batch, as the list of unreadable records names it: (external id, reason).
pub(super) type Odd = Vec<(String, String)>;

impl Step<'_> {
    /// Whether this is the first batch of a walk to the very beginning of the conversation.
    pub(super) fn begins_anew(&self, row: &ConversationRow) -> bool {
        self.selector == Selector::Latest && (row.messages_reread || row.messages_read_to_ms.is_none())
    }

    /// What the batch lists, what is odd about it, and how many of its messages could not be read.
    pub(super) fn batch(&self, options: RenderOptions, include_notes: bool) -> (Batch, Odd, usize) {
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
        let failed = odd.len() + self.page.damaged.len();
        let marred = self.page.damaged.iter().chain(&self.page.mistyped);
        odd.extend(marred.map(|odd| (self.name_of(odd, 0), odd.remark())));
        batch.is_empty = self.page.records.is_empty();
        batch.near = neighbours(&batch.facts);
        if !include_notes {
            batch.leaves_notes_out = batch.facts.iter().any(|fact| fact.kind == MessageKind::Note);
            batch.facts.retain(|fact| fact.kind != MessageKind::Note);
            // Notes that are not wanted are not among what is listed: what is stored of them goes.
            batch.forget_unlisted_notes(&self.page);
        }
        (batch, odd, failed)
    }

    /// What reads well in this batch, as the list of unreadable records would name it; the transcript itself, too.
    pub(super) fn well(&self, batch: &Batch) -> impl Iterator<Item = String> {
        let session_id = &self.conversation.session_id;
        let messages = batch.facts.iter().map(move |fact| format!("{session_id}:{}", fact.fingerprint.get()));
        std::iter::once(session_id.clone()).chain(messages)
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
    pub(super) fn stretch(&self, batch: &Batch) -> Stretch {
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

    pub(super) fn reach(&self, row: &ConversationRow, batch: &Batch) -> Reach {
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

    pub(super) fn bookmark_after(&self, batch: &Batch) -> Option<Bookmark> {
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
pub(super) enum Reach {
    /// There is more to read.
    OnTheWay,
    /// To the beginning of the conversation, or to what was read before.
    Met,
    /// To where Crisp gives nothing older, although it says that there is.
    Stuck,
}

/// Marks the transcript as read, unless the list told of something newer while it was being read. One that is not read
/// to its beginning is not asked for again by itself, but read as a whole once more when there is news.
pub(super) fn finish(
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
