//! Escapes in addresses (`%3D`) and in JSON (`\n`, `\u00a0`): the letters in them are no part of the word that follows.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Blanks of three bytes, as many as a percent escape has.
const PERCENT: &str = "   ";
/// Three blanks of six bytes, so that the gap stays a short one.
const SIX: &str = "\u{a0}\u{a0}\u{a0}";
/// Blanks of two bytes.
const BACKSLASH: &str = "  ";

#[expect(clippy::expect_used, reason = "the expression is a constant, and a test compiles it")]
static ESCAPES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"%[Cc]2%[Aa]0|\\u[0-9A-Fa-f]{4}|%[0-9A-Fa-f]{2}|\\[bfnrt]").expect("the expression is valid")
});

/// The text with every escape taken for blanks; every other byte stays at its place. `None` if there is no escape.
pub(super) fn blanked(text: &str) -> Option<String> {
    let blanks = |found: &Captures<'_>| match found.get_match().len() {
        2 => BACKSLASH,
        3 => PERCENT,
        _ => SIX,
    };
    ESCAPES.is_match(text).then(|| ESCAPES.replace_all(text, blanks).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_become_blanks_of_their_length() {
        for (text, expected) in [
            ("a%3Db", Some("a   b".to_owned())),
            (r"a\nb", Some("a  b".to_owned())),
            (r"a\u00a0b", Some(format!("a{SIX}b"))),
            ("4%C2%A04", Some(format!("4{SIX}4"))),
            ("100 % of a \\ and %zz", None),
        ] {
            assert_eq!(blanked(text), expected, "{text}");
            assert!(expected.is_none_or(|expected| expected.len() == text.len()));
        }
    }
}
