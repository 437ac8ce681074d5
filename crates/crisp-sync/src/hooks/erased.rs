//! Hooks that tell of people who were erased: they are not applied, and they go.
//!
//! A hook may have been under way while somebody was erased, or be the first to say that a chat is theirs.

use std::collections::{BTreeSet, HashMap, HashSet};

use crisp_storage::erasure::{self, ErasureKey, Trace, TraceHash};
use crisp_storage::hooks::PendingHook;
use uuid::Uuid;

use crate::erase::{Trail, again, suppressed};
use crate::error::Error;
use crate::scope::Scope;

/// What the hooks of a batch say of erased people.
#[derive(Default)]
pub(super) struct Erased {
    sessions: BTreeSet<String>,
    people: BTreeSet<String>,
    /// Hooks that are about somebody else, but hold an address that nobody may keep.
    mentioning: HashSet<Uuid>,
}

/// Looks whom the hooks are about. What is stored of erased people goes at once.
pub(super) async fn look(
    scope: &mut Scope,
    key: &ErasureKey,
    pending: &[PendingHook],
) -> Result<Erased, Error> {
    let trails: HashMap<Uuid, Trail> = pending.iter().map(|hook| (hook.id, trail(hook))).collect();
    let said: HashMap<Uuid, Vec<TraceHash>> =
        pending.iter().map(|hook| (hook.id, mentioned(scope, key, hook))).collect();
    let mut known = suppressed(scope, key, trails.values()).await?;
    let every: Vec<TraceHash> = said.values().flatten().copied().collect();
    known.extend(erasure::suppressed(&mut scope.session, &every).await?);
    let mut erased = Erased::default();
    if known.is_empty() {
        return Ok(erased);
    }
    let account = scope.session.account();
    for trail in trails.values() {
        if trail.hashes(key, account).iter().any(|hash| known.contains(hash)) {
            again(scope, key, trail, &known).await?;
            erased.sessions.extend(trail.session.clone());
            erased.people.extend(trail.people.clone());
        }
    }
    let speaks = |(_, hashes): &(&Uuid, &Vec<TraceHash>)| hashes.iter().any(|hash| known.contains(hash));
    erased.mentioning.extend(said.iter().filter(speaks).map(|(id, _)| *id));
    Ok(erased)
}

/// Whom a hook is about. A conversation that is bound to a profile says nothing about the profile.
fn trail(hook: &PendingHook) -> Trail {
    let emails = erasure::given(&hook.body).into_iter().collect();
    let (session, people) = (hook.session_id.clone(), hook.people_id.clone());
    match hook.event.as_str() {
        "people:bind:session" => Trail { session, writer: people, emails, people: None },
        _ if people.is_some() => Trail { people, emails, ..Trail::default() },
        _ => Trail { session, emails, ..Trail::default() },
    }
}

fn mentioned(scope: &Scope, key: &ErasureKey, hook: &PendingHook) -> Vec<TraceHash> {
    let account = scope.session.account();
    erasure::addresses(&hook.body).iter().map(|email| key.hash(account, Trace::Email(email))).collect()
}

impl Erased {
    /// Whether a hook is about somebody who was erased.
    pub(super) fn is_theirs(&self, hook: &PendingHook) -> bool {
        let session = hook.session_id.as_ref().is_some_and(|id| self.sessions.contains(id));
        session || hook.people_id.as_ref().is_some_and(|id| self.people.contains(id))
    }

    /// Whether nothing of a hook's body may be kept once it was applied.
    pub(super) fn is_mentioned_in(&self, hook: &PendingHook) -> bool {
        self.mentioning.contains(&hook.id)
    }
}
