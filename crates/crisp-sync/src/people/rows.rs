//! The rows that profiles become, each on the contact that it belongs to: pure.

use std::collections::{BTreeMap, HashMap};

use crisp_client::PeopleId;
use crisp_domain::{ContactId, EmailKey, json, time};
use crisp_matching::profiles::{self as bonds, Home};
use crisp_storage::profiles::ProfileRow;
use serde_json::Value;
use uuid::Uuid;

use super::contact::email_key;
use super::load::Loaded;
use super::{Incoming, Tally};
use crate::scope::Scope;

/// The rows to store, each on the contact it belongs to.
pub(super) fn to_rows(scope: &Scope, incoming: &[Incoming], loaded: &Loaded) -> Vec<ProfileRow> {
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
        hook_stamp: one
            .hooked
            .map(|(crisp, _)| crisp)
            .or_else(|| stored.and_then(|row| row.hook_stamp).max(one.as_of)),
    }
}

/// What storing them will have done.
pub(super) fn count(rows: &[ProfileRow], loaded: &Loaded) -> Tally {
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
