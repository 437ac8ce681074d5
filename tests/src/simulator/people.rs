//! Person number `n` of a website.

use serde_json::{Map, Value};

use super::directory::Identity;
use super::oddities;
use super::random::Draw;
use super::records::{Person, Sorted};
use super::shelf::Record;
use super::site::{Site, Subject, age};
use super::words::{JOB_TITLES, PLACES, PLANS, SEGMENTS};

/// The orders in which Crisp can list people, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PeopleOrder {
    Created,
    Updated,
    Active,
    Nickname,
}

impl Record for Person {
    type Order = PeopleOrder;

    fn count(site: &Site) -> u32 {
        site.options.people
    }

    fn original(site: &Site, slot: u32) -> Self {
        let mut person = plain(site, slot);
        if let Some(odd) = oddities::of_person(site, slot) {
            odd.bend(site, slot, &mut person);
        }
        person
    }

    fn key(&self, order: PeopleOrder) -> Option<i64> {
        Some(match order {
            PeopleOrder::Created => self.sorted.created,
            PeopleOrder::Updated => self.sorted.updated,
            PeopleOrder::Active => self.active_last.unwrap_or(0),
            PeopleOrder::Nickname => leading(self.nickname.as_deref().unwrap_or_default()),
        })
    }

    fn original_key(site: &Site, slot: u32, order: PeopleOrder) -> Option<i64> {
        let times = Times::of(site, slot);
        match order {
            PeopleOrder::Created => Some(times.created),
            PeopleOrder::Updated => Some(times.updated),
            PeopleOrder::Active => Some(times.active),
            PeopleOrder::Nickname => Self::original(site, slot).key(order),
        }
    }
}

struct Times {
    created: i64,
    active: i64,
    updated: i64,
}

impl Times {
    fn of(site: &Site, slot: u32) -> Self {
        let mut draw = site.draw(Subject::Person, [u64::from(slot), 1]);
        let created = site.now - 3_600_000 - age(slot, site.options.people, site.history_ms());
        // Half of them were here in the last fifth of their time.
        let since = site.now - created;
        let quiet = if draw.chance(0.5) { since / 5 } else { since };
        let active = site.now - draw.between(60_000, quiet.max(60_001));
        Self { created, active, updated: active + draw.between(0, 2_000) }
    }
}

fn plain(site: &Site, slot: u32) -> Person {
    let identity = site.identity(slot);
    let times = Times::of(site, slot);
    let mut draw = site.draw(Subject::Person, [u64::from(slot), 2]);
    let (country, region, city, timezone) = draw.pick(PLACES);
    let located = !draw.chance(0.19);
    Person {
        people_id: site.people_id(slot),
        phone: phone(&mut draw),
        timezone: draw.chance(0.9).then_some(timezone),
        locales: vec!["en".to_owned()],
        employer: draw.chance(0.03).then(|| employer(&identity)),
        job_title: draw.chance(0.35).then(|| draw.pick(JOB_TITLES).to_owned()),
        country: (!country.is_empty()).then(|| country.to_owned()),
        region: located.then(|| region.to_owned()),
        city: located.then(|| city.to_owned()),
        company_name: identity.company.as_ref().map(|company| company.name.clone()),
        company_domain: identity.company.as_ref().map(|company| company.domain.clone()),
        segments: segments(&mut draw),
        notepad: draw.chance(0.01).then(|| "Prefers to be called in the morning.".to_owned()),
        score: draw.chance(0.08).then(|| draw.between(3, 5)),
        active_now: false,
        active_last: Some(times.active),
        created_at: Some(times.created),
        updated_at: Some(times.updated),
        data: custom_data(&mut draw),
        nickname: Some(identity.name),
        email: Some(identity.email),
        readable: true,
        odd: None,
        sorted: Sorted { created: times.created, updated: times.updated },
    }
}

fn employer(identity: &Identity) -> String {
    identity.company.as_ref().map_or_else(|| "Self-employed".to_owned(), |company| company.name.clone())
}

fn phone(draw: &mut Draw) -> Option<String> {
    draw.chance(0.13).then(|| format!("+1 202 555 {:04}", draw.below(10_000)))
}

fn segments(draw: &mut Draw) -> Vec<String> {
    let mut segments: Vec<String> = (0..draw.below(3)).map(|_| draw.pick(SEGMENTS).to_owned()).collect();
    segments.sort();
    segments.dedup();
    segments
}

/// What a customer's own software tells Crisp about a person.
pub(crate) fn custom_data(draw: &mut Draw) -> Map<String, Value> {
    let facts = [
        ("plan", Value::from(draw.pick(PLANS))),
        ("seats", draw.between(1, 80).into()),
        ("trial", draw.chance(0.2).into()),
    ];
    let known = draw.chance(0.6);
    facts.into_iter().filter(|_| known).map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The first letters as a number, so that names sort like numbers.
fn leading(name: &str) -> i64 {
    let bytes = name.to_lowercase().bytes().chain([0; 7]).take(7).fold(0_i64, |n, b| n << 8 | i64::from(b));
    -bytes
}
