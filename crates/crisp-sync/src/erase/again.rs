//! Meeting an erased person again: in a list, in a profile, in a web hook.
//!
//! Whatever leads to them (an address, a profile, a conversation) is refused and goes, with all that is stored under it;
//! by what else it could be recognised is remembered too, so that a chat that was anonymous until its visitor gave the
//! address stays away after that as well.

use std::collections::HashSet;

use crisp_client::{PeopleId, SessionId};
use crisp_domain::{AccountId, EmailKey};
use crisp_storage::erasure::{self, ErasureKey, Met, Trace, TraceHash};
use crisp_storage::{conversations, profiles};

use super::take_back;
use crate::error::Error;
use crate::scope::Scope;

/// By what one record could be recognised.
#[derive(Clone, Default)]
pub(crate) struct Trail {
    /// The conversation.
    pub(crate) session: Option<String>,
    /// The profile itself.
    pub(crate) people: Option<String>,
    /// The profile that a conversation is linked to: it may be somebody else's.
    pub(crate) writer: Option<String>,
    /// Addresses.
    pub(crate) emails: Vec<EmailKey>,
}

impl Trail {
    /// The hashes by which it would be recognised.
    pub(crate) fn hashes(&self, key: &ErasureKey, account: AccountId) -> Vec<TraceHash> {
        let session = self.session.iter();
        let session = session.map(|id| key.hash(account, Trace::Session(&SessionId::new(id.as_str()))));
        let people = self.people.iter().chain(&self.writer);
        let people = people.map(|id| key.hash(account, Trace::People(&PeopleId::new(id.as_str()))));
        let emails = self.emails.iter().map(|email| key.hash(account, Trace::Email(email)));
        session.chain(people).chain(emails).collect()
    }
}

/// Those hashes of the trails that belong to erased people.
pub(crate) async fn suppressed<'a>(
    scope: &mut Scope,
    key: &ErasureKey,
    trails: impl Iterator<Item = &'a Trail>,
) -> Result<HashSet<TraceHash>, Error> {
    let account = scope.session.account();
    let hashes: Vec<TraceHash> = trails.flat_map(|trail| trail.hashes(key, account)).collect();
    Ok(erasure::suppressed(&mut scope.session, &hashes).await?)
}

/// Erases what is stored of a trail that leads to an erased person, and remembers the rest of it.
pub(crate) async fn again(
    scope: &mut Scope,
    key: &ErasureKey,
    trail: &Trail,
    suppressed: &HashSet<TraceHash>,
) -> Result<(), Error> {
    let account = scope.session.account();
    let by = trail.hashes(key, account).into_iter().filter(|hash| suppressed.contains(hash)).collect();
    let met = Met {
        by,
        sessions: trail.session.iter().cloned().collect(),
        people: trail.people.iter().cloned().collect(),
        writers: trail.writer.iter().cloned().collect(),
    };
    let now = scope.now;
    let enriched = erasure::erase_again(&mut scope.session, key, &met, now).await?;
    tracing::info!(integration = %scope.id(), "somebody who was erased was met again and kept away");
    take_back(scope, &enriched).await
}

/// Lets through what leads to nobody who was erased. The rest is not let in, and what is already stored of it goes.
pub(crate) async fn keep_away<T>(
    scope: &mut Scope,
    key: &ErasureKey,
    records: Vec<T>,
    trail_of: impl Fn(&T) -> Trail,
) -> Result<Vec<T>, Error> {
    let account = scope.session.account();
    let trails: Vec<Trail> = records.iter().map(trail_of).collect();
    let known = suppressed(scope, key, trails.iter()).await?;
    if known.is_empty() {
        return Ok(records);
    }
    let leads = |trail: &Trail| trail.hashes(key, account).iter().any(|hash| known.contains(hash));
    let (theirs, free): (Vec<_>, Vec<_>) =
        records.into_iter().zip(trails).partition(|(_, trail)| leads(trail));
    let theirs: Vec<Trail> = theirs.into_iter().map(|(_, trail)| trail).collect();
    let stored = stored_names(scope, &theirs).await?;
    for trail in &theirs {
        // What is remembered by its own name and of which nothing is stored costs nothing more.
        let named = Trail { writer: None, emails: Vec::new(), ..trail.clone() };
        let remembered = named.hashes(key, account).iter().all(|hash| known.contains(hash));
        let is_stored = trail.session.iter().chain(&trail.people).any(|name| stored.contains(name));
        if is_stored || !remembered {
            again(scope, key, trail, &known).await?;
        }
    }
    Ok(free.into_iter().map(|(record, _)| record).collect())
}

async fn stored_names(scope: &mut Scope, trails: &[Trail]) -> Result<HashSet<String>, Error> {
    let id = scope.id();
    let sessions: Vec<String> = trails.iter().filter_map(|trail| trail.session.clone()).collect();
    let people: Vec<String> = trails.iter().filter_map(|trail| trail.people.clone()).collect();
    let sessions = conversations::list_by_session(&mut scope.session, id, &sessions).await?;
    let people = profiles::list_by_people_id(&mut scope.session, id, &people).await?;
    let sessions = sessions.into_iter().map(|row| row.session_id);
    Ok(sessions.chain(people.into_iter().map(|row| row.people_id)).collect())
}
