//! What stored hooks say about a person whose addresses are known.

use std::collections::BTreeSet;

use crisp_domain::email::EmailKey;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::mention::{belongs_to, mentions};
use crate::error::Error;
use crate::schema::hooks;
use crate::session::AccountSession;

/// Hooks read at a time when their bodies are searched.
const HOOKS_AT_A_TIME: i64 = 200;

/// What was found in the bodies of stored hooks.
#[derive(Default)]
pub(super) struct Overheard {
    /// Hooks whose body holds an address.
    pub(super) hooks: BTreeSet<Uuid>,
    /// Conversations that a hook says have it.
    pub(super) sessions: BTreeSet<String>,
    /// Profiles that a hook says have it.
    pub(super) people: BTreeSet<String>,
}

/// A hook's id, conversation, profile and body.
type Stored = (Uuid, Option<String>, Option<String>, Vec<u8>);

/// Walks all stored hooks of the account.
pub(super) async fn listen(
    session: &mut AccountSession,
    emails: &BTreeSet<EmailKey>,
) -> Result<Overheard, Error> {
    let account = session.account().as_uuid();
    let (mut after, mut heard) = (Uuid::nil(), Overheard::default());
    loop {
        let page: Vec<Stored> = hooks::table
            .filter(hooks::account_id.eq(account))
            .filter(hooks::id.gt(after))
            .order(hooks::id)
            .limit(HOOKS_AT_A_TIME)
            .select((hooks::id, hooks::session_id, hooks::people_id, hooks::body))
            .load(session.connection()?)
            .await
            .map_err(Error::query("search stored hooks"))?;
        let Some((last, ..)) = page.last() else { return Ok(heard) };
        after = *last;
        for (id, session_id, people_id, body) in page {
            if !mentions(&body, emails) {
                continue;
            }
            heard.hooks.insert(id);
            if belongs_to(&body, emails) {
                heard.sessions.extend(session_id);
                heard.people.extend(people_id);
            }
        }
    }
}
