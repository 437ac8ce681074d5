//! People: makes a set of profiles right in one write step, and everything that follows from them: contacts,
//! memberships' views, and the conversations that now belong to somebody else.

mod contact;
mod load;
mod rows;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crisp_client::Profile;
use crisp_domain::mapping::{Mapping, Target};
use crisp_domain::{ContactId, EmailKey, IntegrationId, time};
use crisp_storage::conversations;
use crisp_storage::directory::{self, ContactRow};
use crisp_storage::erasure::ErasureKey;
use crisp_storage::profiles::{self, ProfileRow};
use crisp_storage::work::{self, Lane};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::erase::{Trail, keep_away};
use crate::error::Error;
use crate::scope::Scope;
use crate::threads;
pub(crate) use contact::{fields_of, put_fields, settle_contact};
use load::{Loaded, load, load_around};
use rows::{count, to_rows};

/// A profile as read, with its custom data where the mapping asks for it.
pub(crate) struct Incoming {
    pub(crate) profile: Profile,
    pub(crate) data: Option<Map<String, Value>>,
    /// Set when a hook told: (Crisp's clock, ours).
    pub(crate) hooked: Option<(chrono::DateTime<chrono::Utc>, chrono::DateTime<chrono::Utc>)>,
    /// Set when it was asked for by its name: when that was, by Crisp's clock. Hooks from before know nothing better.
    pub(crate) as_of: Option<chrono::DateTime<chrono::Utc>>,
}

/// What a write step did to its people.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) unchanged: i64,
}

/// Makes stored profiles and their contacts agree with what was read.
pub(crate) async fn apply_profiles(
    scope: &mut Scope,
    erasure: &ErasureKey,
    incoming: Vec<Incoming>,
) -> Result<Tally, Error> {
    let incoming = without_erased(scope, erasure, incoming).await?;
    let loaded = load(scope, &incoming).await?;
    let (incoming, outdated) = incoming.into_iter().partition(|one| !is_outdated(one, &loaded));
    let outdated: Vec<Incoming> = outdated;
    let rows = to_rows(scope, &incoming, &loaded);
    let mut tally = count(&rows, &loaded);
    tally.unchanged += i64::try_from(outdated.len()).unwrap_or(i64::MAX);
    let as_stored: Vec<Uuid> = rows
        .iter()
        .filter(|row| loaded.stored.get(&row.people_id) == Some(row))
        .map(|row| row.contact_id)
        .collect();
    let changed = settle_contacts(scope, loaded, rows, &[]).await?;
    // Somebody else changed the contact, and what Crisp says holds: the mapping wants it so.
    let restored = as_stored.iter().filter(|contact| changed.contains(contact)).count();
    let restored = i64::try_from(restored).unwrap_or(i64::MAX);
    tally.unchanged -= restored;
    tally.updated += restored;
    Ok(tally)
}

/// Whether a list that lags tells of a profile as it was before what is stored.
fn is_outdated(one: &Incoming, loaded: &Loaded) -> bool {
    let stored = loaded.stored.get(one.profile.people_id.as_str()).and_then(|row| row.crisp_updated_at);
    let told = one.profile.updated_at_ms.and_then(time::from_ms);
    one.hooked.is_none() && told.is_some() && told < stored
}

/// Takes away profiles that are gone in Crisp, and the contacts that only they brought.
pub(crate) async fn remove_profiles(scope: &mut Scope, people_ids: &[String]) -> Result<i64, Error> {
    let id = scope.id();
    let gone = profiles::list_by_people_id(&mut scope.session, id, people_ids).await?;
    if gone.is_empty() {
        return Ok(0);
    }
    let contacts: Vec<Uuid> = gone.iter().map(|row| row.contact_id).collect();
    let loaded = load_around(scope, &contacts, &[], HashMap::new()).await?;
    settle_contacts(scope, loaded, Vec::new(), &gone).await?;
    Ok(i64::try_from(gone.len()).unwrap_or(i64::MAX))
}

/// Maps stored profiles again, after the mapping changed: no Crisp request.
///
/// The new mapping may make an address of what it did not look at before: people who were erased by it go.
pub(crate) async fn remap(
    scope: &mut Scope,
    erasure: &ErasureKey,
    rows: Vec<ProfileRow>,
) -> Result<(), Error> {
    let mapping = scope.settings.mapping.clone();
    let trail_of = |row: &ProfileRow| {
        let data = row.data.as_ref().and_then(Value::as_object);
        trail(&mapping, &row.people_id, row.email.as_deref(), (&row.raw, data))
    };
    let rows = keep_away(scope, erasure, rows, trail_of).await?;
    let contacts: Vec<Uuid> = rows.iter().map(|row| row.contact_id).collect();
    let stored = rows.iter().map(|row| (row.people_id.clone(), row.clone())).collect();
    let loaded = load_around(scope, &contacts, &[], stored).await?;
    settle_contacts(scope, loaded, rows, &[]).await?;
    Ok(())
}

async fn without_erased(
    scope: &mut Scope,
    key: &ErasureKey,
    incoming: Vec<Incoming>,
) -> Result<Vec<Incoming>, Error> {
    // A shifting page may bring a person twice: the last row counts.
    let mut once: BTreeMap<String, Incoming> = BTreeMap::new();
    for one in incoming {
        once.insert(one.profile.people_id.as_str().to_owned(), one);
    }
    let mapping = scope.settings.mapping.clone();
    let ids: Vec<String> = once.keys().filter(|_| mapping.uses_data()).cloned().collect();
    let id = scope.id();
    let stored = profiles::list_by_people_id(&mut scope.session, id, &ids).await?;
    let stored: HashMap<&str, &ProfileRow> = stored.iter().map(|row| (row.people_id.as_str(), row)).collect();
    let trail_of = |one: &Incoming| {
        let people = one.profile.people_id.as_str();
        let data = one.data.as_ref().or_else(|| stored.get(people)?.data.as_ref()?.as_object());
        trail(&mapping, people, one.profile.email.as_deref(), (&one.profile.raw, data))
    };
    keep_away(scope, key, once.into_values().collect(), trail_of).await
}

/// By what a profile could be recognised: the address that it has, and the one that the mapping makes of it.
pub(crate) fn trail(
    mapping: &Mapping,
    people: &str,
    email: Option<&str>,
    (raw, data): (&Value, Option<&Map<String, Value>>),
) -> Trail {
    let mapped = mapping.map(raw, data);
    let mapped = mapped.values.get(&Target::Email).and_then(Value::as_str);
    let mut emails: Vec<EmailKey> = email.into_iter().chain(mapped).filter_map(EmailKey::parse).collect();
    emails.dedup();
    Trail { people: Some(people.to_owned()), emails, ..Trail::default() }
}

/// Computes every contact involved anew from its profiles, saves what changed, and lets conversations follow. Returns the
/// contacts that changed.
async fn settle_contacts(
    scope: &mut Scope,
    loaded: Loaded,
    rows: Vec<ProfileRow>,
    gone: &[ProfileRow],
) -> Result<BTreeSet<Uuid>, Error> {
    let Loaded { stored, related, contacts } = loaded;
    let id = scope.id();
    let mut after: BTreeMap<(Uuid, String), ProfileRow> =
        related.into_iter().map(|row| ((row.integration_id, row.people_id.clone()), row)).collect();
    for row in gone {
        after.remove(&(row.integration_id, row.people_id.clone()));
    }
    for row in &rows {
        after.insert((row.integration_id, row.people_id.clone()), row.clone());
    }
    let touched: BTreeSet<Uuid> = rows
        .iter()
        .map(|row| row.contact_id)
        .chain(stored.values().map(|row| row.contact_id))
        .chain(gone.iter().map(|row| row.contact_id))
        .collect();
    let mut changed = Vec::new();
    for contact in &touched {
        let before = contacts.get(contact);
        let carried: Vec<&ProfileRow> = after.values().filter(|row| row.contact_id == *contact).collect();
        let next = settle_contact(scope, *contact, before, &carried)?;
        if before != Some(&next) {
            changed.push((before.cloned(), next));
        }
    }
    let saved: Vec<ContactRow> = changed.iter().map(|(_, next)| next.clone()).collect();
    directory::save_contacts(&mut scope.session, &saved, scope.now).await?;
    let moved: Vec<ProfileRow> =
        rows.into_iter().filter(|row| stored.get(&row.people_id) != Some(row)).collect();
    profiles::save(&mut scope.session, id, &moved, scope.now).await?;
    let gone_ids: Vec<String> = gone.iter().map(|row| row.people_id.clone()).collect();
    profiles::delete(&mut scope.session, id, &gone_ids).await?;
    let rebound = moved
        .iter()
        .filter(|row| stored.get(&row.people_id).map(|old| old.contact_id) != Some(row.contact_id));
    let people: Vec<(IntegrationId, String)> =
        rebound.map(|row| row.people_id.clone()).chain(gone_ids).map(|people_id| (id, people_id)).collect();
    follow(scope, &emails_concerned(&changed), &people, &[]).await?;
    let unused: Vec<Uuid> = touched.into_iter().collect();
    directory::delete_unused_contacts(&mut scope.session, &without_profiles(&unused, &after)).await?;
    Ok(changed.iter().map(|(_, next)| next.id).collect())
}

fn without_profiles(contacts: &[Uuid], profiles: &BTreeMap<(Uuid, String), ProfileRow>) -> Vec<Uuid> {
    let carrying: BTreeSet<Uuid> = profiles.values().map(|row| row.contact_id).collect();
    contacts.iter().copied().filter(|contact| !carrying.contains(contact)).collect()
}

/// E-mails that a contact lost or gained: conversations that carry them may belong elsewhere now.
fn emails_concerned(changed: &[(Option<ContactRow>, ContactRow)]) -> Vec<String> {
    let mut emails = BTreeSet::new();
    for (before, next) in changed {
        let old = before.as_ref().and_then(|row| row.email_key.clone());
        let activity_moved = before.as_ref().map(|row| row.last_active_at) != Some(next.last_active_at);
        if old != next.email_key || activity_moved {
            emails.extend(old);
            emails.extend(next.email_key.clone());
        }
    }
    emails.into_iter().collect()
}

/// Lets conversations follow contacts that changed: by e-mail, by profile, or by contact.
pub(crate) async fn follow(
    scope: &mut Scope,
    emails: &[String],
    people: &[(IntegrationId, String)],
    contacts: &[ContactId],
) -> Result<(), Error> {
    if emails.is_empty() && people.is_empty() && contacts.is_empty() {
        return Ok(());
    }
    let concerned = conversations::list_concerned(&mut scope.session, emails, people, contacts).await?;
    let mut by_integration: BTreeMap<Uuid, Vec<conversations::ConversationRow>> = BTreeMap::new();
    for row in concerned.into_iter().filter(|row| row.removed_at.is_none()) {
        by_integration.entry(row.integration_id).or_default().push(row);
    }
    let own = scope.integration.clone();
    for (integration, rows) in by_integration {
        let row =
            crisp_storage::integrations::get(&mut scope.session, IntegrationId::from(integration)).await?;
        let is_live = row.is_live();
        scope.integration = row;
        if threads::rematch(scope, rows).await? && is_live {
            let now = scope.now;
            work::signal(&mut scope.session, IntegrationId::from(integration), Lane::Live, now).await?;
        }
    }
    scope.integration = own;
    Ok(())
}
