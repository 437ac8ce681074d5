//! Loads what a write step for people looks at, before anything is decided.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crisp_storage::directory::{self, ContactRow};
use crisp_storage::profiles::{self, ProfileRow};
use uuid::Uuid;

use super::Incoming;
use super::contact::email_key;
use crate::error::Error;
use crate::scope::Scope;

/// Everything that the step looks at.
pub(super) struct Loaded {
    pub(super) stored: HashMap<String, ProfileRow>,
    /// Profiles of any integration on the contacts involved.
    pub(super) related: Vec<ProfileRow>,
    pub(super) contacts: BTreeMap<Uuid, ContactRow>,
}

/// Loads what is known of the people that were read.
pub(super) async fn load(scope: &mut Scope, incoming: &[Incoming]) -> Result<Loaded, Error> {
    let ids: Vec<String> = incoming.iter().map(|one| one.profile.people_id.as_str().to_owned()).collect();
    let id = scope.id();
    let stored: HashMap<String, ProfileRow> = profiles::list_by_people_id(&mut scope.session, id, &ids)
        .await?
        .into_iter()
        .map(|row| (row.people_id.clone(), row))
        .collect();
    let contacts: Vec<Uuid> = stored.values().map(|row| row.contact_id).collect();
    let emails: Vec<String> =
        incoming.iter().filter_map(|one| email_key(one.profile.email.as_deref())).collect();
    load_around(scope, &contacts, &emails, stored).await
}

/// Loads the contacts with these ids or e-mails, every profile on them, and the contacts of those in turn.
pub(super) async fn load_around(
    scope: &mut Scope,
    contacts: &[Uuid],
    emails: &[String],
    stored: HashMap<String, ProfileRow>,
) -> Result<Loaded, Error> {
    let found = directory::list_contacts_related(&mut scope.session, contacts, emails).await?;
    let mut ids: BTreeSet<Uuid> = found.iter().map(|row| row.id).collect();
    let mut contacts: BTreeMap<Uuid, ContactRow> = found.into_iter().map(|row| (row.id, row)).collect();
    let on_them: Vec<Uuid> = ids.iter().copied().collect();
    let related = profiles::list_related(&mut scope.session, &on_them, emails).await?;
    let missing: Vec<Uuid> = related.iter().map(|row| row.contact_id).filter(|id| ids.insert(*id)).collect();
    if !missing.is_empty() {
        let more = directory::list_contacts(&mut scope.session, &missing).await?;
        contacts.extend(more.into_iter().map(|row| (row.id, row)));
    }
    let all: Vec<Uuid> = contacts.keys().copied().collect();
    let related = if missing.is_empty() {
        related
    } else {
        profiles::list_related(&mut scope.session, &all, &[]).await?
    };
    Ok(Loaded { stored, related, contacts })
}
