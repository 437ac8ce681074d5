//! Email addresses in the one form in which they are compared.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// The longest address that is looked at, in bytes: more than RFC 5321 allows, room for a domain in its own script.
const MAX_BYTES: usize = 1_024;
/// The longest part before the `@`, in bytes: RFC 5321 allows 64, real ones are longer.
const MAX_LOCAL_BYTES: usize = 256;
/// The longest domain, in bytes.
const MAX_DOMAIN_BYTES: usize = 255;
/// What people paste around an address: blanks of all kinds, and the invisible characters that come with them.
const INVISIBLE: [char; 4] = ['\u{200b}', '\u{200e}', '\u{2060}', '\u{feff}'];

/// An email address in its normal form: two addresses are the same person's exactly if their keys are equal.
///
/// Surrounding blanks go, letters become lower-case and composed (NFC), and the domain takes its ASCII form (IDNA),
/// so `" Ana@BÜCHER.example"` equals `ana@xn--bcher-kva.example`. Dots and `+tags` before the `@` are kept: whether
/// they matter is the mail server's business. The address as it came is kept beside the key by whoever needs it.
///
/// `Debug` shows no address, and there is no `Display`: an address must never get into a log by accident.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailKey(String);

/// The text is no email address. It does not say which text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an email address")]
pub struct NotAnEmail;

impl EmailKey {
    /// The normal form of an address; `None` if the text is none.
    pub fn parse(text: &str) -> Option<Self> {
        let text = trimmed(text);
        if text.len() > MAX_BYTES {
            return None;
        }
        let (local, domain) = text.rsplit_once('@')?;
        let (local, domain) = (lowercase(local), normal_domain(domain));
        (is_local(&local) && is_domain(&domain)).then(|| Self(format!("{local}@{domain}")))
    }

    /// The normal form. Personal: not for logs.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An address as it is shown and stored: as it came, without what surrounds it.
pub fn trimmed(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_whitespace() || INVISIBLE.contains(&character))
}

/// Lower-case and composed. Twice, because either step can undo the other for a few characters.
fn lowercase(text: &str) -> String {
    let once: String = text.nfc().flat_map(char::to_lowercase).nfc().collect();
    once.chars().flat_map(char::to_lowercase).nfc().collect()
}

/// The ASCII form, where IDNA has one; else lower-case and composed: what mail servers accept is more than the rules allow.
fn normal_domain(domain: &str) -> String {
    let ascii = |domain: &str| idna::domain_to_ascii(domain.trim_end_matches('.')).ok();
    let lowered = lowercase(domain);
    let normal = ascii(domain).or_else(|| ascii(&lowered)).unwrap_or(lowered);
    normal.trim_end_matches('.').to_owned()
}

/// Anything that cannot be mistaken for a list or for markup: `a..b` and `taro.` are no addresses by the book, and exist.
fn is_local(local: &str) -> bool {
    let odd = |character: char| {
        character.is_whitespace()
            || character.is_control()
            || INVISIBLE.contains(&character)
            || matches!(character, '@' | '<' | '>')
    };
    (1..=MAX_LOCAL_BYTES).contains(&local.len()) && !local.contains(odd)
}

/// Names joined by dots, none of them empty.
fn is_domain(domain: &str) -> bool {
    let plain =
        |character: char| character.is_alphanumeric() || matches!(character, '-' | '_') || is_mark(character);
    domain.len() <= MAX_DOMAIN_BYTES
        && domain.split('.').all(|label| !label.is_empty() && label.chars().all(plain))
}

/// Marks that belong to the letter before them, which names in many scripts cannot do without.
fn is_mark(character: char) -> bool {
    unicode_normalization::char::is_combining_mark(character)
}

impl fmt::Debug for EmailKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailKey(…)")
    }
}

impl FromStr for EmailKey {
    type Err = NotAnEmail;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text).ok_or(NotAnEmail)
    }
}

impl TryFrom<String> for EmailKey {
    type Error = NotAnEmail;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<EmailKey> for String {
    fn from(key: EmailKey) -> Self {
        key.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> Option<String> {
        EmailKey::parse(text).map(String::from)
    }

    #[test]
    fn case_and_surrounding_blanks_do_not_matter() {
        for form in
            ["ana@northwind.example", " Ana@Northwind.EXAMPLE\n", "\u{feff}ANA@northwind.example.\u{a0}"]
        {
            assert_eq!(key(form).as_deref(), Some("ana@northwind.example"));
        }
    }

    #[test]
    fn an_internationalised_domain_has_one_form() {
        for form in [
            "ana@bücher.example",
            "Ana@BÜCHER.example",
            "ana@bu\u{308}cher.example",
            "ana@xn--bcher-kva.example",
        ] {
            assert_eq!(key(form).as_deref(), Some("ana@xn--bcher-kva.example"));
        }
    }

    #[test]
    fn a_composed_and_a_decomposed_name_are_the_same() {
        assert_eq!(key("Zoë@x.example"), key("zoe\u{308}@x.example"));
    }

    #[test]
    fn tags_and_dots_stay() {
        assert_eq!(key("a.n.a+crisp@x.example").as_deref(), Some("a.n.a+crisp@x.example"));
        assert_ne!(key("ana@x.example"), key("a.na@x.example"));
    }

    #[test]
    fn addresses_that_break_the_rules_and_exist_have_a_key() {
        let long = format!("{}@x.example", "a".repeat(256));
        for form in [
            "taro.@docomo.ne.jp",
            ".taro@docomo.ne.jp",
            "a..b@x.example",
            "o'neil/x=1@x.example",
            "a@sub_domain.example",
            &long,
        ] {
            assert_eq!(key(form).as_deref(), Some(form));
        }
        assert_eq!(
            key("Ana@xn--a.Example").as_deref(),
            Some("ana@xn--a.example"),
            "IDNA refuses it, mail arrives"
        );
    }

    #[test]
    fn what_is_no_address_has_no_key() {
        let long = format!("{}@x.example", "a".repeat(5_000));
        for odd in [
            "",
            " ",
            "ana",
            "@x.example",
            "ana@",
            "a b@x.example",
            "Ana <ana@x.example>",
            "a@b@c.example",
            "ana@[127.0.0.1]",
            "a\0@x.example",
            "ana@x..example",
            "ana@.example",
            "ana@x.example, bob@x.example",
            "ana@x/y",
            "a\u{200b}b@x.example",
            &long,
        ] {
            assert_eq!(key(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn debug_shows_no_address() {
        assert_eq!(format!("{:?}", EmailKey::parse("ana@x.example")), "Some(EmailKey(…))");
    }

    proptest! {
        #[test]
        fn the_normal_form_is_its_own_normal_form(text in r"[\PC]{1,12}@[\w.-]{1,12}") {
            if let Some(once) = key(&text) {
                prop_assert_eq!(key(&once), Some(once));
            }
        }

        #[test]
        fn any_text_is_answered(text in any::<String>()) {
            let _ = EmailKey::parse(&text);
        }
    }
}
