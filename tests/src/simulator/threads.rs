//! What people and support write to each other. A conversation takes one topic and reads its script from the top;
//! long ones go on to the next topic, as customers do.

mod scripts;

use super::conversations::Plan;
use super::random::{Draw, nth};
use super::records::{Side, State};
use super::words::OPERATORS;
use scripts::{CLOSINGS, SCRIPTS, Script};

/// What a conversation is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Topic(u64);

/// The topic that this number stands for.
pub(crate) fn topic(number: u64) -> Topic {
    Topic(number % 1_000_003)
}

impl Topic {
    fn script(self, further: u64) -> Script {
        nth(SCRIPTS, self.0 + further)
    }

    pub(crate) fn subject(self, draw: &mut Draw) -> String {
        draw.pick(self.script(0).subjects).to_owned()
    }

    pub(crate) fn segment(self) -> String {
        self.script(0).name.to_owned()
    }

    /// What operators tell each other at this place.
    pub(crate) fn note(self, place: u32, plan: &Plan, draw: &mut Draw) -> String {
        let (round, _) = self.locate(plan.step(place));
        filled(draw.pick(self.script(round).notes), plan)
    }

    /// Who says what at this place.
    pub(crate) fn line(self, place: u32, plan: &Plan) -> (Side, String) {
        if plan.count > 2 && place + 1 == plan.count && plan.state == State::Resolved {
            return (Side::User, filled(nth(CLOSINGS, self.0 / 7), plan));
        }
        let (round, step) = self.locate(plan.step(place));
        let script = self.script(round);
        let line = match step.checked_sub(1) {
            None => nth(script.openings, self.0 / 13),
            Some(step) => nth(script.lines, step),
        };
        let (side, text) = match line.split_once(' ') {
            Some(("O", text)) => (Side::Operator, text),
            Some((_, text)) => (Side::User, text),
            None => (Side::User, line),
        };
        let text = filled(text, plan);
        let again = round > 0 && step == 0;
        (side, if again { format!("Hi, it's me again. {}", without_greeting(&text)) } else { text })
    }

    /// Which script the conversation has come to, and how far into it.
    fn locate(self, place: u64) -> (u64, u64) {
        let (mut round, mut left) = (0, place);
        loop {
            let length = 1 + u64::try_from(self.script(round).lines.len()).unwrap_or(0);
            if left < length {
                return (round, left);
            }
            left -= length;
            round += 1;
        }
    }
}

fn without_greeting(text: &str) -> &str {
    const GREETINGS: [&str; 6] = ["Hi! ", "Hi, ", "Hello, ", "Hi there, ", "Good morning! ", "Hola, "];
    GREETINGS.iter().find_map(|greeting| text.strip_prefix(greeting)).unwrap_or(text)
}

fn filled(text: &str, plan: &Plan) -> String {
    if !text.contains('{') {
        return text.to_owned();
    }
    let number = 10_000 + u64::from(plan.slot) % 90_000;
    text.replace("{first}", &plan.who.first_name)
        .replace("{company}", &plan.who.company)
        .replace("{operator}", nth(OPERATORS, plan.operator).0)
        .replace("{number}", &number.to_string())
}
