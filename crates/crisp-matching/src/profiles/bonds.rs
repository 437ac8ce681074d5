//! Addresses and contacts that have a reason to be together, and which of them end up together.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use crisp_client::PeopleId;
use crisp_domain::{ContactId, EmailKey};

use super::assign::{Carried, Contact};

/// An address and a contact that have a reason to be together. The better reason sorts first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bond {
    /// The reason.
    pub(super) tier: Tier,
    is_crisps_only: bool,
    last_active_at: Reverse<Option<DateTime<Utc>>>,
    created_at: DateTime<Utc>,
    /// The contact.
    pub(super) contact_id: ContactId,
    /// The smallest people id that has the address: it never changes by moving profiles.
    first_person: PeopleId,
    email: EmailKey,
}

/// Why an address and a contact belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tier {
    /// A profile on the contact has the address, and so has the contact.
    CarriedAndOwn,
    /// A profile on the contact has the address.
    Carried,
    /// The contact has the address.
    Own,
}

/// The bonds that are made: the best first, each unless its address or its contact is taken.
pub(super) fn bonds(carried: &Carried, contacts: &[Contact]) -> BTreeMap<EmailKey, Bond> {
    let mut made = BTreeMap::new();
    let mut taken = BTreeSet::new();
    for bond in possible(carried, contacts) {
        if !made.contains_key(&bond.email) && taken.insert(bond.contact_id) {
            made.insert(bond.email.clone(), bond);
        }
    }
    made
}

/// Every bond that there is a reason for, best first.
fn possible(carried: &Carried, contacts: &[Contact]) -> BTreeSet<Bond> {
    let mut first_people: BTreeMap<&EmailKey, &PeopleId> = BTreeMap::new();
    let mut carriers: BTreeSet<(&EmailKey, ContactId)> = BTreeSet::new();
    for (people_id, email, at) in carried {
        let first = first_people.entry(email).or_insert(people_id);
        *first = (*first).min(people_id);
        carriers.extend(at.map(|contact_id| (email, contact_id)));
    }
    let contacts: BTreeMap<ContactId, &Contact> =
        contacts.iter().map(|contact| (contact.contact_id, contact)).collect();
    let owners = contacts.values().filter_map(|contact| Some((contact.email.as_ref()?, contact.contact_id)));
    let pairs: BTreeSet<_> = carriers.iter().copied().chain(owners).collect();
    pairs
        .into_iter()
        .filter_map(|(email, contact_id)| {
            let first_person = *first_people.get(email)?;
            let is_carried = carriers.contains(&(email, contact_id));
            Some(Bond::new(email, first_person, contact_id, contacts.get(&contact_id).copied(), is_carried))
        })
        .collect()
}

impl Bond {
    /// A contact that was not passed in is nevertheless one: it sorts behind those of which something is known.
    fn new(
        email: &EmailKey,
        first_person: &PeopleId,
        contact_id: ContactId,
        contact: Option<&Contact>,
        is_carried: bool,
    ) -> Self {
        let is_own = contact.is_some_and(|contact| contact.email.as_ref() == Some(email));
        let tier = match (is_carried, is_own) {
            (true, true) => Tier::CarriedAndOwn,
            (true, false) => Tier::Carried,
            (false, _) => Tier::Own,
        };
        let is_from_directory = contact.is_some_and(|contact| contact.from_directory);
        Self {
            tier,
            is_crisps_only: tier != Tier::Own && !is_from_directory,
            last_active_at: Reverse(contact.and_then(|contact| contact.last_active_at)),
            created_at: contact.map_or(DateTime::<Utc>::MAX_UTC, |contact| contact.created_at),
            contact_id,
            first_person: first_person.clone(),
            email: email.clone(),
        }
    }
}
