//! Messages of a conversation: what was said, by whom, and the system's own lines.

use std::collections::HashSet;
use std::fmt;

use serde_json::Value;

use crate::fields::{at, flag, id, integer, milliseconds, text, word};
use crate::ids::{Fingerprint, SessionId};
use crate::page::{Page, Record, Shape, Unreadable, Wire};

/// One message.
#[derive(Clone, PartialEq)]
pub struct Message {
    /// The conversation, where the record says it.
    pub session_id: Option<SessionId>,
    /// The message's id within its conversation.
    pub fingerprint: Fingerprint,
    /// Crisp's `type`: `text`, `file`, `note`, …; empty where Crisp sent none.
    pub kind: String,
    /// Which side wrote it.
    pub from: Option<From>,
    /// Where it came from: `chat`, `email`, `urn:…`.
    pub origin: Option<String>,
    /// The content, whose shape depends on `kind`; null where there is none.
    pub content: Value,
    /// When it was sent, in ms.
    pub timestamp_ms: Option<i64>,
    /// Who wrote it: an operator id, or the session id for visitors. Bots may have none.
    pub user_id: Option<String>,
    /// The writer's name.
    pub nickname: Option<String>,
    /// Whether it was edited after it was sent.
    pub edited: bool,
    /// Whether a machine wrote it.
    pub automated: bool,
    /// The whole message as Crisp sent it.
    pub raw: Value,
}

/// Which side wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum From {
    /// The visitor or customer.
    User,
    /// The website's team.
    Operator,
}

impl Wire for Message {
    const IDENTITY: &'static str = "fingerprint";
    const FIELDS: &'static [(&'static str, Shape)] = &[
        ("type", Shape::Text),
        ("from", Shape::Text),
        ("timestamp", Shape::Time),
        ("user", Shape::Object),
        ("user.nickname", Shape::Text),
    ];

    fn read(raw: Value) -> Record<Self> {
        Ok(Self {
            session_id: id(&raw, "session_id"),
            fingerprint: integer(&raw, Self::IDENTITY)
                .map(Fingerprint::new)
                .ok_or_else(Unreadable::identity_missing::<Self>)?,
            kind: word(&raw, "type").unwrap_or_default().to_owned(),
            from: from(&raw),
            origin: text(&raw, "origin"),
            content: at(&raw, "content").cloned().unwrap_or_default(),
            timestamp_ms: milliseconds(&raw, "timestamp"),
            user_id: text(&raw, "user.user_id"),
            nickname: text(&raw, "user.nickname"),
            edited: flag(&raw, "edited").unwrap_or(false),
            automated: flag(&raw, "automated").unwrap_or(false),
            raw,
        })
    }
}

fn from(raw: &Value) -> Option<From> {
    let word = word(raw, "from")?.trim();
    let is = |side: &str| word.eq_ignore_ascii_case(side);
    if is("user") {
        Some(From::User)
    } else if is("operator") {
        Some(From::Operator)
    } else {
        None
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("session_id", &self.session_id)
            .field("fingerprint", &self.fingerprint)
            .field("kind", &self.kind)
            .field("from", &self.from)
            .field("timestamp_ms", &self.timestamp_ms)
            .finish_non_exhaustive()
    }
}

/// Which batch of a conversation's messages is wanted. Crisp fixes the size of a batch (about 40) and its order, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selector {
    /// The newest batch.
    Latest,
    /// The batch before this time, in ms.
    Before(i64),
    /// The batch after this time, in ms.
    After(i64),
}

/// Where a walk through a conversation goes after a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Onward {
    /// There is more: ask for this batch.
    Next(Selector),
    /// Everything has been read.
    Whole,
    /// Crisp says that there is more, but gives nothing of it: older messages cannot be reached.
    Stuck,
}

/// Walks a conversation from its newest messages to its oldest: a batch in, the next selector out.
///
/// Crisp's bound is believed to be exclusive, and several messages may share a millisecond. So each step asks for the
/// oldest time seen *plus one*; where that brings nothing unseen, for that time itself, then for the one before, in case
/// the bound is inclusive; and then it is stuck. A batch without any time is placed by its fingerprints. Every step that
/// is not one of these two brings something unseen, so a walk always ends.
///
/// Where a whole batch shares one millisecond there may be more of it than a batch holds: it is asked for once from the
/// other side. What still may lie between the two batches is said at the end of the walk: it is stuck, too.
#[derive(Debug, Clone, Default)]
pub struct Backwards {
    seen: HashSet<Fingerprint>,
    oldest_ms: Option<i64>,
    steps_back: u8,
    /// Whether the batch to come is that of one crowded millisecond, from its other side.
    from_below: bool,
    /// Whether a crowded millisecond may hold more than was read of it.
    gap: bool,
}

/// How often the bound moves back by a millisecond where nothing unseen comes.
const MOST_STEPS_BACK: u8 = 2;
/// Messages of one millisecond, and nothing else in their batch, from which on there may be more of it than a batch holds.
const CROWD: usize = 5;

impl Backwards {
    /// Goes on with a walk that has come as far back as this time (ms).
    pub fn resumed(oldest_ms: i64) -> (Self, Selector) {
        let walk = Self { oldest_ms: Some(oldest_ms), ..Self::default() };
        (walk, Selector::Before(oldest_ms.saturating_add(1)))
    }

    /// Where to go on after this batch.
    pub fn next(&mut self, batch: &Page<Message>) -> Onward {
        let fingerprints: Vec<Fingerprint> = batch.records.iter().filter_map(fingerprint).collect();
        let known = fingerprints.iter().filter(|fingerprint| self.seen.contains(fingerprint)).count();
        let brings_news = known < fingerprints.len();
        self.seen.extend(&fingerprints);
        if std::mem::take(&mut self.from_below) {
            // Where both sides overlap, or this one brings nothing, nothing lies between them.
            self.gap |= brings_news && known == 0;
            return self.onward();
        }
        if !batch.more || batch.records.is_empty() {
            return if self.gap { Onward::Stuck } else { Onward::Whole };
        }
        let times = || batch.records.iter().flatten().filter_map(|message| message.timestamp_ms);
        let placed = || fingerprints.iter().filter_map(|fingerprint| fingerprint.time_ms()).min();
        self.oldest_ms = times().min().or_else(placed).into_iter().chain(self.oldest_ms).min();
        self.steps_back = if brings_news { 0 } else { self.steps_back + 1 };
        let oldest = self.oldest_ms.filter(|oldest| times().all(|time| time == *oldest));
        match oldest {
            Some(crowded) if self.steps_back == 1 && batch.records.len() >= CROWD => {
                self.from_below = true;
                Onward::Next(Selector::After(crowded.saturating_sub(1)))
            }
            _ => self.onward(),
        }
    }

    fn onward(&self) -> Onward {
        match self.oldest_ms {
            Some(oldest) if self.steps_back <= MOST_STEPS_BACK => {
                Onward::Next(Selector::Before(oldest.saturating_add(1 - i64::from(self.steps_back))))
            }
            Some(_) | None => Onward::Stuck,
        }
    }

    /// Which messages of a batch this walk has met already: those of the millisecond at which two batches overlap.
    pub fn known(&self, batch: &Page<Message>) -> HashSet<Fingerprint> {
        let all = batch.records.iter().filter_map(fingerprint);
        all.filter(|fingerprint| self.seen.contains(fingerprint)).collect()
    }

    /// How far back the walk has come (ms).
    pub fn oldest_ms(&self) -> Option<i64> {
        self.oldest_ms
    }
}

/// A record's fingerprint, also where nothing else of it could be read.
pub fn fingerprint(record: &Record<Message>) -> Option<Fingerprint> {
    match record {
        Ok(message) => Some(message.fingerprint),
        Err(odd) => odd.identity.as_deref()?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A time of day, far enough from 1970 to be believed.
    const NOON: i64 = 1_767_225_600_000;

    fn batch(messages: &[(i64, i64)]) -> Page<Message> {
        let read = |&(fingerprint, time): &(i64, i64)| {
            Message::read(json!({"fingerprint": fingerprint, "timestamp": NOON + time}))
        };
        Page {
            records: messages.iter().map(read).collect(),
            damaged: Vec::new(),
            mistyped: Vec::new(),
            more: true,
        }
    }

    fn before(time: i64) -> Onward {
        Onward::Next(Selector::Before(NOON + time))
    }

    #[test]
    fn the_documented_message_is_read() {
        let raw = json!({"session_id":"S","type":"file","from":"user","origin":"chat","edited":false,
            "content":{"name":"quote.pdf"},"fingerprint":176_722_560_418_342_i64,"timestamp":1_767_225_604_987_i64,
            "user":{"user_id":"S","nickname":"Ana Example"}});
        let read = Message::read(raw).unwrap();
        assert_eq!((read.kind.as_str(), read.from), ("file", Some(From::User)));
        assert_eq!(read.content, json!({"name":"quote.pdf"}));
        assert_eq!(read.user_id.as_deref(), Some("S"));
        assert!(!read.edited && !read.automated);
    }

    #[test]
    fn only_the_fingerprint_is_needed() {
        let odd = json!({"fingerprint":"12","type":7,"from":"bot","content":null,"timestamp":[],"user":"x","edited":"perhaps"});
        let read = Message::read(odd).unwrap();
        assert_eq!(
            (read.fingerprint.get(), read.kind.as_str(), read.from, read.timestamp_ms),
            (12, "", None, None)
        );
        assert_eq!(Message::read(json!({"fingerprint":1.5})).unwrap_err().path, "fingerprint");
    }

    #[test]
    fn debug_shows_no_text_and_no_name() {
        let raw = json!({"fingerprint":1,"content":"my secret","user":{"nickname":"Ana"}});
        let shown = format!("{:?}", Message::read(raw).unwrap());
        assert!(!shown.contains("secret") && !shown.contains("Ana"), "{shown}");
    }

    #[test]
    fn sides_are_known_in_any_case() {
        for (word, side) in [("User", Some(From::User)), (" OPERATOR ", Some(From::Operator)), ("bot", None)]
        {
            assert_eq!(Message::read(json!({"fingerprint": 1, "from": word})).unwrap().from, side, "{word}");
        }
    }

    #[test]
    fn walking_backwards_ends_with_status_200() {
        let mut walk = Backwards::default();
        assert_eq!(walk.next(&batch(&[(3, 30), (4, 40)])), before(31));
        assert_eq!(walk.next(&batch(&[(2, 20), (3, 30)])), before(21));
        assert_eq!(walk.next(&Page { more: false, ..batch(&[(1, 10), (2, 20)]) }), Onward::Whole);
    }

    fn after(time: i64) -> Onward {
        Onward::Next(Selector::After(NOON + time))
    }

    #[test]
    fn a_bound_that_brings_nothing_new_moves_back_twice_and_then_the_walk_is_stuck() {
        let mut walk = Backwards::default();
        let instants = batch(&[(3, 30), (4, 31)]);
        assert_eq!(walk.next(&instants), before(31));
        assert_eq!(walk.next(&instants), before(30));
        assert_eq!(walk.next(&instants), before(29));
        assert_eq!(walk.next(&instants), Onward::Stuck);
    }

    #[test]
    fn an_inclusive_bound_is_got_past() {
        let mut walk = Backwards::default();
        let instants = batch(&[(3, 30), (4, 31)]);
        for expected in [before(31), before(30), before(29)] {
            assert_eq!(walk.next(&instants), expected);
        }
        assert_eq!(
            walk.next(&batch(&[(1, 10), (2, 20)])),
            before(11),
            "what is new again asks for its own time again"
        );
    }

    #[test]
    fn a_crowded_millisecond_is_read_from_both_sides() {
        let of = |fingerprints: std::ops::Range<i64>| {
            batch(&fingerprints.map(|one| (one, 30)).collect::<Vec<_>>())
        };
        let crowd = of(10..15);
        for (from_below, ends) in
            [(of(6..11), Onward::Whole), (crowd.clone(), Onward::Whole), (of(5..10), Onward::Stuck)]
        {
            let mut walk = Backwards::default();
            assert_eq!(walk.next(&crowd), before(31));
            assert_eq!(walk.next(&crowd), after(29));
            assert_eq!(walk.next(&from_below), before(30));
            assert_eq!(walk.next(&Page { more: false, ..batch(&[(0, 10)]) }), ends);
        }
    }

    #[test]
    fn a_batch_without_any_time_is_placed_by_its_fingerprints() {
        let untimed = |fingerprint: i64| Page {
            records: vec![Message::read(json!({"fingerprint": fingerprint}))],
            ..batch(&[])
        };
        let mut walk = Backwards::default();
        assert_eq!(walk.next(&untimed(176_722_560_418_342)), before(4_001));
        assert_eq!(Backwards::default().next(&untimed(12)), Onward::Stuck);
    }

    #[test]
    fn a_time_that_nobody_can_mean_does_not_move_the_bound() {
        let records = [json!(0), json!(1), json!("soon"), json!(NOON + 5)]
            .into_iter()
            .enumerate()
            .map(|(fingerprint, time)| Message::read(json!({"fingerprint": fingerprint, "timestamp": time})))
            .collect();
        assert_eq!(Backwards::default().next(&Page { records, ..batch(&[]) }), before(6));
    }
}
