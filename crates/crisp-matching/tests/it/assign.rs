//! Which contact does a profile become?

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate};
use crisp_client::PeopleId;
use crisp_domain::{ContactId, EmailKey};
use crisp_matching::profiles::{Assignment, Contact, Home, Profile, Reason, assign};
use proptest::prelude::*;
use serde::Deserialize;

use crate::words::{cases, contact_id, created, day, email};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    batch: Vec<CaseProfile>,
    contacts: Vec<CaseContact>,
    expected: BTreeMap<PeopleId, Expected>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseProfile {
    people_id: PeopleId,
    email: Option<String>,
    current: Option<u128>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseContact {
    contact: u128,
    email: Option<String>,
    #[serde(default)]
    directory: bool,
    #[serde(default)]
    profiles: BTreeMap<PeopleId, Option<String>>,
    last_active: Option<NaiveDate>,
    created: Option<NaiveDate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    contact: Option<u128>,
    new: Option<usize>,
    reason: String,
}

#[test]
fn every_case_is_assigned_as_written() {
    for case in cases::<Case>("assign") {
        let batch: Vec<Profile> = case.batch.into_iter().map(profile).collect();
        let contacts: Vec<Contact> = case.contacts.into_iter().map(contact).collect();
        let assignments = assign(&batch, &contacts);
        assert_eq!(assignments.len(), case.expected.len(), "{}", case.name);
        for Assignment { people_id, home, reason } in assignments {
            let expected = &case.expected[&people_id];
            let expected_home = match (expected.contact, expected.new) {
                (Some(contact), None) => Home::Existing(contact_id(contact)),
                (None, Some(number)) => Home::New(number),
                _ => panic!("{}: {people_id} needs either `contact` or `new`", case.name),
            };
            assert_eq!(home, expected_home, "{}: {people_id}", case.name);
            assert_eq!(serde_json::to_value(reason).unwrap(), expected.reason, "{}: {people_id}", case.name);
        }
    }
}

fn profile(case: CaseProfile) -> Profile {
    Profile {
        people_id: case.people_id,
        email: email(case.email.as_deref()),
        current: case.current.map(contact_id),
    }
}

fn contact(case: CaseContact) -> Contact {
    Contact {
        contact_id: contact_id(case.contact),
        email: email(case.email.as_deref()),
        from_directory: case.directory,
        profiles: case.profiles.into_iter().map(|(id, address)| (id, email(address.as_deref()))).collect(),
        last_active_at: case.last_active.map(day),
        created_at: created(case.created),
    }
}

/// People 0 to 9, addresses 0 to 3, contacts 1 to 5: few enough to collide all the time.
#[derive(Debug, Clone)]
struct World {
    batch: Vec<Profile>,
    contacts: Vec<Contact>,
}

fn address(number: Option<u8>) -> Option<EmailKey> {
    email(number.map(|number| format!("{number}@x.example")).as_deref())
}

fn any_contact() -> impl Strategy<Value = Contact> {
    let own = prop::option::of(0..4_u8);
    (own, any::<bool>(), prop::option::of(0..3_i64), 0..3_i64).prop_map(
        |(own, from_directory, active, age)| Contact {
            contact_id: contact_id(0),
            email: address(own),
            from_directory,
            profiles: Vec::new(),
            last_active_at: active.and_then(|second| DateTime::from_timestamp(second, 0)),
            created_at: DateTime::from_timestamp(age, 0).unwrap(),
        },
    )
}

/// Every person: where they are (of five contacts, if anywhere), their stored address, and the one in the batch, if
/// they are in it.
fn any_world() -> impl Strategy<Value = World> {
    let person = (
        prop::option::of(0..5_usize),
        prop::option::of(0..4_u8),
        prop::option::of(prop::option::of(0..4_u8)),
    );
    (prop::collection::vec(any_contact(), 5), prop::collection::vec(person, 10)).prop_map(
        |(mut contacts, people)| {
            let mut batch = Vec::new();
            for (number, contact) in (1_u128..).zip(&mut contacts) {
                contact.contact_id = contact_id(number);
            }
            for (number, (at, stored, in_batch)) in people.into_iter().enumerate() {
                let people_id = PeopleId::new(number.to_string());
                if let Some(at) = at {
                    contacts[at].profiles.push((people_id.clone(), address(stored)));
                }
                if let Some(now) = in_batch {
                    let current = at.map(|at| contacts[at].contact_id);
                    batch.push(Profile { people_id, email: address(now), current });
                }
            }
            World { batch, contacts }
        },
    )
}

/// What is stored after the assignment was applied. `overwrite`: contacts take the address of the profiles they got.
fn applied(world: &World, assignments: &[Assignment], overwrite: bool) -> World {
    let mut after = world.clone();
    let moved: BTreeSet<&PeopleId> = assignments.iter().map(|assignment| &assignment.people_id).collect();
    for contact in &mut after.contacts {
        contact.profiles.retain(|(people_id, _)| !moved.contains(people_id));
    }
    for (profile, assignment) in after.batch.iter_mut().zip(assignments) {
        let home = match assignment.home {
            Home::Existing(contact_id) => contact_id,
            Home::New(number) => contact_id(1_000 + u128::try_from(number).unwrap()),
        };
        let contact = home_of(&mut after.contacts, home, profile);
        contact.profiles.push((profile.people_id.clone(), profile.email.clone()));
        if overwrite && profile.email.is_some() {
            contact.email.clone_from(&profile.email);
        }
        profile.current = Some(home);
    }
    after
}

fn home_of<'a>(contacts: &'a mut Vec<Contact>, home: ContactId, profile: &Profile) -> &'a mut Contact {
    let position = contacts.iter().position(|contact| contact.contact_id == home).unwrap_or_else(|| {
        contacts.push(Contact {
            contact_id: home,
            email: profile.email.clone(),
            from_directory: false,
            profiles: Vec::new(),
            last_active_at: None,
            created_at: DateTime::from_timestamp(1_000, 0).unwrap(),
        });
        contacts.len() - 1
    });
    &mut contacts[position]
}

fn homes(assignments: Vec<Assignment>) -> BTreeMap<PeopleId, (Home, Reason)> {
    assignments.into_iter().map(|one| (one.people_id, (one.home, one.reason))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_order_of_batch_and_contacts_does_not_matter(
        (world, batch, contacts) in any_world().prop_flat_map(|world| {
            let (batch, contacts) = (world.batch.clone(), world.contacts.clone());
            (Just(world), Just(batch).prop_shuffle(), Just(contacts).prop_shuffle())
        })
    ) {
        prop_assert_eq!(homes(assign(&world.batch, &world.contacts)), homes(assign(&batch, &contacts)));
    }

    #[test]
    fn asking_again_after_it_was_applied_changes_nothing(world in any_world(), overwrite in any::<bool>()) {
        let after = applied(&world, &assign(&world.batch, &world.contacts), overwrite);
        for assignment in assign(&after.batch, &after.contacts) {
            prop_assert_eq!(assignment.reason, Reason::Kept, "{}", assignment.people_id);
        }
    }

    #[test]
    fn one_address_is_one_contact_and_no_contact_gets_two(world in any_world()) {
        let assignments = assign(&world.batch, &world.contacts);
        let mut home_of: BTreeMap<&EmailKey, Home> = BTreeMap::new();
        let mut email_of: BTreeMap<Home, &EmailKey> = BTreeMap::new();
        for (profile, assignment) in world.batch.iter().zip(&assignments) {
            if let Some(email) = &profile.email {
                prop_assert_eq!(*home_of.entry(email).or_insert(assignment.home), assignment.home);
                prop_assert_eq!(*email_of.entry(assignment.home).or_insert(email), email);
            }
        }
    }

    #[test]
    fn new_contacts_are_numbered_without_a_gap(world in any_world()) {
        let numbers: BTreeSet<usize> = assign(&world.batch, &world.contacts)
            .iter()
            .filter_map(|one| match one.home {
                Home::New(number) => Some(number),
                Home::Existing(_) => None,
            })
            .collect();
        prop_assert!(numbers.iter().copied().eq(0..numbers.len()));
    }

    #[test]
    fn a_profile_twice_in_a_batch_has_one_home(mut world in any_world(), other in prop::option::of(0..4_u8)) {
        if let Some(first) = world.batch.first().cloned() {
            world.batch.push(Profile { email: address(other), ..first });
            let assignments = assign(&world.batch, &world.contacts);
            prop_assert_eq!(assignments.first().map(|one| one.home), assignments.last().map(|one| one.home));
        }
    }
}
