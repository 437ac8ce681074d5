//! Writes batches of several transcripts at once, each with the bookmark behind it: a handful of statements for all of
//! them together.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use crisp_domain::{ConversationId, MessageFacts, RenderOptions, SyncId};
use crisp_storage::conversations::{self, ConversationRow};
use crisp_storage::messages::{self, Between, MessageRow};
use crisp_storage::unreadable::{self, Kind};
use crisp_storage::{integrations, syncs};
use uuid::Uuid;

use super::merge::{Batch, Changes, Context, Stretch, merge};
use super::step::{Odd, Place, Reach, Step, finish, put_figures};
use super::{Bookmark, Tally};
use crate::error::Error;
use crate::run::count;
use crate::scope::Scope;

/// Writes the batches, of a conversation one at the most, and commits. Answers where each walk stands, in their order.
pub(super) async fn write(
    steps: &[Step<'_>],
    sync: Option<SyncId>,
    mut scope: Scope,
) -> Result<Vec<Place>, Error> {
    let ids: Vec<Uuid> = steps.iter().map(|step| step.conversation.id).collect();
    let rows = conversations::list(&mut scope.session, &ids).await?;
    let mut shown: HashMap<Uuid, ConversationRow> =
        rows.into_iter().filter(ConversationRow::is_shown).map(|row| (row.id, row)).collect();
    let mut tally = Tally::default();
    let mut parts: Vec<Part<'_>> = Vec::with_capacity(steps.len());
    let mut list = List::default();
    for step in steps {
        let Some(row) = shown.remove(&step.conversation.id) else { continue };
        parts.push(Part::read(step, row, &scope, &mut list, &mut tally));
    }
    list.take_off(&mut scope).await?;
    let mut stored = load(&mut scope, &parts).await?;
    for part in &mut parts {
        part.merge(stored.remove(&part.row.id).unwrap_or_default(), &scope, &mut tally);
    }
    save_messages(&mut scope, &mut parts, &mut tally).await?;
    let places = save_conversations(&mut scope, parts, &mut list, &mut tally).await?;
    list.put_on(&mut scope).await?;
    count_into(&mut scope, sync, tally).await?;
    scope.commit().await?;
    // A conversation that is not shown any more has nothing left to be read.
    Ok(ids.iter().map(|id| places.get(id).cloned().unwrap_or(Place::Done)).collect())
}

/// One of the batches, with its conversation as it is stored.
struct Part<'a> {
    step: &'a Step<'a>,
    row: ConversationRow,
    batch: Batch,
    stretch: Stretch,
    changes: Changes,
}

impl<'a> Part<'a> {
    fn read(
        step: &'a Step<'a>,
        row: ConversationRow,
        scope: &Scope,
        list: &mut List,
        tally: &mut Tally,
    ) -> Self {
        let options = RenderOptions::from(&scope.settings);
        let (batch, odd, failed) = step.batch(options, scope.settings.include_notes);
        if step.begins_anew(&row) {
            list.begun_anew.push(row.session_id.clone());
        }
        list.well.extend(step.well(&batch));
        list.odd.extend(odd);
        tally.failed += count(failed);
        Self { step, row, stretch: step.stretch(&batch), batch, changes: Changes::default() }
    }

    fn merge(&mut self, stored: BTreeMap<i64, MessageRow>, scope: &Scope, tally: &mut Tally) {
        let context = Context::of(&self.row, self.step.sent_at, scope.now);
        self.changes = merge(&self.batch, stored, &self.stretch, &context);
        let is_repeated = |fact: &&MessageFacts| self.step.repeated.contains(&fact.fingerprint);
        let repeated = self.batch.facts.iter().filter(is_repeated).count();
        tally.read += count(self.batch.facts.len() - repeated);
        tally.unchanged += (self.changes.unchanged - count(repeated)).max(0);
        tally.removed += self.changes.removed;
    }

    /// How often something was redacted in messages that are new or changed: reading one again redacts nothing more.
    fn redactions(&self) -> i64 {
        let written: HashSet<i64> = self.changes.rows.iter().map(|row| row.fingerprint).collect();
        let fresh = self.batch.facts.iter().filter(|fact| written.contains(&fact.fingerprint.get()));
        fresh.map(|fact| i64::from(fact.redactions.total())).sum()
    }
}

/// What the batches change about the list of unreadable records.
#[derive(Default)]
struct List {
    /// Transcripts that are read from their end to their beginning now.
    begun_anew: Vec<String>,
    well: Vec<String>,
    odd: Odd,
}

impl List {
    async fn take_off(&self, scope: &mut Scope) -> Result<(), Error> {
        let id = scope.id();
        unreadable::clear_transcripts(&mut scope.session, id, &self.begun_anew).await?;
        Ok(unreadable::clear(&mut scope.session, id, Kind::Message, &self.well).await?)
    }

    async fn put_on(&self, scope: &mut Scope) -> Result<(), Error> {
        let (id, now) = (scope.id(), scope.now);
        Ok(unreadable::save(&mut scope.session, id, Kind::Message, &self.odd, now).await?)
    }
}

/// What is stored of the messages that the batches list, and of the stretches that they vouch for, by conversation.
async fn load(
    scope: &mut Scope,
    parts: &[Part<'_>],
) -> Result<HashMap<Uuid, BTreeMap<i64, MessageRow>>, Error> {
    let named = parts
        .iter()
        .flat_map(|part| part.batch.facts.iter().map(|fact| (part.row.id, fact.fingerprint.get())));
    let stretches: Vec<Between> = parts
        .iter()
        .filter_map(|part| {
            let Stretch::Between { after, before } = part.stretch else { return None };
            Some(Between { conversation: ConversationId::from(part.row.id), after, before })
        })
        .collect();
    let mut rows = messages::list_named(&mut scope.session, &named.collect()).await?;
    rows.extend(messages::list_live_between(&mut scope.session, &stretches).await?);
    let mut stored: HashMap<Uuid, BTreeMap<i64, MessageRow>> = HashMap::new();
    for row in rows {
        stored.entry(row.conversation_id).or_default().insert(row.fingerprint, row);
    }
    Ok(stored)
}

async fn save_messages(scope: &mut Scope, parts: &mut [Part<'_>], tally: &mut Tally) -> Result<(), Error> {
    let redactions: i64 = parts.iter().map(Part::redactions).sum();
    let removed: i64 = parts.iter().map(|part| part.changes.removed).sum();
    let rows: Vec<MessageRow> =
        parts.iter_mut().flat_map(|part| std::mem::take(&mut part.changes.rows)).collect();
    let written = messages::save(&mut scope.session, &rows, scope.now).await?;
    tally.created += i64::try_from(written.created).unwrap_or(i64::MAX);
    tally.updated += i64::try_from(written.updated).unwrap_or(i64::MAX) - removed;
    if redactions > 0 {
        let id = scope.id();
        integrations::add_redactions(&mut scope.session, id, redactions).await?;
    }
    Ok(())
}

/// Brings the conversations in line with their messages, which must be saved. Answers where each walk stands.
async fn save_conversations(
    scope: &mut Scope,
    parts: Vec<Part<'_>>,
    list: &mut List,
    tally: &mut Tally,
) -> Result<HashMap<Uuid, Place>, Error> {
    let (id, now) = (scope.id(), scope.now);
    let mut places = HashMap::with_capacity(parts.len());
    let mut rows: BTreeMap<Uuid, ConversationRow> = BTreeMap::new();
    for part in parts {
        let Part { step, mut row, batch, changes, .. } = part;
        let mark = step.bookmark_after(&batch);
        let reach = step.reach(&row, &batch);
        if reach == Reach::Stuck {
            tracing::warn!(conversation = %row.id, "older messages of a conversation cannot be reached");
            list.odd.push((row.session_id.clone(), UNREACHABLE.to_owned()));
            tally.failed += 1;
        }
        row.messages_attempts = 0;
        // Where notes are wanted, a walk to the very beginning has brought them all.
        let brought_all = scope.settings.include_notes && row.messages_reread && reach == Reach::Met;
        row.notes_left_out = batch.leaves_notes_out || (row.notes_left_out && !brought_all);
        places.insert(row.id, settle(&mut row, mark, reach, changes.lagging, now));
        rows.insert(row.id, row);
    }
    let done: Vec<Uuid> =
        places.iter().filter(|(_, place)| **place == Place::Done).map(|(id, _)| *id).collect();
    for figures in messages::figures(&mut scope.session, &done).await? {
        if let Some(row) = rows.get_mut(&figures.conversation_id) {
            put_figures(row, &figures);
        }
    }
    let rows: Vec<ConversationRow> = rows.into_values().collect();
    conversations::save(&mut scope.session, id, &rows, now).await?;
    Ok(places)
}

/// Puts the bookmark into the conversation's row, or marks its transcript as read.
fn settle(
    row: &mut ConversationRow,
    mark: Option<Bookmark>,
    reach: Reach,
    lagging: bool,
    now: DateTime<Utc>,
) -> Place {
    if reach == Reach::OnTheWay {
        row.messages_walk = serde_json::to_value(&mark).ok();
        return Place::OnTheWay(mark);
    }
    finish(row, mark.as_ref(), reach, lagging, now);
    Place::Done
}

/// Adds what reading transcripts did to the record of the run, if it is one.
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

/// What the list of unreadable records says about a transcript whose beginning Crisp does not give.
const UNREACHABLE: &str =
    "some messages cannot be reached: Crisp says that there are more, and does not give them";
