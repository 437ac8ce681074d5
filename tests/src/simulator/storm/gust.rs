//! One change of a storm: which, upon what, and with which words.

use serde_json::{Map, Value, json};

use super::{Operation, WEIGHTS};
use crate::simulator::change::{Change, NewConversation, NewMessage, NewPerson, NoSuch, PersonUpdate};
use crate::simulator::random::{Draw, small};
use crate::simulator::records::{Conversation, Person, Side, State};
use crate::simulator::truth::Truth;
use crate::simulator::words::{COMPANY_FIRST, FIRST_NAMES, JOB_TITLES, LAST_NAMES, SEGMENTS, ascii};

/// One change about to happen.
pub(super) struct Gust<'a> {
    pub(super) change: &'a Change,
    pub(super) truth: &'a Truth,
    pub(super) draw: Draw,
    pub(super) focus: u32,
}

impl Gust<'_> {
    pub(super) fn operation(&mut self, only: &[Operation]) -> Operation {
        if let Some(operation) = only.get(small(self.draw.below(u64::try_from(only.len()).unwrap_or(0)))) {
            return *operation;
        }
        let mut left = self.draw.below(WEIGHTS.iter().map(|(_, weight)| weight).sum());
        for (operation, weight) in WEIGHTS {
            if left < weight {
                return operation;
            }
            left -= weight;
        }
        Operation::SendMessage
    }

    pub(super) fn blow(&mut self, operation: Operation) -> Result<(), NoSuch> {
        match operation {
            Operation::StartConversation => self.start(),
            Operation::CreatePerson => {
                self.create();
                Ok(())
            }
            Operation::UpdatePerson => {
                let (person, update) = (self.person()?, self.update());
                self.change.update_person(&person.people_id, update)
            }
            Operation::TouchPerson => self.change.touch_person(&self.person()?.people_id),
            Operation::RemovePerson => self.change.remove_person(&self.person()?.people_id),
            Operation::SendMessage | Operation::EditMessage | Operation::RemoveMessage => {
                let row = self.conversation()?;
                self.message(operation, &row)
            }
            Operation::SetState
            | Operation::Assign
            | Operation::SetSubject
            | Operation::SetEmail
            | Operation::SetNickname
            | Operation::SetPhone
            | Operation::SetSegments
            | Operation::SetData
            | Operation::RemoveConversation
            | Operation::Bind
            | Operation::MergePeople
            | Operation::SyncProfile => {
                let row = self.conversation()?;
                self.meta(operation, &row)
            }
        }
    }

    fn start(&mut self) -> Result<(), NoSuch> {
        let person = self.person()?;
        let new = match self.draw.below(4) {
            0 => NewConversation::default(),
            1 => NewConversation { email: person.email, ..NewConversation::default() },
            _ => NewConversation { email: person.email, ..NewConversation::by_people_id(&person.people_id) },
        };
        let text = self.text();
        self.change.start_conversation(new, &text);
        Ok(())
    }

    fn create(&mut self) {
        let (name, email) = self.somebody();
        let new = NewPerson {
            job_title: Some(self.draw.pick(JOB_TITLES).to_owned()),
            ..NewPerson::named(&name, &email)
        };
        self.change.create_person(new);
    }

    fn message(&mut self, operation: Operation, row: &Conversation) -> Result<(), NoSuch> {
        let session = &row.session_id;
        if operation == Operation::SendMessage {
            let new = self.new_message();
            return self.change.send(session, new).map(drop);
        }
        let thread = self.truth.messages(session);
        let count = u64::try_from(thread.len()).unwrap_or(0);
        let message = thread.get(small(self.draw.below(count))).ok_or(NoSuch)?;
        // The last message stays: whether Crisp still lists an emptied conversation is not known.
        if operation == Operation::RemoveMessage && count > 1 {
            return self.change.remove(session, message.fingerprint);
        }
        if operation == Operation::EditMessage && message.content.is_string() {
            let text = format!("{} (edited)", self.text());
            return self.change.edit(session, message.fingerprint, text.into());
        }
        Err(NoSuch)
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "called for the operations on a conversation's own fields only"
    )]
    fn meta(&mut self, operation: Operation, row: &Conversation) -> Result<(), NoSuch> {
        let (change, session) = (self.change, row.session_id.as_str());
        match operation {
            Operation::SetState => change.set_state(
                session,
                self.draw.pick(&[State::Pending, State::Unresolved, State::Resolved, State::Resolved]),
            ),
            Operation::Assign => {
                let operator = self.operator();
                change.assign(session, operator.as_deref())
            }
            Operation::SetSubject => {
                change.set_subject(session, &format!("Subject {}", self.draw.below(1_000)))
            }
            Operation::SetEmail => {
                let email = self.email()?;
                change.set_email(session, &email)
            }
            Operation::SetNickname => change.set_nickname(session, &self.somebody().0),
            Operation::SetPhone => {
                change.set_phone(session, &format!("+1 202 555 {:04}", self.draw.below(10_000)))
            }
            Operation::SetSegments => change.set_segments(session, &[self.draw.pick(SEGMENTS)]),
            Operation::SetData => change.set_data(session, &data(self.draw.below(100))),
            Operation::Bind => change.bind(session, &self.person()?.people_id),
            Operation::MergePeople => {
                let (gone, stays) = (row.people_id.as_deref().ok_or(NoSuch)?, self.person()?.people_id);
                if gone == stays {
                    return Err(NoSuch);
                }
                change.bind(session, &stays)?;
                change.remove_person(gone)
            }
            Operation::SyncProfile => {
                let person = row.people_id.as_deref().ok_or(NoSuch)?;
                let update = self.update();
                change.sync_profile(person, session, PersonUpdate { email: None, ..update })
            }
            _ => change.remove_conversation(session),
        }
    }

    fn new_message(&mut self) -> NewMessage {
        let text = self.text();
        match self.draw.below(20) {
            0..2 => NewMessage::note(&text),
            2 => NewMessage::of_kind("event", Side::Operator, json!({"namespace": "state:resolved"})),
            3 => NewMessage::of_kind(
                "file",
                Side::User,
                json!({"name": "a.png", "type": "image/png", "url": "https://storage.crisp.example/a.png"}),
            ),
            4..11 => NewMessage { operator: self.draw.below(6), ..NewMessage::text(Side::Operator, &text) },
            _ => NewMessage::text(Side::User, &text),
        }
    }

    fn update(&mut self) -> PersonUpdate {
        let mut update = PersonUpdate::default();
        match self.draw.below(6) {
            0 => update.email = Some(self.somebody().1),
            1 => update.nickname = Some(self.somebody().0),
            2 => update.job_title = Some(self.draw.pick(JOB_TITLES).to_owned()),
            3 => update.company_name = Some(self.draw.pick(COMPANY_FIRST).to_owned()),
            4 => update.segments = Some(vec![self.draw.pick(SEGMENTS).to_owned()]),
            _ => update.country = Some(self.draw.pick(&["FR", "DE", "US", "IN"]).to_owned()),
        }
        update
    }

    fn text(&mut self) -> String {
        let number = self.draw.below(1_000_000);
        match self.draw.below(30) {
            0 => format!("Line one of {number}\nline two \"quoted\" / é € 🚀"),
            1 => format!("With a nul \0 in {number}"),
            _ => format!("Message number {number}, about the usual."),
        }
    }

    fn somebody(&mut self) -> (String, String) {
        let (first, last) = (self.draw.pick(FIRST_NAMES), self.draw.pick(LAST_NAMES));
        let email = format!("{}.{}@storm{}.example", ascii(first), ascii(last), self.draw.below(40));
        (format!("{first} {last}"), email)
    }

    /// Mostly an address that a profile has, sometimes one that nobody has, sometimes none.
    fn email(&mut self) -> Result<String, NoSuch> {
        match self.draw.below(8) {
            0 => Ok(String::new()),
            1..3 => Ok(self.somebody().1),
            _ => self.person()?.email.ok_or(NoSuch),
        }
    }

    fn operator(&mut self) -> Option<String> {
        let operators = self.truth.operators();
        operators.into_iter().nth(small(self.draw.below(8))).map(|operator| operator.user_id)
    }

    fn conversation(&mut self) -> Result<Conversation, NoSuch> {
        let slot = self.slot(self.truth.conversation_slots());
        self.truth.conversation_at(slot).filter(|row| row.messages > 0).ok_or(NoSuch)
    }

    fn person(&mut self) -> Result<Person, NoSuch> {
        let slot = self.slot(self.truth.person_slots());
        self.truth.person_at(slot).ok_or(NoSuch)
    }

    /// One of the newest originals, one of the latecomers, or now and then anyone.
    fn slot(&mut self, (originals, all): (u32, u32)) -> u32 {
        let focus = originals.min(self.focus);
        let late = all - originals;
        let drawn = match self.draw.below(10) {
            0 => self.draw.below(u64::from(all)),
            _ => self.draw.below(u64::from(focus + late)),
        };
        let drawn = u32::try_from(drawn).unwrap_or(0);
        if drawn < focus || late == 0 || drawn >= focus + late { drawn } else { originals + drawn - focus }
    }
}

fn data(seats: u64) -> Map<String, Value> {
    Map::from_iter([("seats".to_owned(), seats.into())])
}
