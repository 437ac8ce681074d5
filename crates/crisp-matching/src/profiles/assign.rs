//! A page of profiles in, the contact of each out.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use crisp_client::PeopleId;
use crisp_domain::{ContactId, EmailKey};
use serde::Serialize;

use super::bonds::{Bond, Tier, bonds};

/// A profile of the batch, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The profile.
    pub people_id: PeopleId,
    /// Its address.
    pub email: Option<EmailKey>,
    /// The contact that carries it already.
    pub current: Option<ContactId>,
}

/// A contact that is involved: it carries one of the profiles, or another profile with one of their addresses, or has
/// such an address itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// The contact.
    pub contact_id: ContactId,
    /// Its own address.
    pub email: Option<EmailKey>,
    /// Whether the directory knows it, or only Crisp brought it.
    pub from_directory: bool,
    /// Every profile that it carries, whatever integration brought it. What the batch says of a profile goes before
    /// what stands here.
    pub profiles: Vec<(PeopleId, Option<EmailKey>)>,
    /// When it was last active.
    pub last_active_at: Option<DateTime<Utc>>,
    /// When Custify got to know it.
    pub created_at: DateTime<Utc>,
}

/// The contact of one profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Assignment {
    /// The profile.
    pub people_id: PeopleId,
    /// Where it belongs.
    pub home: Home,
    /// Why.
    pub reason: Reason,
}

/// A contact that exists, or one to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Home {
    /// This contact.
    Existing(ContactId),
    /// A new contact, which every profile with the same number shares. Numbers count from 0 without a gap.
    New(usize),
}

/// Why a profile belongs where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It stays where it is.
    Kept,
    /// The contact carries another profile with its address.
    SameEmailAsProfile,
    /// The contact has its address.
    SameEmailAsContact,
    /// No contact has its address, or it has none.
    Unknown,
}

/// Decides which contact each profile belongs to; the answers are in the order of `batch`.
///
/// Profiles that are not in the batch stay where they are. Of two entries with one people id, which a shifting page can
/// bring, the one with an address counts, then the one with the greater address.
pub fn assign(batch: &[Profile], contacts: &[Contact]) -> Vec<Assignment> {
    let known = Known::new(batch, contacts);
    let made = bonds(&known.carried, contacts);
    let new = known.new_contacts(&made);
    let answer = |profile: &Profile| known.assignment(profile, &made, &new);
    batch.iter().map(answer).collect()
}

/// The batch, each profile once, and who carries which address before anything moves.
struct Known {
    profiles: BTreeMap<PeopleId, Place>,
    carried: Carried,
}

/// What is known of a profile: its address and the contact that carries it.
type Place = (Option<EmailKey>, Option<ContactId>);
/// Which people, with which address, which contact carries.
pub(super) type Carried = Vec<(PeopleId, EmailKey, Option<ContactId>)>;

impl Known {
    fn new(batch: &[Profile], contacts: &[Contact]) -> Self {
        let listed: BTreeSet<(&PeopleId, ContactId, &Option<EmailKey>)> = contacts
            .iter()
            .flat_map(|contact| contact.profiles.iter().map(|(id, email)| (id, contact.contact_id, email)))
            .collect();
        let mut profiles: BTreeMap<PeopleId, Place> = BTreeMap::new();
        for profile in batch {
            let listed = || listed.iter().find(|(id, ..)| **id == profile.people_id).map(|(_, at, _)| *at);
            let place = (profile.email.clone(), profile.current.or_else(listed));
            let known = profiles.entry(profile.people_id.clone()).or_default();
            *known = place.max(known.clone());
        }
        let others = listed
            .into_iter()
            .filter(|(id, ..)| !profiles.contains_key(*id))
            .filter_map(|(id, at, email)| Some((id.clone(), email.clone()?, Some(at))));
        let moving = profiles.iter().filter_map(|(id, (email, at))| Some((id.clone(), email.clone()?, *at)));
        let carried = others.chain(moving).collect();
        Self { profiles, carried }
    }

    /// Who gets a new contact: numbered by the smallest people id, so that the order of the batch does not matter.
    fn new_contacts(&self, made: &BTreeMap<EmailKey, Bond>) -> BTreeMap<Newcomer, usize> {
        let mut new = BTreeMap::new();
        for (people_id, (email, current)) in &self.profiles {
            let newcomer = match email {
                Some(email) if !made.contains_key(email) => Newcomer::Address(email.clone()),
                None if current.is_none() => Newcomer::Person(people_id.clone()),
                Some(_) | None => continue,
            };
            let number = new.len();
            new.entry(newcomer).or_insert(number);
        }
        new
    }

    fn assignment(
        &self,
        profile: &Profile,
        made: &BTreeMap<EmailKey, Bond>,
        new: &BTreeMap<Newcomer, usize>,
    ) -> Assignment {
        let people_id = profile.people_id.clone();
        let (email, current) = self.profiles.get(&people_id).cloned().unwrap_or_default();
        let bond = email.as_ref().and_then(|email| made.get(email));
        let (home, reason) = match (bond, email, current) {
            (Some(bond), _, _) => (Home::Existing(bond.contact_id), bond.reason(current)),
            (None, None, Some(current)) => (Home::Existing(current), Reason::Kept),
            (None, Some(email), _) => (number(new, &Newcomer::Address(email)), Reason::Unknown),
            (None, None, None) => (number(new, &Newcomer::Person(people_id.clone())), Reason::Unknown),
        };
        Assignment { people_id, home, reason }
    }
}

/// Whom a new contact is made for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Newcomer {
    /// Everybody with this address.
    Address(EmailKey),
    /// One person without an address.
    Person(PeopleId),
}

fn number(new: &BTreeMap<Newcomer, usize>, newcomer: &Newcomer) -> Home {
    Home::New(new.get(newcomer).copied().unwrap_or(new.len()))
}

impl Bond {
    fn reason(&self, current: Option<ContactId>) -> Reason {
        match self.tier {
            _ if current == Some(self.contact_id) => Reason::Kept,
            Tier::CarriedAndOwn | Tier::Carried => Reason::SameEmailAsProfile,
            Tier::Own => Reason::SameEmailAsContact,
        }
    }
}
