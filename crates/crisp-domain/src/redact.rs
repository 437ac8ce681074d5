//! Taking cards, bank accounts and keys out of text before it is stored.
//!
//! A number is only taken for a card or an account if its check digits are right, and a word only for a key if it has
//! the shape that its issuer gives it: text that merely holds long numbers stays as it is. Redacting twice is
//! redacting once.

mod cards;
mod escapes;
mod ibans;
mod secrets;

use std::borrow::Cow;
use std::ops::{AddAssign, Range};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::body::Body;

/// How much was taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Redactions {
    /// Payment card numbers.
    pub cards: u32,
    /// International bank account numbers.
    pub ibans: u32,
    /// API keys, tokens and private keys.
    pub secrets: u32,
}

impl Redactions {
    /// Whether nothing was taken out.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Everything that was taken out.
    pub fn total(&self) -> u32 {
        self.cards.saturating_add(self.ibans).saturating_add(self.secrets)
    }
}

impl AddAssign for Redactions {
    fn add_assign(&mut self, other: Self) {
        self.cards = self.cards.saturating_add(other.cards);
        self.ibans = self.ibans.saturating_add(other.ibans);
        self.secrets = self.secrets.saturating_add(other.secrets);
    }
}

/// Takes payment cards, IBANs and keys out of a text; each leaves `[card removed]`, `[IBAN removed]` or
/// `[secret removed]` in its place. They may stand in an address or in JSON, where blanks and the signs before them are
/// escaped.
pub fn redact(text: &str) -> (Cow<'_, str>, Redactions) {
    let (text, secrets) = replace(Cow::Borrowed(text), secrets::find, "[secret removed]");
    let (text, ibans) = replace(text, ibans::find, "[IBAN removed]");
    let (text, cards) = replace(text, cards::find, "[card removed]");
    (text, Redactions { cards, ibans, secrets })
}

/// Redacts every string and number in JSON; names of fields stay.
pub fn redact_json(value: Value) -> (Value, Redactions) {
    let mut redactions = Redactions::default();
    let value = within(value, &mut redactions);
    (value, redactions)
}

/// Redacts a rendered message. Content repeats what the body says, so the larger of both counts is told.
pub(crate) fn redact_body(body: &mut Body) -> Redactions {
    let (text, in_text) = redact(&body.text);
    if let Cow::Owned(text) = text {
        body.text = text;
    }
    let mut in_content = Redactions::default();
    body.content = body.content.take().map(|content| within(content, &mut in_content));
    Redactions {
        cards: in_text.cards.max(in_content.cards),
        ibans: in_text.ibans.max(in_content.ibans),
        secrets: in_text.secrets.max(in_content.secrets),
    }
}

fn within(value: Value, redactions: &mut Redactions) -> Value {
    match value {
        Value::Null | Value::Bool(_) => value,
        Value::String(text) => Value::String(counted(&text, redactions).into_owned()),
        Value::Number(number) => match counted(&number.to_string(), redactions) {
            Cow::Borrowed(_) => Value::Number(number),
            Cow::Owned(text) => Value::String(text),
        },
        Value::Array(items) => items.into_iter().map(|item| within(item, redactions)).collect(),
        Value::Object(fields) => {
            let redacted = fields.into_iter().map(|(name, value)| (name, within(value, redactions)));
            Value::Object(redacted.collect::<Map<_, _>>())
        }
    }
}

fn counted<'a>(text: &'a str, redactions: &mut Redactions) -> Cow<'a, str> {
    let (text, found) = redact(text);
    *redactions += found;
    text
}

/// The most characters between two groups of digits: a double blank, a tab, the end of a line with its indent.
const LONGEST_GAP: usize = 4;

/// Whether so little stands between two groups of digits that they are one number: blanks of any kind, line breaks,
/// what nobody sees, and at most one hyphen, dash or dot.
fn joins(gap: &str) -> bool {
    let mark = |character: &char| matches!(character, '-' | '.' | '\u{2010}'..='\u{2013}' | '\u{2212}');
    let blank = |character: char| character.is_whitespace() || is_invisible(character);
    (1..=LONGEST_GAP).contains(&gap.chars().count())
        && gap.chars().all(|character| blank(character) || mark(&character))
        && gap.chars().filter(mark).count() <= 1
}

/// What comes along when one copies from a page: soft hyphens, and marks where a line may break or must not.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// Replaces what `find` finds in the text as it stands, and then what it finds where escapes are taken for blanks.
fn replace<'a>(text: Cow<'a, str>, find: fn(&str) -> Vec<Range<usize>>, mark: &str) -> (Cow<'a, str>, u32) {
    let found = find(&text);
    let (text, plain) = replace_at(text, &found, mark);
    let found = escapes::blanked(&text).map(|blanked| find(&blanked)).unwrap_or_default();
    let (text, escaped) = replace_at(text, &found, mark);
    (text, plain.saturating_add(escaped))
}

/// Replaces these ranges, which are in order and do not overlap.
fn replace_at<'a>(text: Cow<'a, str>, found: &[Range<usize>], mark: &str) -> (Cow<'a, str>, u32) {
    if found.is_empty() {
        return (text, 0);
    }
    let mut replaced = String::with_capacity(text.len());
    let mut end = 0;
    for range in found {
        replaced.push_str(text.get(end..range.start).unwrap_or_default());
        replaced.push_str(mark);
        end = range.end;
    }
    replaced.push_str(text.get(end..).unwrap_or_default());
    (Cow::Owned(replaced), u32::try_from(found.len()).unwrap_or(u32::MAX))
}
