//! One website while it runs: what has changed since the start, and what its lists show.

use std::collections::{HashMap, VecDeque};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::conversations::{ConversationOrder, Plan};
use super::messages;
use super::people::PeopleOrder;
use super::random::{mix, small};
use super::records::{Conversation, Message, Person};
use super::shelf::{Held, Listing, Record, Shelf};
use super::site::Site;

/// A website and everything in it.
#[derive(Debug)]
pub(crate) struct Website {
    pub(crate) site: Arc<Site>,
    /// Whether the plugin is installed.
    subscribed: AtomicBool,
    contents: Mutex<Contents>,
}

/// What may change; reached through [`Website::lock`].
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) subscription: Subscription,
    pub(crate) people: Shelf<Person>,
    pub(crate) conversations: Shelf<Conversation>,
    threads: HashMap<u32, Arc<Vec<Message>>>,
    listed_people: Listing<Person>,
    listed_conversations: Listing<Conversation>,
    unlisted: VecDeque<(i64, Change)>,
    emails: Option<HashMap<u64, u32>>,
}

/// The plugin's subscription of a website.
#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) since: i64,
    pub(crate) settings: Value,
}

#[derive(Debug)]
enum Change {
    Person(u32, Option<Arc<Person>>),
    Conversation(u32, Option<Arc<Conversation>>),
}

/// Which rows of a list are asked for.
pub(crate) struct Selection<'a, R: Record> {
    pub(crate) order: R::Order,
    pub(crate) ascending: bool,
    /// Bounds of the order's own key.
    pub(crate) keys: RangeInclusive<i64>,
    pub(crate) filter: Option<&'a dyn Fn(&R) -> bool>,
    /// From 1.
    pub(crate) page: u64,
    pub(crate) per_page: u64,
}

impl Website {
    pub(crate) fn new(site: Site) -> Self {
        let subscription =
            Subscription { since: site.now - 86_400_000, settings: site.options.settings.clone() };
        let contents = Contents {
            subscription,
            people: Shelf::new(&site),
            conversations: Shelf::new(&site),
            threads: HashMap::new(),
            listed_people: Listing::new(&site),
            listed_conversations: Listing::new(&site),
            unlisted: VecDeque::new(),
            emails: None,
        };
        let subscribed = AtomicBool::new(site.options.installed);
        Self { site: Arc::new(site), subscribed, contents: Mutex::new(contents) }
    }

    pub(crate) fn is_subscribed(&self) -> bool {
        self.subscribed.load(Ordering::Relaxed)
    }

    /// Installs or uninstalls; answers whether that changed anything.
    pub(crate) fn subscribe(&self, subscribed: bool) -> bool {
        self.subscribed.swap(subscribed, Ordering::Relaxed) != subscribed
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn person(&self, people_id: &str) -> Option<Arc<Person>> {
        let slot = self.site.person_slot(people_id)?;
        let held = self.lock().people.held(slot);
        Some(held?.get(&self.site))
    }

    pub(crate) fn person_by_email(&self, email: &str) -> Option<Arc<Person>> {
        let email = email.to_lowercase();
        let slot = self.lock().slot_of_email(&self.site, &email)?;
        let held = self.lock().people.held(slot);
        Some(held?.get(&self.site))
    }

    pub(crate) fn conversation(&self, session_id: &str) -> Option<Arc<Conversation>> {
        let slot = self.site.session_slot(session_id)?;
        let held = self.lock().conversations.held(slot);
        Some(held?.get(&self.site))
    }

    /// Messages of a conversation that exists, oldest first.
    pub(crate) fn thread(&self, session_id: &str) -> Option<Arc<Vec<Message>>> {
        let slot = self.site.session_slot(session_id)?;
        let contents = self.lock();
        contents.conversations.held(slot)?;
        if let Some(thread) = contents.threads.get(&slot) {
            return Some(Arc::clone(thread));
        }
        drop(contents);
        Some(Arc::new(messages::thread(&self.site, &Plan::of(&self.site, slot))))
    }

    pub(crate) fn list_people(&self, now: i64, asked: &Selection<'_, Person>) -> (Vec<Arc<Person>>, bool) {
        let mut contents = self.lock();
        contents.catch_up(&self.site, now);
        let held = select(&mut contents.listed_people, &self.site, asked);
        drop(contents);
        page(held, &self.site, asked)
    }

    pub(crate) fn list_conversations(
        &self,
        now: i64,
        asked: &Selection<'_, Conversation>,
    ) -> (Vec<Arc<Conversation>>, bool) {
        let mut contents = self.lock();
        contents.catch_up(&self.site, now);
        let held = select(&mut contents.listed_conversations, &self.site, asked);
        drop(contents);
        page(held, &self.site, asked)
    }

    /// Lengths of the two lists when nothing is filtered.
    pub(crate) fn list_lengths(&self, now: i64) -> (u64, u64) {
        let mut contents = self.lock();
        contents.catch_up(&self.site, now);
        let people = contents.listed_people.rows(&self.site, PeopleOrder::Created).len();
        let conversations = contents.listed_conversations.rows(&self.site, ConversationOrder::Updated).len();
        (u64::try_from(people).unwrap_or(0), u64::try_from(conversations).unwrap_or(0))
    }
}

impl Contents {
    pub(crate) fn put_person(&mut self, slot: u32, person: Option<Person>, now: i64) {
        let person = person.map(Arc::new);
        self.people.put(slot, person.clone());
        self.unlisted.push_back((now, Change::Person(slot, person)));
    }

    pub(crate) fn put_conversation(&mut self, slot: u32, conversation: Option<Conversation>, now: i64) {
        let conversation = conversation.map(Arc::new);
        self.conversations.put(slot, conversation.clone());
        self.unlisted.push_back((now, Change::Conversation(slot, conversation)));
    }

    pub(crate) fn put_thread(&mut self, slot: u32, thread: Vec<Message>) {
        self.threads.insert(slot, Arc::new(thread));
    }

    pub(crate) fn thread(&self, site: &Site, slot: u32) -> Vec<Message> {
        match self.threads.get(&slot) {
            Some(thread) => thread.to_vec(),
            None => messages::thread(site, &Plan::of(site, slot)),
        }
    }

    /// Shows in the lists what was true at `until`.
    fn catch_up(&mut self, site: &Site, until: i64) {
        while self.unlisted.front().is_some_and(|(at, _)| *at <= until) {
            match self.unlisted.pop_front() {
                Some((_, Change::Person(slot, person))) => self.listed_people.show(site, slot, person),
                Some((_, Change::Conversation(slot, row))) => self.listed_conversations.show(site, slot, row),
                None => {}
            }
        }
    }

    fn slot_of_email(&mut self, site: &Site, email: &str) -> Option<u32> {
        let of = |person: &Person| person.email.as_deref().map(str::to_lowercase);
        let changed = self.people.changed().find(|(_, person)| of(person).as_deref() == Some(email));
        if let Some((slot, _)) = changed {
            return Some(slot);
        }
        let emails = self.emails.get_or_insert_with(|| index(site));
        let slot = *emails.get(&hash(email))?;
        // Changed ones were looked at above: what is left has to be an original.
        let original = matches!(self.people.held(slot), Some(Held::Original(_)));
        original.then_some(slot)
    }
}

fn select<R: Record>(listing: &mut Listing<R>, site: &Site, asked: &Selection<'_, R>) -> Vec<Held<R>> {
    let rows = listing.rows(site, asked.order);
    let first = rows.partition_point(|(key, _)| key > asked.keys.end());
    let end = rows.partition_point(|(key, _)| key >= asked.keys.start());
    let rows = rows.get(first..end).unwrap_or_default().iter().map(|(_, slot)| *slot);
    let ordered: Box<dyn Iterator<Item = u32>> =
        if asked.ascending { Box::new(rows.rev()) } else { Box::new(rows) };
    // Without a filter only the page itself is looked at, and the one row that tells whether there is more.
    let slots: Vec<u32> = match asked.filter {
        Some(_) => ordered.collect(),
        None => ordered.skip(small(skipped(asked))).take(small(asked.per_page + 1)).collect(),
    };
    slots.into_iter().filter_map(|slot| listing.held(slot)).collect()
}

fn page<R: Record>(held: Vec<Held<R>>, site: &Site, asked: &Selection<'_, R>) -> (Vec<Arc<R>>, bool) {
    let records = held.into_iter().map(|held| held.get(site));
    let wanted = small(asked.per_page + 1);
    let mut rows: Vec<Arc<R>> = match asked.filter {
        Some(filter) => {
            records.filter(|record| filter(record)).skip(small(skipped(asked))).take(wanted).collect()
        }
        None => records.collect(),
    };
    let more = rows.len() == wanted;
    rows.truncate(wanted - 1);
    (rows, more)
}

fn skipped<R: Record>(asked: &Selection<'_, R>) -> u64 {
    asked.page.saturating_sub(1).saturating_mul(asked.per_page)
}

fn index(site: &Site) -> HashMap<u64, u32> {
    let email = |slot| Person::original(site, slot).email;
    // Newest last: of two profiles with one address the older one answers.
    (0..site.options.people).filter_map(|slot| Some((hash(&email(slot)?.to_lowercase()), slot))).collect()
}

fn hash(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |state, byte| mix(state ^ u64::from(byte)))
}
