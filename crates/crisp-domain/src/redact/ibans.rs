//! International bank account numbers: a country's length, and a remainder of 1 modulo 97 (ISO 13616).

use std::ops::Range;

use super::joins;

/// Country codes and how long their accounts are (SWIFT IBAN registry, release 99).
#[rustfmt::skip]
const LENGTHS: &[(&str, usize)] = &[
    ("AD", 24), ("AE", 23), ("AL", 28), ("AT", 20), ("AZ", 28), ("BA", 20), ("BE", 16), ("BG", 22), ("BH", 22),
    ("BI", 27), ("BR", 29), ("BY", 28), ("CH", 21), ("CR", 22), ("CY", 28), ("CZ", 24), ("DE", 22), ("DJ", 27),
    ("DK", 18), ("DO", 28), ("EE", 20), ("EG", 29), ("ES", 24), ("FI", 18), ("FK", 18), ("FO", 18), ("FR", 27),
    ("GB", 22), ("GE", 22), ("GI", 23), ("GL", 18), ("GR", 27), ("GT", 28), ("HN", 28), ("HR", 21), ("HU", 28),
    ("IE", 22), ("IL", 23), ("IQ", 23), ("IS", 26), ("IT", 27), ("JO", 30), ("KW", 30), ("KZ", 20), ("LB", 28),
    ("LC", 32), ("LI", 21), ("LT", 20), ("LU", 20), ("LV", 21), ("LY", 25), ("MC", 27), ("MD", 24), ("ME", 22),
    ("MK", 19), ("MN", 20), ("MR", 27), ("MT", 31), ("MU", 30), ("NI", 28), ("NL", 18), ("NO", 15), ("OM", 23),
    ("PK", 24), ("PL", 28), ("PS", 29), ("PT", 25), ("QA", 29), ("RO", 24), ("RS", 22), ("RU", 33), ("SA", 24),
    ("SC", 31), ("SD", 18), ("SE", 24), ("SI", 19), ("SK", 24), ("SM", 27), ("SO", 23), ("ST", 25), ("SV", 28),
    ("TL", 23), ("TN", 24), ("TR", 26), ("UA", 29), ("VA", 22), ("VG", 24), ("XK", 20), ("YE", 30),
];

/// Where accounts stand in the text: in one go or in groups with a little between them, in any case.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut before = None;
    for (start, character) in text.char_indices() {
        let begins_word = !before.is_some_and(char::is_alphanumeric);
        let is_free = found.last().is_none_or(|last| last.end <= start);
        if begins_word && is_free && character.is_ascii_alphabetic() {
            found.extend(
                account_at(text.get(start..).unwrap_or_default()).map(|length| start..start + length),
            );
        }
        before = Some(character);
    }
    found
}

/// How many bytes of `text` from its start are an account, if it starts with one.
fn account_at(text: &str) -> Option<usize> {
    let country = text.get(..2)?.to_ascii_uppercase();
    let (_, length) = LENGTHS.iter().find(|(code, _)| *code == country)?;
    let (account, end) = take(text, *length)?;
    let has_check_digits = account.get(2..4)?.bytes().all(|byte| byte.is_ascii_digit());
    let ends_word = !text.get(end..)?.chars().next().is_some_and(char::is_alphanumeric);
    (has_check_digits && ends_word && remainder(&account)? == 1).then_some(end)
}

/// The first `count` letters and digits, and where they end; [little](joins) may stand between two.
fn take(text: &str, count: usize) -> Option<(String, usize)> {
    let mut account = String::with_capacity(count);
    let mut end = 0;
    for (at, character) in text.char_indices().filter(|(_, character)| character.is_alphanumeric()) {
        let gap = text.get(end..at).unwrap_or_default();
        if !character.is_ascii_alphanumeric() || !(gap.is_empty() || joins(gap)) {
            return None;
        }
        account.push(character.to_ascii_uppercase());
        end = at + 1;
        if account.len() == count {
            return Some((account, end));
        }
    }
    None
}

/// The account modulo 97, its first four characters moved to the end and letters counted from 10.
fn remainder(account: &str) -> Option<u32> {
    let (head, tail) = account.split_at_checked(4)?;
    tail.chars().chain(head.chars()).try_fold(0, |remainder, character| {
        let value = character.to_digit(36)?;
        let shift = if value < 10 { 10 } else { 100 };
        Some((remainder * shift + value) % 97)
    })
}
