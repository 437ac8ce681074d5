//! Conversation number `n` of a website; number 0 is the one with the newest message.

use super::messages;
use super::oddities;
use super::options::MessageCount;
use super::people::custom_data;
use super::random::Draw;
use super::records::{Conversation, Message, Preview, Side, Sorted, State};
use super::shelf::Record;
use super::site::{Site, Subject, age, state_at};
use super::threads::{self, Topic};

/// The orders in which Crisp can list conversations, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ConversationOrder {
    Updated,
    Created,
    Waiting,
    /// By update, with those that hold no message.
    UpdatedAll,
    /// By creation, with those that hold no message.
    CreatedAll,
}

impl ConversationOrder {
    fn with_empty(self) -> bool {
        matches!(self, Self::UpdatedAll | Self::CreatedAll)
    }
}

impl Record for Conversation {
    type Order = ConversationOrder;

    fn count(site: &Site) -> u32 {
        site.conversations()
    }

    fn original(site: &Site, slot: u32) -> Self {
        let plan = Plan::of(site, slot);
        let mut conversation = plan.conversation(site);
        if let Some(odd) = oddities::of_conversation(site, slot) {
            odd.bend(&mut conversation);
        }
        conversation
    }

    fn key(&self, order: ConversationOrder) -> Option<i64> {
        if self.messages == 0 && !order.with_empty() {
            return None;
        }
        match order {
            ConversationOrder::Updated | ConversationOrder::UpdatedAll => Some(self.sorted.updated),
            ConversationOrder::Created | ConversationOrder::CreatedAll => Some(self.sorted.created),
            ConversationOrder::Waiting => Some(self.waiting_since.unwrap_or(0)),
        }
    }

    fn original_key(site: &Site, slot: u32, order: ConversationOrder) -> Option<i64> {
        let empty = slot >= site.options.conversations;
        match order {
            _ if empty && !order.with_empty() => None,
            ConversationOrder::Updated | ConversationOrder::UpdatedAll => Some(updated_at(site, slot)),
            ConversationOrder::Created | ConversationOrder::CreatedAll => Some(Plan::of(site, slot).created),
            ConversationOrder::Waiting => Self::original(site, slot).key(order),
        }
    }
}

/// What follows from the slot alone; messages are drawn from it one by one.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) slot: u32,
    pub(crate) session_id: String,
    pub(crate) count: u32,
    /// Milliseconds between two messages.
    pub(crate) gap: i64,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) state: State,
    pub(crate) topic: Topic,
    pub(crate) who: Who,
    /// Number of the operator who answers.
    pub(crate) operator: u64,
    pub(crate) interludes: Interludes,
}

/// Where a thread leaves its script for a note, a file, an event …
#[derive(Debug, Clone, Copy)]
pub(crate) struct Interludes {
    every: u64,
    first: u64,
}

impl Interludes {
    /// How many of them come before this place.
    pub(crate) fn before(self, place: u32) -> u64 {
        (u64::from(place) + self.every).saturating_sub(self.first + 1) / self.every
    }

    /// Whether this place is one.
    pub(crate) fn is(self, place: u32) -> bool {
        self.before(place + 1) > self.before(place)
    }
}

/// Who writes, as far as the conversation knows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Who {
    pub(crate) people_id: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) nickname: String,
    pub(crate) first_name: String,
    pub(crate) company: String,
}

impl Plan {
    pub(crate) fn of(site: &Site, slot: u32) -> Self {
        let mut draw = site.draw(Subject::Conversation, [u64::from(slot), 1]);
        let updated = updated_at(site, slot);
        let count =
            if slot < site.options.conversations { count(site.options.messages, &mut draw) } else { 0 };
        let longest = (site.history_ms() / i64::from(count.max(1)) / 4).max(2_000);
        let gap = draw.between(20_000, 5_400_000).min(longest);
        let created = updated - gap * i64::from(count) - draw.between(1_000, 9_000);
        Self {
            slot,
            session_id: site.session_id(slot),
            count,
            gap,
            created,
            updated,
            state: state_at(site.now - updated, &mut draw),
            topic: threads::topic(draw.number()),
            who: who(site, &mut draw),
            operator: draw.number(),
            interludes: Interludes { every: 7 + draw.below(5), first: 2 + draw.below(6) },
        }
    }

    /// How far the script has come at this place.
    pub(crate) fn step(&self, place: u32) -> u64 {
        u64::from(place).saturating_sub(self.interludes.before(place))
    }

    fn conversation(&self, site: &Site) -> Conversation {
        let mut draw = site.draw(Subject::Conversation, [u64::from(self.slot), 2]);
        let newest = self.count.checked_sub(1).map(|place| messages::original(site, self, place));
        let asked = newest.as_ref().filter(|m| m.from == Some(Side::User) && self.state != State::Resolved);
        Conversation {
            session_id: self.session_id.clone(),
            people_id: self.who.people_id.clone(),
            state: self.state,
            email: self.who.email.clone(),
            nickname: Some(self.who.nickname.clone()),
            phone: None,
            subject: draw.chance(0.3).then(|| self.topic.subject(&mut draw)),
            origin: (!draw.chance(0.27)).then(|| origin(&mut draw)),
            assigned: draw.chance(0.51).then(|| site.operator_id(self.operator)),
            segments: vec![self.topic.segment()],
            data: custom_data(&mut draw),
            country: draw.chance(0.8).then(|| draw.pick(super::words::PLACES).0.to_owned()),
            active_last: draw.chance(0.99).then(|| self.updated + draw.between(0, 600_000)),
            created_at: Some(self.created),
            updated_at: Some(self.updated),
            waiting_since: asked.map(|message| message.placed_at),
            preview: newest.as_ref().map(preview),
            messages: self.count,
            readable: true,
            odd: None,
            sorted: Sorted { created: self.created, updated: self.updated },
        }
    }
}

/// The row's glimpse of its newest message.
pub(crate) fn preview(message: &Message) -> Preview {
    let content = &message.content;
    let text = content.as_str().or_else(|| content.get("text").or_else(|| content.get("name"))?.as_str());
    Preview {
        kind: message.kind.clone(),
        from: message.from.unwrap_or_default(),
        excerpt: text.unwrap_or_default().chars().take(200).collect(),
        fingerprint: message.fingerprint,
    }
}

/// Never smaller than that of the next slot; sometimes (an oddity) the same.
fn updated_at(site: &Site, slot: u32) -> i64 {
    let twin = site.draw(Subject::Conversation, [u64::from(slot), 3]).chance(site.options.oddities);
    let place = if twin { slot.saturating_sub(1) } else { slot };
    site.now - 90_000 - age(place, site.conversations(), site.history_ms())
}

fn count(messages: MessageCount, draw: &mut Draw) -> u32 {
    let drawn = match messages {
        MessageCount::Exactly(count) => i64::from(count),
        MessageCount::Between(low, high) => draw.between(i64::from(low), i64::from(high)),
        MessageCount::Typical => match draw.below(100) {
            0..70 => draw.between(2, 8),
            70..95 => draw.between(6, 20),
            95..99 => draw.between(20, 60),
            _ => draw.between(60, 160),
        },
    };
    u32::try_from(drawn).unwrap_or(0)
}

fn origin(draw: &mut Draw) -> String {
    draw.pick(&["chat", "chat", "chat", "email", "email", "urn:crisp.im:whatsapp:0"]).to_owned()
}

fn who(site: &Site, draw: &mut Draw) -> Who {
    let links = site.options.links;
    let share = draw.unit();
    let people = site.options.people;
    if people > 0 && share < links.people_id + links.email {
        let slot = u32::try_from(draw.below(u64::from(people))).unwrap_or(0);
        return acquaintance(site, slot, share < links.people_id, draw);
    }
    if share >= links.people_id + links.email && share < links.people_id + links.email + links.stranger {
        let (nickname, email) = Site::stranger(draw);
        let first_name = nickname.split(' ').next().unwrap_or_default().to_owned();
        return Who {
            email: Some(email),
            first_name,
            nickname,
            company: "our company".to_owned(),
            people_id: None,
        };
    }
    let nickname = format!("visitor{}", draw.between(100_000, 999_999));
    Who { nickname, first_name: "there".to_owned(), company: "our company".to_owned(), ..Who::default() }
}

fn acquaintance(site: &Site, slot: u32, by_id: bool, draw: &mut Draw) -> Who {
    let identity = site.identity(slot);
    let email = match draw.below(20) {
        0..2 if by_id => None,
        2..3 => Some(capitalised(&identity.email)),
        _ => Some(identity.email),
    };
    Who {
        people_id: by_id.then(|| site.people_id(slot)),
        email,
        nickname: identity.name,
        first_name: identity.first_name.to_owned(),
        company: identity.company.map_or_else(|| "my shop".to_owned(), |company| company.name),
    }
}

fn capitalised(email: &str) -> String {
    let mut letters = email.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
