//! One website as a function: everything that was there at the start, drawn on demand.

use uuid::Uuid;

use super::options::{Options, WebsiteOptions};
use super::random::{Draw, id_of, mix, nth, slot_of};
use super::records::{Operator, State};
use super::words::{self, OPERATORS};

/// Which part of a website a draw is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Subject {
    Person,
    Conversation,
    Message,
    Oddity,
}

impl Subject {
    fn number(self) -> u64 {
        match self {
            Self::Person => 1,
            Self::Conversation => 2,
            Self::Message => 3,
            Self::Oddity => 4,
        }
    }
}

/// The unchanging part of a website: who it is, and the seed of its content.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) id: Uuid,
    pub(crate) options: WebsiteOptions,
    /// Crisp's clock at the start, milliseconds.
    pub(crate) now: i64,
    seed: u64,
    key: u64,
}

impl Site {
    pub(crate) fn new(options: &Options, website: &WebsiteOptions, number: u32, now: i64) -> Self {
        let id = options.website_id(number);
        let own = Draw::of(options.seed, &[u64::from(number)]).number();
        let key = mix(own ^ (id.as_u64_pair().0));
        Self { id, options: website.clone(), now, seed: website.seed.unwrap_or(own), key }
    }

    pub(crate) fn draw(&self, subject: Subject, parts: [u64; 2]) -> Draw {
        let [first, second] = parts;
        Draw::of(self.seed, &[subject.number(), first, second])
    }

    pub(crate) fn history_ms(&self) -> i64 {
        i64::from(self.options.history_days.max(1)) * 86_400_000
    }

    /// How many conversations the website starts with, empty ones included.
    pub(crate) fn conversations(&self) -> u32 {
        self.options.conversations.saturating_add(self.options.empty_conversations)
    }

    pub(crate) fn people_id(&self, slot: u32) -> String {
        id_of(self.key ^ 1, slot).to_string()
    }

    pub(crate) fn person_slot(&self, people_id: &str) -> Option<u32> {
        slot_of(self.key ^ 1, people_id.parse().ok()?)
    }

    pub(crate) fn session_id(&self, slot: u32) -> String {
        format!("session_{}", id_of(self.key ^ 2, slot))
    }

    pub(crate) fn session_slot(&self, session_id: &str) -> Option<u32> {
        slot_of(self.key ^ 2, session_id.strip_prefix("session_")?.parse().ok()?)
    }

    /// What Crisp hands to the installer's browser, and reports for the subscription.
    pub(crate) fn token(&self) -> String {
        let mut draw = Draw::of(self.key, &[3]);
        format!("{:016x}{:016x}{:016x}{:016x}", draw.number(), draw.number(), draw.number(), draw.number())
    }

    pub(crate) fn operators(&self) -> Vec<Operator> {
        (0..).zip(OPERATORS).map(|(slot, row)| self.operator(slot, *row)).collect()
    }

    /// Id of operator `n`, counted round and round.
    pub(crate) fn operator_id(&self, n: u64) -> String {
        let count = u64::try_from(OPERATORS.len()).unwrap_or(1);
        id_of(self.key ^ 4, u32::try_from(n % count).unwrap_or(0)).to_string()
    }

    /// The same with the first name.
    pub(crate) fn operator_named(&self, n: u64) -> (String, String) {
        (self.operator_id(n), nth(OPERATORS, n).0.to_owned())
    }

    fn operator(&self, slot: u32, (first, last, title): (&str, &str, &str)) -> Operator {
        Operator {
            user_id: id_of(self.key ^ 4, slot).to_string(),
            first_name: first.to_owned(),
            last_name: last.to_owned(),
            email: format!("{}@custify-demo.example", words::ascii(first)),
            title: title.to_owned(),
        }
    }
}

/// Age of row `n` of `count`: newer rows are denser, and no row is older than the one after it.
pub(crate) fn age(n: u32, count: u32, span: i64) -> i64 {
    let (n, count, span) = (i128::from(n), i128::from(count.max(1)), i128::from(span));
    let age = (span * 3 * n / count + span * 7 * n * n / (count * count)) / 10;
    i64::try_from(age).unwrap_or(i64::MAX)
}

/// A state, drawn so that older conversations are mostly done.
pub(crate) fn state_at(age_ms: i64, draw: &mut Draw) -> State {
    let fresh = age_ms < 5 * 86_400_000;
    match draw.below(100) {
        0..15 if fresh => State::Pending,
        15..55 if fresh => State::Unresolved,
        0..1 => State::Pending,
        1..4 => State::Unresolved,
        _ => State::Resolved,
    }
}
