//! Records as real life has them: fields missing, null, empty or of another type; text that databases refuse; records
//! that lose a field because no reader can hold it; and records that nobody can read.
//!
//! An oddity bends twice: first the truth (what a forgiving reader gets out of it), then the wire form in
//! [`super::wire`]. Whoever changes a record through the simulator's own interface heals it: Crisp has written it anew.

use super::random::Draw;
use super::records::{Conversation, Message, Person};
use super::site::{Site, Subject};

/// Stands for a lone surrogate, which no Rust string can hold; becomes `\ud83d` on the wire and U+FFFD in the truth.
pub(crate) const LONE: char = '\u{F8F0}';
/// A whole string of it stands for the number `1e999`.
pub(crate) const BEYOND: char = '\u{F8F1}';
const HUGE: usize = 20_000;

macro_rules! oddities {
    ($(#[$doc:meta])* $name:ident: $($kind:ident)* ; damaged: $($part:ident)* ; unreadable: $($bad:ident)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum $name { $($kind,)* $($part,)* $($bad,)* }

        impl $name {
            const READABLE: &[Self] = &[$(Self::$kind,)*];
            const LISTED: &[Self] = &[$(Self::$part,)* $(Self::$bad,)*];
            const UNREADABLE: &[Self] = &[$(Self::$bad,)*];

            pub(crate) fn readable(self) -> bool {
                !Self::UNREADABLE.contains(&self)
            }

            fn draw(site: &Site, mut draw: Draw) -> Option<Self> {
                let kinds = match draw.unit() {
                    share if share < site.options.unreadable => Self::LISTED,
                    share if share < site.options.unreadable + site.options.oddities => Self::READABLE,
                    _ => return None,
                };
                let count = u64::try_from(kinds.len()).unwrap_or(0);
                kinds.get(super::random::small(draw.below(count))).copied()
            }
        }
    };
}

oddities! {
    /// What is odd about a profile.
    PersonOddity:
        NoEmail EmptyEmail ShoutedEmail SharedEmail NicknameNull NicknameNumber NicknameHuge NicknameWithNul
        NicknameWithLoneSurrogate NoPerson PersonIsArray TimesAsText TimesAsFloats NoTimes UnknownFields EmptyTexts
        NullEverywhere ScoreAsText;
    damaged: NumberBeyond TooDeep;
    unreadable: NoId
}

oddities! {
    /// What is odd about a conversation.
    ConversationOddity:
        NoMeta MetaIsNull MetaIsArray StatusOnly TimesAsText TimesAsFloats UnknownFields SubjectHuge SubjectWithNul
        SubjectWithLoneSurrogate EmptyTexts NoAssigned AssignedIsText NoPreview PeopleIdEmpty NicknameNumber;
    damaged: NumberBeyond TooDeep;
    unreadable: NoId
}

oddities! {
    /// What is odd about a message.
    MessageOddity:
        NegativeFingerprint SameTimestamp TimestampAsText TimestampAsFloat NoTimestamp NoUser UserIsNull NoFrom
        UnknownKind ContentNumber ContentNull ContentEmpty ContentHuge ContentWithNul ContentWithLoneSurrogate
        UnknownFields FlagsAsText;
    damaged: NumberBeyond TooDeep;
    unreadable: NoFingerprint
}

pub(crate) fn of_person(site: &Site, slot: u32) -> Option<PersonOddity> {
    PersonOddity::draw(site, site.draw(Subject::Oddity, [1, u64::from(slot)]))
}

pub(crate) fn of_conversation(site: &Site, slot: u32) -> Option<ConversationOddity> {
    ConversationOddity::draw(site, site.draw(Subject::Oddity, [2, u64::from(slot)]))
}

pub(crate) fn of_message(site: &Site, slot: u32, place: u32) -> Option<MessageOddity> {
    MessageOddity::draw(site, site.draw(Subject::Oddity, [3 + u64::from(slot), u64::from(place)]))
}

impl PersonOddity {
    pub(crate) fn bend(self, site: &Site, slot: u32, person: &mut Person) {
        person.odd = Some(self);
        person.readable = self.readable();
        match self {
            Self::NoEmail | Self::EmptyEmail => person.email = None,
            Self::ShoutedEmail => person.email = person.email.as_deref().map(str::to_uppercase),
            Self::SharedEmail => person.email = Some(site.identity(slot.saturating_sub(1)).email),
            Self::NicknameNull => person.nickname = None,
            Self::NicknameNumber => person.nickname = Some("42".to_owned()),
            Self::NicknameHuge => {
                person.nickname = Some("Wolfeschlegelstein ".repeat(HUGE / 19).trim().to_owned());
            }
            Self::NicknameWithNul => {
                person.nickname = person.nickname.take().map(|name| format!("{name}\0!"));
            }
            Self::NicknameWithLoneSurrogate => {
                person.nickname = person.nickname.take().map(|name| format!("{name} {LONE}!"));
            }
            Self::NoPerson | Self::PersonIsArray | Self::NullEverywhere => strip(person),
            Self::NoTimes => (person.created_at, person.updated_at, person.active_last) = (None, None, None),
            Self::EmptyTexts => (person.phone, person.job_title, person.company_name) = (None, None, None),
            Self::ScoreAsText | Self::NumberBeyond => person.score = None,
            Self::TooDeep => (person.company_name, person.company_domain) = (None, None),
            Self::TimesAsText | Self::TimesAsFloats | Self::UnknownFields | Self::NoId => {}
        }
    }
}

fn strip(person: &mut Person) {
    (person.nickname, person.phone, person.timezone) = (None, None, None);
    (person.employer, person.job_title, person.country) = (None, None, None);
    (person.region, person.city) = (None, None);
    person.locales.clear();
    if person.odd == Some(PersonOddity::NullEverywhere) {
        (person.company_name, person.company_domain, person.notepad, person.score) = (None, None, None, None);
        person.segments.clear();
    }
}

impl ConversationOddity {
    pub(crate) fn bend(self, conversation: &mut Conversation) {
        conversation.odd = Some(self);
        conversation.readable = self.readable();
        let subject = conversation.subject.clone().unwrap_or_else(|| "Question".to_owned());
        match self {
            Self::NoMeta | Self::MetaIsNull | Self::MetaIsArray => strip_meta(conversation),
            Self::SubjectHuge => conversation.subject = Some("urgent ".repeat(HUGE / 7).trim().to_owned()),
            Self::SubjectWithNul => conversation.subject = Some(format!("{subject}\0.")),
            Self::SubjectWithLoneSurrogate => conversation.subject = Some(format!("{subject} {LONE}.")),
            Self::EmptyTexts => {
                (conversation.subject, conversation.origin, conversation.phone) = (None, None, None);
                conversation.nickname = None;
            }
            Self::NoAssigned | Self::AssignedIsText => conversation.assigned = None,
            Self::NoPreview => conversation.preview = None,
            Self::PeopleIdEmpty => conversation.people_id = None,
            Self::NicknameNumber => conversation.nickname = Some("7".to_owned()),
            Self::StatusOnly
            | Self::TimesAsText
            | Self::TimesAsFloats
            | Self::UnknownFields
            | Self::NoId
            | Self::NumberBeyond
            | Self::TooDeep => {}
        }
    }
}

fn strip_meta(conversation: &mut Conversation) {
    (conversation.email, conversation.nickname, conversation.phone) = (None, None, None);
    (conversation.subject, conversation.origin, conversation.country) = (None, None, None);
    conversation.segments.clear();
    conversation.data.clear();
}

impl MessageOddity {
    pub(crate) fn bend(self, place: u32, message: &mut Message) {
        message.odd = Some(self);
        message.readable = self.readable();
        let text = message.content.as_str().unwrap_or("Hello").to_owned();
        match self {
            Self::NegativeFingerprint => message.fingerprint = -i64::from(place) - 1,
            Self::NoTimestamp | Self::NumberBeyond => message.timestamp = None,
            Self::NoUser | Self::UserIsNull => (message.user_id, message.nickname) = (None, None),
            Self::NoFrom => message.from = None,
            Self::UnknownKind => {
                "hologram".clone_into(&mut message.kind);
                message.content = serde_json::json!({"shape": "cube", "frames": [1, 2, 3]});
            }
            Self::ContentNumber => say(message, serde_json::json!(42)),
            Self::ContentNull => say(message, serde_json::Value::Null),
            Self::ContentEmpty => say(message, "".into()),
            Self::ContentHuge => say(message, "It happened again. ".repeat(HUGE / 19).into()),
            Self::ContentWithNul => say(message, format!("{text}\0 and on").into()),
            Self::ContentWithLoneSurrogate => say(message, format!("{text} {LONE} and on").into()),
            Self::SameTimestamp
            | Self::TimestampAsText
            | Self::TimestampAsFloat
            | Self::UnknownFields
            | Self::FlagsAsText
            | Self::NoFingerprint
            | Self::TooDeep => {}
        }
    }
}

fn say(message: &mut Message, content: serde_json::Value) {
    "text".clone_into(&mut message.kind);
    message.content = content;
}

/// Text as the truth tells it.
pub(crate) fn mended(text: &str) -> String {
    text.replace(LONE, "\u{FFFD}")
}
