//! People: makes a set of profiles right in one write step, and everything that follows from them: contacts,
//! memberships' views, and the conversations that now belong to somebody else.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crisp_client::{PeopleId, Profile};
use crisp_domain::mapping::{Mapping, Target};
use crisp_domain::{ContactFields, ContactId, EmailKey, IntegrationId, json, time};
use crisp_matching::profiles::{self as bonds, Home, ProfileRank};
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

/// A profile as read, with its custom data where the mapping asks for it.
pub(crate) struct Incoming {
    pub(crate) profile: Profile,
    pub(crate) data: Option<Map<String, Value>>,
    /// Set when a hook told: (Crisp's clock, ours).
    pub(crate) hooked: Option<(chrono::DateTime<chrono::Utc>, chrono::DateTime<chrono::Utc>)>,
}

/// What a write step did to its people.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) unchanged: i64,
}

/// Everything the step looks at, loaded before anything is decided.
struct Loaded {
    stored: HashMap<String, ProfileRow>,
    /// Profiles of any integration on the contacts involved.
    related: Vec<ProfileRow>,
    contacts: BTreeMap<Uuid, ContactRow>,
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
    settle_contacts(scope, loaded, rows, &[]).await?;
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
    settle_contacts(scope, loaded, rows, &[]).await
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

fn email_key(email: Option<&str>) -> Option<String> {
    email.and_then(EmailKey::parse).map(|key| key.as_str().to_owned())
}

async fn load(scope: &mut Scope, incoming: &[Incoming]) -> Result<Loaded, Error> {
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
async fn load_around(
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

/// The rows to store, each on the contact it belongs to.
fn to_rows(scope: &Scope, incoming: &[Incoming], loaded: &Loaded) -> Vec<ProfileRow> {
    let batch: Vec<bonds::Profile> = incoming
        .iter()
        .map(|one| bonds::Profile {
            people_id: one.profile.people_id.clone(),
            email: one.profile.email.as_deref().and_then(EmailKey::parse),
            current: loaded
                .stored
                .get(one.profile.people_id.as_str())
                .map(|row| ContactId::from(row.contact_id)),
        })
        .collect();
    let mut made: BTreeMap<usize, ContactId> = BTreeMap::new();
    bonds::assign(&batch, &involved(scope, loaded))
        .into_iter()
        .zip(incoming)
        .map(|(assignment, one)| {
            let contact = match assignment.home {
                Home::Existing(contact) => contact,
                Home::New(number) => *made.entry(number).or_insert_with(|| ContactId::new_v7(scope.now)),
            };
            to_row(scope, one, contact, loaded.stored.get(one.profile.people_id.as_str()))
        })
        .collect()
}

fn involved(scope: &Scope, loaded: &Loaded) -> Vec<bonds::Contact> {
    let mut carried: HashMap<Uuid, Vec<(PeopleId, Option<EmailKey>)>> = HashMap::new();
    for row in &loaded.related {
        let own = row.integration_id == scope.integration.id;
        // People ids are unique within a website only.
        let people_id =
            if own { row.people_id.clone() } else { format!("{}:{}", row.integration_id, row.people_id) };
        carried
            .entry(row.contact_id)
            .or_default()
            .push((PeopleId::new(people_id), row.email_key.as_deref().and_then(EmailKey::parse)));
    }
    loaded
        .contacts
        .values()
        .map(|row| bonds::Contact {
            contact_id: ContactId::from(row.id),
            email: row.email_key.as_deref().and_then(EmailKey::parse),
            from_directory: row.external_id.is_some(),
            profiles: carried.remove(&row.id).unwrap_or_default(),
            last_active_at: row.last_active_at,
            created_at: row.created_at,
        })
        .collect()
}

fn to_row(scope: &Scope, one: &Incoming, contact: ContactId, stored: Option<&ProfileRow>) -> ProfileRow {
    let email = one.profile.email.as_deref().map(crisp_domain::text::storable);
    ProfileRow {
        integration_id: scope.integration.id,
        people_id: one.profile.people_id.as_str().to_owned(),
        contact_id: contact.as_uuid(),
        email_key: email_key(email.as_deref()),
        email,
        raw: json::storable(one.profile.raw.clone()),
        data: one
            .data
            .clone()
            .map(|data| json::storable(Value::Object(data)))
            .or_else(|| stored?.data.clone()),
        active_last: one.profile.active_last_ms.and_then(time::from_ms),
        crisp_updated_at: one.profile.updated_at_ms.and_then(time::from_ms),
        hooked_at: one.hooked.map(|(_, received)| received).or_else(|| stored?.hooked_at),
        hook_stamp: one.hooked.map(|(crisp, _)| crisp).or_else(|| stored?.hook_stamp),
    }
}

fn count(rows: &[ProfileRow], loaded: &Loaded) -> Tally {
    let mut tally = Tally::default();
    for row in rows {
        match loaded.stored.get(&row.people_id) {
            None => tally.created += 1,
            Some(stored) if stored == row => tally.unchanged += 1,
            Some(_) => tally.updated += 1,
        }
    }
    tally
}

/// Computes every contact involved anew from its profiles, saves what changed, and lets conversations follow.
async fn settle_contacts(
    scope: &mut Scope,
    loaded: Loaded,
    rows: Vec<ProfileRow>,
    gone: &[ProfileRow],
) -> Result<(), Error> {
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
    Ok(())
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

/// One contact, computed from the profile that has the say.
pub(crate) fn settle_contact(
    scope: &Scope,
    id: Uuid,
    before: Option<&ContactRow>,
    carried: &[&ProfileRow],
) -> Result<ContactRow, Error> {
    let mut next = before.cloned().unwrap_or_else(|| ContactRow::new(id, scope.now));
    next.last_active_at = carried.iter().filter_map(|row| row.active_last).max();
    let Some(winner) = winner(carried) else { return Ok(next) };
    let Some(settings) = scope.all_settings.get(&winner.integration_id) else { return Ok(next) };
    let data = winner.data.as_ref().and_then(Value::as_object);
    let mapped = settings.mapping.map(&winner.raw, data);
    let from_crisp: BTreeMap<Target, Value> =
        serde_json::from_value(next.from_crisp.clone()).map_err(Error::corrupt("values from Crisp"))?;
    let merged = settings.mapping.merge(&fields_of(&next), &from_crisp, &mapped);
    put_fields(&mut next, merged.fields);
    next.from_crisp =
        serde_json::to_value(&merged.from_crisp).map_err(Error::corrupt("values from Crisp"))?;
    Ok(next)
}

fn winner<'a>(carried: &[&'a ProfileRow]) -> Option<&'a ProfileRow> {
    let ranks: Vec<ProfileRank> = carried
        .iter()
        .map(|row| ProfileRank {
            people_id: PeopleId::new(row.people_id.clone()),
            active_last: row.active_last,
            updated_at: row.crisp_updated_at,
        })
        .collect();
    let winner = bonds::winner(&ranks)?;
    // Two integrations may know a person by one id: the later word counts, and the newer integration's at last.
    carried
        .iter()
        .filter(|row| row.people_id == winner.as_str())
        .max_by_key(|row| (row.active_last, row.crisp_updated_at, row.integration_id))
        .copied()
}

/// The mappable fields of a stored contact.
pub(crate) fn fields_of(row: &ContactRow) -> ContactFields {
    ContactFields {
        email: row.email.clone(),
        name: row.name.clone(),
        phone: row.phone.clone(),
        signed_up_at: row.signed_up_at,
        attributes: row.attributes.as_object().cloned().unwrap_or_default(),
    }
}

/// Puts fields back, with the normal forms that follow from them.
pub(crate) fn put_fields(row: &mut ContactRow, fields: ContactFields) {
    let country = fields.attributes.get("country").and_then(Value::as_str).map(str::to_owned);
    row.email_key = email_key(fields.email.as_deref());
    row.email = fields.email;
    row.name = fields.name;
    row.phone_e164 =
        fields.phone.as_deref().and_then(|phone| crisp_domain::phone::normalise(phone, country.as_deref()));
    row.phone = fields.phone;
    row.signed_up_at = fields.signed_up_at;
    row.attributes = Value::Object(fields.attributes);
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
