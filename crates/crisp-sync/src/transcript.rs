//! Messages: reads a conversation's transcript from its newest message back, and keeps what is stored in line with it.

mod group;
mod merge;
mod step;
mod write;

use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use crisp_client::messages::{Backwards, Onward};
use crisp_client::{Client, Selector, SessionId, WebsiteId};
use crisp_domain::{ConversationId, SyncId};
use crisp_storage::conversations::{self, ConversationRow};
use crisp_storage::transcripts::SET_ASIDE_AFTER;
use crisp_storage::work::{self, Lane, Lease};
use crisp_storage::{Database, unreadable, wanted};
use futures::{FutureExt, StreamExt, stream};
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::error::Error;
use crate::scope::Scope;
use group::Group;
pub(crate) use merge::{bury, to_row};
pub(crate) use step::put_figures;
use step::{Place, Step};
use write::count_into;

/// What reading transcripts did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) read: i64,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) unchanged: i64,
    pub(crate) removed: i64,
    pub(crate) failed: i64,
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
    /// Whether Crisp failed at all transcripts that were asked for last.
    pub(crate) in_outage: bool,
}

impl Reader<'_> {
    /// Reads what is due of one conversation's messages, batch by batch, each committed with its bookmark.
    async fn read<'a>(&self, conversation: &'a ConversationRow, group: &Group<'a>) -> Result<(), Error> {
        let mut bookmark: Option<Bookmark> =
            conversation.messages_walk.clone().and_then(|stored| serde_json::from_value(stored).ok());
        let (mut walk, mut selector) = bookmark
            .as_ref()
            .map_or((Backwards::default(), Selector::Latest), |mark| Backwards::resumed(mark.cursor_ms));
        let session_id = SessionId::new(conversation.session_id.clone());
        loop {
            let sent_at = clock::now();
            let page = self.client.messages(self.website, &session_id, selector).await?;
            let repeated = walk.known(&page);
            let onward = walk.next(&page);
            let cursor_ms = walk.oldest_ms();
            let step = Step { conversation, selector, page, sent_at, onward, repeated, cursor_ms, bookmark };
            match (group.write(step).await?, onward) {
                (Some(Place::OnTheWay(mark)), Onward::Next(further)) => {
                    bookmark = mark;
                    selector = further;
                }
                _ => return Ok(()),
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
        let group = Group::new(self.database, self.lease, self.sync, self.cause);
        let read = |conversation| {
            let (in_vain, group) = (&in_vain, &group);
            async move {
                if in_vain.load(Ordering::Relaxed) || !may_go_on() {
                    return None;
                }
                let outcome = self.read(conversation, group).await;
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
        let answered = outcomes.iter().any(|(_, outcome)| match outcome {
            Ok(()) => true,
            Err(error) => !error.is_outage() && error.lies_in_one_record(),
        });
        // Where nothing but one transcript is to be read, only something else can tell whether Crisp is there.
        let is_alone = due.len() == 1 && !self.in_outage;
        let answers = answered || (is_alone && self.client.website(self.website).await.is_ok());
        let mut shared = None;
        for (conversation, outcome) in outcomes {
            let Err(error) = outcome else { continue };
            if error.lies_in_one_record() || (error.is_outage() && answers) {
                self.put_off(conversation, &error).await?;
                continue;
            }
            if error.is_outage() {
                self.postpone(conversation).await?;
            }
            shared = shared.or(Some(error));
        }
        shared.map_or(Ok(()), Err)
    }

    /// Lets others have their turn first, should Crisp fail at this transcript and the one beside it alone.
    async fn postpone(&self, conversation: &ConversationRow) -> Result<(), Error> {
        let mut scope = Scope::open(self.database, self.lease, self.cause, clock::now()).await?;
        let (id, now) = (scope.id(), scope.now);
        let found = conversations::find(&mut scope.session, ConversationId::from(conversation.id)).await?;
        let Some(mut row) = found.filter(|row| row.messages_due) else { return Ok(()) };
        row.messages_retry_at = Some(now + POSTPONED_FOR);
        conversations::save(&mut scope.session, id, &[row], now).await?;
        scope.commit().await
    }

    /// Puts a transcript off; after [`SET_ASIDE_AFTER`] attempts it is set aside and listed, and tried again now and then.
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
                NOT_FOUND,
                now,
                now,
            )
            .await?;
            work::signal(&mut scope.session, id, Lane::Live, now).await?;
        }
        row.messages_attempts += 1;
        row.messages_retry_at = Some(now + retry_after(row.messages_attempts));
        if row.messages_attempts >= SET_ASIDE_AFTER {
            tracing::warn!(conversation = %row.id, error = error.chain(), "a transcript could not be read and is set aside");
            let odd =
                (row.session_id.clone(), format!("the messages could not be read: {}", error.cause_chain()));
            unreadable::save(&mut scope.session, id, unreadable::Kind::Message, &[odd], now).await?;
            row.messages_urgent = false;
            row.messages_retry_at = Some(now + try_again_after(row.messages_attempts - SET_ASIDE_AFTER));
            // Runs plan it again when the list tells of something new, or when they look at everything.
            row.messages_known_fingerprint = row.newest_fingerprint;
            row.messages_known_at = row.crisp_updated_at.or(Some(now));
        }
        if row.messages_attempts == SET_ASIDE_AFTER {
            count_into(&mut scope, self.sync, Tally { failed: 1, ..Tally::default() }).await?;
        }
        conversations::save(&mut scope.session, id, &[row], now).await?;
        scope.commit().await
    }
}

/// The reason of a wish to read a conversation whose messages Crisp did not find.
pub(crate) const NOT_FOUND: &str = "messages not found";
/// Transcripts read at a time.
pub(crate) const CONCURRENCY: usize = 8;
/// Transcripts read at once while Crisp fails at them all: enough to see whether it still does.
pub(crate) const A_FEW: i64 = 2;
/// Failures in a row up to which nothing but Crisp is to blame: some fifteen minutes.
const OUTAGE: i32 = 20;

/// Whether so many failures in a row are an outage. One that ends nowhere is the last transcript's own fault.
pub(crate) fn in_outage(failures_in_row: i32) -> bool {
    (1..=OUTAGE).contains(&failures_in_row)
}

/// How long a transcript stands back when Crisp failed at all of them.
const POSTPONED_FOR: TimeDelta = TimeDelta::seconds(15);

/// Waits between attempts at a record that could not be read: 1 s, 2 s, 4 s, … up to 5 min.
pub(crate) fn retry_after(attempts: i32) -> TimeDelta {
    let doublings = u32::try_from(attempts.saturating_sub(1).clamp(0, 9)).unwrap_or(0);
    TimeDelta::seconds(i64::from(2_u32.pow(doublings))).min(TimeDelta::minutes(5))
}

/// Waits between attempts at a transcript that is set aside: 5 min, 10 min, 20 min, … up to a day.
fn try_again_after(times: i32) -> TimeDelta {
    let doublings = u32::try_from(times.clamp(0, 9)).unwrap_or(0);
    TimeDelta::minutes(5 * i64::from(2_u32.pow(doublings))).min(TimeDelta::days(1))
}
