//! Payment cards: 13 to 19 digits that an issuer may give out, whose Luhn check digit is right.

use std::ops::{Range, RangeInclusive};

use super::joins;

/// How many digits a card number has (ISO/IEC 7812).
const DIGITS: RangeInclusive<usize> = 13..=19;
/// What the numbers of banks and card schemes begin with; 1 is the airlines', and what counts seconds begins with it.
const FIRST_DIGITS: RangeInclusive<u8> = b'2'..=b'6';
/// The most groups that a card is written in.
const MAX_GROUPS: usize = 6;

/// Digits without anything between them, and where they stand.
struct Group<'a> {
    digits: &'a str,
    at: Range<usize>,
}

/// Where card numbers stand in the text: written in one go, or in groups with a little between them.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    runs(text).iter().flat_map(|run| cards_in(run)).collect()
}

/// Digit groups, joined to a run as long as [little](joins) stands between them. Digits that touch a letter or an
/// underscore belong to something else.
fn runs(text: &str) -> Vec<Vec<Group<'_>>> {
    let mut runs: Vec<Vec<Group<'_>>> = Vec::new();
    for group in groups(text) {
        let gap =
            runs.last().and_then(|run| run.last()).and_then(|last| text.get(last.at.end..group.at.start));
        match runs.last_mut() {
            Some(run) if gap.is_some_and(joins) => run.push(group),
            _ => runs.push(vec![group]),
        }
    }
    runs
}

fn groups(text: &str) -> Vec<Group<'_>> {
    let mut groups = Vec::new();
    let mut rest = 0;
    while let Some(start) = text.get(rest..).and_then(|tail| tail.find(is_word)).map(|offset| rest + offset) {
        let tail = text.get(start..).unwrap_or_default();
        let word = tail.split(|character| !is_word(character)).next().unwrap_or_default();
        rest = start + word.len();
        if word.bytes().all(|byte| byte.is_ascii_digit()) {
            groups.push(Group { digits: word, at: start..rest });
        }
    }
    groups
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// From left to right, the longest card that begins at each group.
fn cards_in(run: &[Group<'_>]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut rest = run;
    while let [first, others @ ..] = rest {
        let longest = rest.len().min(MAX_GROUPS);
        let card = (1..=longest)
            .rev()
            .filter_map(|length| rest.split_at_checked(length))
            .find(|(it, _)| is_card(it));
        rest = match card {
            Some((groups, after)) => {
                let end = groups.last().map_or(first.at.end, |last| last.at.end);
                found.push(first.at.start..end);
                after
            }
            None => others,
        };
    }
    found
}

fn is_card(groups: &[Group<'_>]) -> bool {
    let digits = || groups.iter().flat_map(|group| group.digits.bytes());
    let begins_like_one = digits().next().is_some_and(|first| FIRST_DIGITS.contains(&first));
    let count = groups.iter().map(|group| group.digits.len()).sum();
    is_grouped_like_a_card(groups) && begins_like_one && DIGITS.contains(&count) && luhn(digits().rev())
}

/// In one go, or four digits first and then four to six at a time, the last group being what is left.
fn is_grouped_like_a_card(groups: &[Group<'_>]) -> bool {
    match groups {
        [] => false,
        [_] => true,
        [first, middle @ .., last] => {
            first.digits.len() == 4
                && middle.iter().all(|group| (4..=6).contains(&group.digits.len()))
                && last.digits.len() <= 7
        }
    }
}

/// Whether the check digit is right: from the last digit on, every second one counts double, by its digit sum.
fn luhn(from_last: impl Iterator<Item = u8>) -> bool {
    let value = |(place, digit): (usize, u8)| match (place % 2, u32::from(digit - b'0')) {
        (0, value) => value,
        (_, value) if value > 4 => value * 2 - 9,
        (_, value) => value * 2,
    };
    from_last.enumerate().map(value).sum::<u32>().is_multiple_of(10)
}
