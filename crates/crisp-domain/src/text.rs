//! Text that Postgres takes and a reader can bear.

/// Text that Postgres can store: it refuses the character NUL, which real messages contain, so each becomes U+FFFD.
///
/// Lone surrogates, the other thing it refuses, cannot exist in a `str`; the client mends them while decoding.
pub fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Text as it came, unless nothing can be read in it: empty and blank text mean "unknown" in Crisp.
pub fn present(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| storable(text))
}

/// Shortens `text` to at most `max_bytes`, at a character boundary, with `…` where something was cut off.
pub(crate) fn clamp(mut text: String, max_bytes: usize) -> String {
    const ELLIPSIS: &str = "…";
    if text.len() <= max_bytes {
        return text;
    }
    text.truncate(text.floor_char_boundary(max_bytes.saturating_sub(ELLIPSIS.len())));
    text.push_str(ELLIPSIS);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_is_replaced_and_everything_else_stays() {
        assert_eq!(storable("a\0b"), "a\u{fffd}b");
        assert_eq!(storable(" Zoë 🦀\r\n"), " Zoë 🦀\r\n");
    }

    #[test]
    fn blank_is_absent_and_the_rest_is_kept_as_it_came() {
        assert_eq!(present(" \n\u{a0}"), None);
        assert_eq!(present(" Ana "), Some(" Ana ".to_owned()));
    }

    #[test]
    fn clamping_never_splits_a_character_and_never_exceeds_the_bound() {
        assert_eq!(clamp("short".to_owned(), 5), "short");
        assert_eq!(clamp("éééé".to_owned(), 7), "éé…");
        assert_eq!(clamp("🦀🦀".to_owned(), 6), "…");
    }
}
