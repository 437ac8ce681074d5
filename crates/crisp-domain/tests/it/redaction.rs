//! Cards, accounts and keys go; everything else stays.

use std::borrow::Cow;

use crisp_domain::redact::{Redactions, redact, redact_json};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;

use crate::{any_json, cases};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    text: String,
    /// What becomes of it; absent, it stays as it is.
    redacted: Option<String>,
    #[serde(default)]
    cards: u32,
    #[serde(default)]
    ibans: u32,
    #[serde(default)]
    secrets: u32,
}

#[test]
fn every_case_is_redacted_as_written() {
    for case in cases::<Case>("redactions") {
        let (redacted, counts) = redact(&case.text);
        assert_eq!(redacted, *case.redacted.as_ref().unwrap_or(&case.text), "{}", case.name);
        let expected = Redactions { cards: case.cards, ibans: case.ibans, secrets: case.secrets };
        assert_eq!(counts, expected, "{}", case.name);
    }
}

#[test]
fn json_is_redacted_in_strings_and_numbers() {
    let (redacted, counts) =
        redact_json(json!({"a": ["4111111111111111", 4_111_111_111_111_111_i64, 7, null]}));
    assert_eq!(redacted, json!({"a": ["[card removed]", "[card removed]", 7, null]}));
    assert_eq!((counts.cards, counts.total()), (2, 2));
}

#[test]
fn a_page_full_of_digits_is_read_in_no_time() {
    let digits = "4 ".repeat(500_000);
    assert_eq!(redact(&digits).0, digits);
    let accounts = "DE89 ".repeat(200_000);
    assert_eq!(redact(&accounts).0, accounts);
    let keys = "-----BEGIN PRIVATE KEY-----".repeat(40_000);
    assert_eq!(redact(&keys).0, "[secret removed]");
}

/// Whether the check digit of a number is right, as the standard explains it.
fn passes_luhn(number: &str) -> bool {
    let digits = number.chars().rev().filter_map(|digit| digit.to_digit(10)).enumerate();
    let sum: u32 = digits
        .map(|(place, digit)| if place % 2 == 1 { digit * 2 / 10 + digit * 2 % 10 } else { digit })
        .sum();
    sum.is_multiple_of(10)
}

proptest! {
    #[test]
    fn a_long_number_with_a_wrong_check_digit_stays(
        before in "[a-z ,.]{0,20}[ ,.]",
        number in "[0-9]{8,30}",
        after in "[ ,.][a-z ,.]{0,20}",
    ) {
        prop_assume!(!passes_luhn(&number));
        let text = format!("{before}{number}{after}");
        prop_assert_eq!(redact(&text), (Cow::Borrowed(text.as_str()), Redactions::default()));
    }

    #[test]
    fn a_card_of_any_issuer_goes_whatever_stands_around_it(
        start in "[2-6][0-9]{11,17}",
        before in "[a-z ,.]{0,20}[ ,.:]",
        after in "[ ,.][a-z ,.]{0,20}",
    ) {
        let check = (0..10).find(|check| passes_luhn(&format!("{start}{check}"))).unwrap();
        let text = format!("{before}{start}{check}{after}");
        let (redacted, counts) = redact(&text);
        prop_assert_eq!(redacted, format!("{before}[card removed]{after}"));
        prop_assert_eq!(counts.cards, 1);
    }

    #[test]
    fn redacting_twice_is_redacting_once(text in r"([A-Za-z0-9 -]{0,40}|sk_live_[0-9a-z]{12} |4111111111111111 |DE89370400440532013000 |\PC{0,5}){0,6}") {
        let (once, _) = redact(&text);
        prop_assert_eq!(redact(&once), (Cow::Borrowed(&*once), Redactions::default()));
    }

    #[test]
    fn any_text_and_any_json_is_answered(text in any::<String>(), value in any_json()) {
        let (redacted, counts) = redact(&text);
        prop_assert_eq!(counts.is_empty(), redacted == text);
        let _ = redact_json(value);
    }
}
