//! Applying: a batch of stored hooks at a time, in the order of Crisp's clock, folded by conversation.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use crisp_client::hook::{ConversationChange, Envelope, Event, ProfileChange};
use crisp_client::{PeopleId, SessionId};
use crisp_domain::{RenderOptions, Status};
use crisp_storage::conversations::{self, ConversationRow};
use crisp_storage::hooks::{self, BatchSize, PendingHook};
use crisp_storage::integrations;
use crisp_storage::wanted;
use crisp_storage::work::{self, Lease, Release};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::erased::{self, Erased};
use super::{installation, messages, people};
use crate::clock;
use crate::engine::Engine;
use crate::error::{Error, Verdict};
use crate::observe::{Fact, Stamp, hear, read_at};
use crate::scope::Scope;
use crate::threads::{self, Change};

/// What is applied in one transaction at the most. Bodies of one of the largest hooks together: a worker that applies
/// eight accounts' hooks side by side holds little, whatever they send.
const BATCH: BatchSize = BatchSize { hooks: 100, bytes: 4 * 1024 * 1024 };
/// Failures of one hook before it becomes a dead letter.
const MAX_ATTEMPTS: i32 = 5;
/// A hook that took longer than this (beyond what its channel usually takes) may be older than what we have read.
const LATE: TimeDelta = TimeDelta::seconds(5);

/// Applies stored hooks of an integration until none is left.
pub(crate) async fn slice(
    engine: &Engine,
    lease: &Lease,
    stop: &CancellationToken,
) -> Result<Release, Error> {
    while !stop.is_cancelled() {
        let mut session = engine.database.read_primary(lease.account).await?;
        let now = clock::now();
        let pending = hooks::list_pending(&mut session, lease.integration, now, BATCH).await?;
        let retry =
            if pending.is_empty() { hooks::next_retry(&mut session, lease.integration).await? } else { None };
        session.commit().await?;
        if pending.is_empty() {
            return Ok(retry.map_or(Release::Idle, Release::DueAt));
        }
        apply_or_isolate(engine, lease, &pending).await?;
    }
    Ok(Release::DueAt(clock::now()))
}

/// Applies a batch; when that fails for a reason that lies in it, each hook alone, so that a poison hook stops nobody.
async fn apply_or_isolate(engine: &Engine, lease: &Lease, pending: &[PendingHook]) -> Result<(), Error> {
    let Err(error) = apply(engine, lease, pending).await else { return Ok(()) };
    match (error.verdict(clock::now()), pending) {
        (Verdict::LetGo, _) => Err(error),
        // A statement that goes on being refused may be refused because of one hook.
        (Verdict::Retry(_), _) if lease.attempts < MAX_ATTEMPTS || !error.lies_in_one_record() => Err(error),
        (_, [poison]) => put_off(engine, lease, poison, &error).await,
        (_, _) => {
            for hook in pending {
                Box::pin(apply_or_isolate(engine, lease, std::slice::from_ref(hook))).await?;
            }
            Ok(())
        }
    }
}

async fn put_off(engine: &Engine, lease: &Lease, hook: &PendingHook, error: &Error) -> Result<(), Error> {
    tracing::error!(hook = %hook.id, event = hook.event, error = error.chain(), "a hook could not be applied");
    let now = clock::now();
    let mut session = engine.database.write(lease.account).await?;
    work::fence(&mut session, lease).await?;
    let retry_at =
        (hook.attempts + 1 < MAX_ATTEMPTS).then(|| now + crate::transcript::retry_after(hook.attempts + 1));
    hooks::put_off(&mut session, hook.id, &error.chain(), retry_at, now).await?;
    Ok(session.commit().await?)
}

/// A batch on its way into the store.
pub(super) struct Batch<'a> {
    pub(super) engine: &'a Engine,
    pub(super) scope: Scope,
    /// The sessions that its hooks name.
    sessions: Vec<String>,
    /// Conversations concerned, before and after.
    pub(super) changes: BTreeMap<String, Change>,
    /// Whether they are loaded: people who change take conversations with them, so none is held meanwhile.
    is_loaded: bool,
    /// Messages concerned, by conversation.
    pub(super) messages: messages::Changes,
    pub(super) wanted: BTreeSet<(&'static str, String)>,
    pub(super) outcomes: BTreeMap<&'static str, Vec<Uuid>>,
    pub(super) forgotten: Vec<Uuid>,
    /// Whether the live lane has something to do now.
    pub(super) wakes: bool,
    skew: TimeDelta,
}

/// What becomes of a hook.
enum Outcome {
    /// It stays for a while, with a word about what became of it.
    Kept(&'static str),
    /// Nothing of it may stay.
    Forgotten,
}

async fn apply(engine: &Engine, lease: &Lease, pending: &[PendingHook]) -> Result<(), Error> {
    let now = clock::now();
    let mut session = engine.database.write(lease.account).await?;
    work::fence(&mut session, lease).await?;
    let mut scope = Scope::within(session, lease.integration, "hook", now).await?;
    let erased = erased::look(&mut scope, &engine.erasure, pending).await?;
    let mut batch = Batch::open(engine, scope, pending).await?;
    let mut ordered: Vec<&PendingHook> = pending.iter().collect();
    ordered.sort_by_key(|hook| (hook.crisp_at, hook.id));
    for hook in ordered {
        let outcome =
            if erased.is_theirs(hook) { Outcome::Forgotten } else { batch.hear(hook, &erased).await? };
        match outcome {
            Outcome::Kept(word) => batch.outcomes.entry(word).or_default().push(hook.id),
            Outcome::Forgotten => batch.forgotten.push(hook.id),
        }
    }
    batch.save().await
}

impl<'a> Batch<'a> {
    async fn open(engine: &'a Engine, mut scope: Scope, pending: &[PendingHook]) -> Result<Self, Error> {
        let sessions: BTreeSet<String> = pending.iter().filter_map(|hook| hook.session_id.clone()).collect();
        let id = scope.id();
        let channel = integrations::hook_channel(&mut scope.session, id).await?;
        Ok(Self {
            engine,
            scope,
            sessions: sessions.into_iter().collect(),
            changes: BTreeMap::new(),
            is_loaded: false,
            messages: messages::Changes::default(),
            wanted: BTreeSet::new(),
            outcomes: BTreeMap::new(),
            forgotten: Vec::new(),
            wakes: false,
            skew: TimeDelta::milliseconds(channel.hook_skew_ms.unwrap_or(0)),
        })
    }

    /// Loads the conversations concerned, unless they are.
    async fn load(&mut self) -> Result<(), Error> {
        if !self.is_loaded {
            let id = self.scope.id();
            let rows = conversations::list_by_session(&mut self.scope.session, id, &self.sessions).await?;
            let change = |row: ConversationRow| Change { before: Some(row.clone()), row };
            self.changes = rows.into_iter().map(|row| (row.session_id.clone(), change(row))).collect();
            self.is_loaded = true;
        }
        Ok(())
    }

    /// Saves what was changed so far and lets go of it.
    pub(super) async fn unload(&mut self) -> Result<(), Error> {
        if self.is_loaded {
            self.save_changes().await?;
            self.is_loaded = false;
        }
        Ok(())
    }

    async fn hear(&mut self, hook: &PendingHook, erased: &Erased) -> Result<Outcome, Error> {
        let word = self.take(hook).await?;
        Ok(if erased.is_mentioned_in(hook) { Outcome::Forgotten } else { Outcome::Kept(word) })
    }

    /// Applies one hook to what is loaded. Returns what became of it.
    async fn take(&mut self, hook: &PendingHook) -> Result<&'static str, Error> {
        // What intake could read, and this version cannot, is a known event in a shape nobody knows: a read will tell.
        let event = Envelope::parse(&hook.body).ok().and_then(|envelope| Event::parse(&envelope).ok());
        if let Some(Event::Plugin(plugin, change)) = event {
            return installation::take(self, hook, plugin, &change).await;
        }
        if !self.scope.integration.is_live() || self.scope.integration.first_import_at.is_none() {
            return Ok("not importing");
        }
        let Some(event) = event else { return Ok(self.want_instead(hook)) };
        match event {
            Event::Conversation(..) | Event::Profile(_, ProfileChange::Bound(_)) => self.load().await?,
            Event::Profile(..) => self.unload().await?,
            Event::Plugin(..) | Event::Other(_) => {}
        }
        let settings = &self.scope.settings;
        match event {
            Event::Conversation(..) if !settings.import_conversations => Ok("ignored"),
            Event::Profile(people_id, ProfileChange::Bound(session)) if settings.import_conversations => {
                self.bound(hook, &people_id, &session).await
            }
            Event::Profile(..) if !settings.import_people => Ok("ignored"),
            Event::Conversation(session, change) => self.conversation(hook, &session, change).await,
            Event::Profile(people_id, change) => people::take(self, hook, &people_id, change).await,
            Event::Plugin(..) | Event::Other(_) => Ok("ignored"),
        }
    }

    fn want_instead(&mut self, hook: &PendingHook) -> &'static str {
        if let Some(session) = &hook.session_id {
            self.want(wanted::Kind::Conversation, session);
        } else if let Some(people_id) = &hook.people_id {
            self.want(wanted::Kind::Profile, people_id);
        } else {
            return "unreadable";
        }
        "woke"
    }

    pub(super) fn want(&mut self, kind: wanted::Kind, external_id: &str) {
        self.wanted.insert((kind.word(), crisp_domain::text::storable(external_id)));
    }

    /// Whether what the hook tells may be older than what a list told since.
    pub(super) fn is_late(&self, hook: &PendingHook) -> bool {
        hook.crisp_at.is_some_and(|crisp_at| hook.received_at - crisp_at - self.skew > LATE)
    }

    /// Whether the conversation was read by its name after Crisp sent the hook off: then that reading knew better.
    fn is_overtaken(&self, hook: &PendingHook, row: &ConversationRow) -> bool {
        let sent_off = hook.crisp_at.map(|crisp_at| crisp_at + self.skew);
        sent_off.is_some_and(|sent_off| read_at(row).is_some_and(|read_at| sent_off < read_at))
    }

    pub(super) fn stamp(hook: &PendingHook) -> Stamp {
        Stamp { crisp_at: hook.crisp_at.unwrap_or(hook.received_at), received_at: hook.received_at }
    }

    async fn conversation(
        &mut self,
        hook: &PendingHook,
        session: &SessionId,
        change: ConversationChange,
    ) -> Result<&'static str, Error> {
        let name = crisp_domain::text::storable(session.as_str());
        if !self.changes.contains_key(&name) {
            self.want(wanted::Kind::Conversation, &name);
            return Ok("woke");
        }
        let fact = match change {
            ConversationChange::MessageSent(message) | ConversationChange::MessageReceived(message) => {
                return messages::said(self, hook, &name, &message).await;
            }
            ConversationChange::MessageUpdated(fingerprint, content) => {
                return messages::edited(self, hook, &name, fingerprint, &content).await;
            }
            ConversationChange::MessageRemoved(fingerprint) => {
                return messages::removed(self, hook, &name, fingerprint).await;
            }
            ConversationChange::Removed => return Ok(self.removed(hook, &name)),
            ConversationChange::State(state) => Fact::Status(Status::from(state)),
            ConversationChange::Email(email) => {
                Fact::Email(email.as_deref().and_then(crisp_domain::text::present))
            }
            ConversationChange::Subject(subject) => {
                let options = RenderOptions::from(&self.scope.settings);
                let subject = storable(subject.as_ref());
                Fact::Subject(subject.map(|subject| options.subject(&subject)))
            }
            ConversationChange::Nickname(nickname) => Fact::Nickname(storable(nickname.as_ref())),
            ConversationChange::Origin(origin) => Fact::Origin(storable(origin.as_ref())),
            ConversationChange::Routing(operator) => {
                Fact::Assigned(operator.map(|operator| crisp_domain::text::storable(operator.as_str())))
            }
            ConversationChange::Started
            | ConversationChange::Phone(_)
            | ConversationChange::Data(_)
            | ConversationChange::Segments(_) => return Ok("ignored"),
        };
        Ok(self.fact(hook, &name, fact))
    }

    fn fact(&mut self, hook: &PendingHook, session: &str, fact: Fact) -> &'static str {
        let overtaken = self.changes.get(session).is_some_and(|change| self.is_overtaken(hook, &change.row));
        if overtaken || self.is_late(hook) {
            self.want(wanted::Kind::Conversation, session);
            return "woke";
        }
        if let Some(change) = self.changes.get_mut(session) {
            hear(&mut change.row, fact, Self::stamp(hook));
        }
        "applied"
    }

    fn removed(&mut self, hook: &PendingHook, session: &str) -> &'static str {
        let now = self.scope.now;
        if let Some(change) = self.changes.get_mut(session) {
            threads::remove(&mut change.row, now);
            change.row.removed_stamp = hook.crisp_at;
        }
        "applied"
    }

    async fn bound(
        &mut self,
        hook: &PendingHook,
        people_id: &PeopleId,
        session: &SessionId,
    ) -> Result<&'static str, Error> {
        let name = crisp_domain::text::storable(session.as_str());
        people::want_if_unknown(self, people_id).await?;
        if !self.changes.contains_key(&name) {
            self.want(wanted::Kind::Conversation, &name);
            return Ok("woke");
        }
        let fact = Fact::PeopleId(Some(crisp_domain::text::storable(people_id.as_str())));
        Ok(self.fact(hook, &name, fact))
    }

    /// The conversation's row, to be changed.
    pub(super) fn row_mut(&mut self, session: &str) -> Option<&mut ConversationRow> {
        self.changes.get_mut(session).map(|change| &mut change.row)
    }

    /// Wants the messages of a shown conversation read, before anything else of it is believed.
    pub(super) fn want_messages(&mut self, session: &str) {
        let Some(row) = self.row_mut(session) else { return };
        row.messages_due = true;
        row.messages_urgent = true;
        row.messages_attempts = 0;
        row.messages_retry_at = None;
    }
}

fn storable(text: Option<&String>) -> Option<String> {
    text.and_then(|text| crisp_domain::text::present(text))
}

/// Later of two optional moments.
pub(super) fn later(left: Option<DateTime<Utc>>, right: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    left.max(right)
}
