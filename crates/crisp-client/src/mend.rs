//! Makes JSON text of what nearly is: replaces invalid UTF-8 and lone surrogate escapes, escapes bare control characters,
//! drops a byte order mark, and writes `null` for JavaScript's `NaN` and `Infinity`.

use std::borrow::Cow;

const REPLACEMENT: &str = "\\ufffd";

/// Numbers that JavaScript has and JSON has not.
const NO_NUMBERS: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];

/// The text, borrowed where nothing had to be mended.
pub(crate) fn mend(body: &[u8]) -> Cow<'_, str> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    match String::from_utf8_lossy(body) {
        Cow::Borrowed(text) => mend_text(text).map_or(Cow::Borrowed(text), Cow::Owned),
        Cow::Owned(text) => Cow::Owned(mend_text(&text).unwrap_or(text)),
    }
}

fn mend_text(text: &str) -> Option<String> {
    let mut mended = String::new();
    let mut copied = 0;
    let mut scan = Scan { bytes: text.as_bytes(), position: 0, in_string: false };
    while let Some(flaw) = scan.next_flaw() {
        mended.push_str(text.get(copied..flaw.start)?);
        match flaw.kind {
            Kind::LoneSurrogate => mended.push_str(REPLACEMENT),
            Kind::Control(byte) => mended.push_str(&escaped(byte)),
            Kind::NoNumber => mended.push_str("null"),
        }
        copied = scan.position;
    }
    if copied == 0 {
        return None;
    }
    mended.push_str(text.get(copied..)?);
    Some(mended)
}

fn escaped(control: u8) -> String {
    format!("\\u{control:04x}")
}

struct Flaw {
    start: usize,
    kind: Kind,
}

enum Kind {
    LoneSurrogate,
    Control(u8),
    NoNumber,
}

struct Scan<'text> {
    bytes: &'text [u8],
    position: usize,
    in_string: bool,
}

impl Scan<'_> {
    /// Goes on to the next flaw and stands behind it then.
    fn next_flaw(&mut self) -> Option<Flaw> {
        loop {
            let start = self.position;
            let byte = *self.bytes.get(start)?;
            self.position += 1;
            match byte {
                b'"' => self.in_string = !self.in_string,
                b'\\' if self.in_string && self.escape_is_lone(start) => {
                    return Some(Flaw { start, kind: Kind::LoneSurrogate });
                }
                0..0x20 if self.in_string => return Some(Flaw { start, kind: Kind::Control(byte) }),
                b'N' | b'I' | b'-' if !self.in_string && self.is_no_number(start) => {
                    return Some(Flaw { start, kind: Kind::NoNumber });
                }
                _ => {}
            }
        }
    }

    /// Steps behind a number at `start` that is none.
    fn is_no_number(&mut self, start: usize) -> bool {
        let rest = self.bytes.get(start..).unwrap_or_default();
        let found = NO_NUMBERS.iter().find(|word| rest.starts_with(word));
        self.position = found.map_or(self.position, |word| start + word.len());
        found.is_some()
    }

    /// Steps behind the escape at `start`, and behind its partner if it is half of a pair.
    fn escape_is_lone(&mut self, start: usize) -> bool {
        let Some(unit) = self.unit_at(start) else {
            self.position = start + 2;
            return false;
        };
        self.position = start + 6;
        let is_high = (0xd800..0xdc00).contains(&unit);
        let is_low = (0xdc00..0xe000).contains(&unit);
        if is_high && self.unit_at(self.position).is_some_and(|next| (0xdc00..0xe000).contains(&next)) {
            self.position += 6;
            return false;
        }
        is_high || is_low
    }

    /// The UTF-16 unit of a `\uXXXX` at this position.
    fn unit_at(&self, position: usize) -> Option<u16> {
        let escape = self.bytes.get(position..position + 6)?;
        let digits = std::str::from_utf8(escape.strip_prefix(b"\\u")?).ok()?;
        let hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        hex.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn surrogates_are_replaced_only_where_they_are_alone() {
        for (text, expected) in [
            (r#"{"a":"x\ud83d\ude00y"}"#, r#"{"a":"x\ud83d\ude00y"}"#),
            (r#"{"a":"x\ud83dy"}"#, r#"{"a":"x\ufffdy"}"#),
            (r#""\uD83D\uD83D\uDE00""#, r#""\ufffd\uD83D\uDE00""#),
            (r#""\ude00\ud83d""#, r#""\ufffd\ufffd""#),
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\"\ud83d""#, r#""\"\ufffd""#),
            (r#""\ud83"#, r#""\ud83"#),
            (r#""\"#, r#""\"#),
        ] {
            assert_eq!(mend(text.as_bytes()), expected);
        }
    }

    #[test]
    fn invalid_utf_8_and_bare_control_characters_are_mended_within_strings() {
        assert_eq!(mend(b"\"a\xffb\""), "\"a\u{fffd}b\"");
        assert_eq!(mend(b"{\n\"a\":\"1\n2\"\n}"), "{\n\"a\":\"1\\u000a2\"\n}");
        assert!(matches!(mend("{\"é\":1}".as_bytes()), Cow::Borrowed(_)));
    }

    #[test]
    fn numbers_that_json_has_not_become_null_outside_of_strings() {
        let text = "{\"NaN\":NaN,\"a\":[-Infinity,Infinity,-1],\"b\":\"Infinity\"}";
        assert_eq!(mend(text.as_bytes()), "{\"NaN\":null,\"a\":[null,null,-1],\"b\":\"Infinity\"}");
    }

    #[test]
    fn a_byte_order_mark_is_dropped() {
        assert_eq!(mend(b"\xef\xbb\xbf{}"), "{}");
    }

    proptest! {
        #[test]
        fn every_string_of_units_can_be_read_after_mending(units in proptest::collection::vec(any::<u16>(), 0..20)) {
            let escapes = units.iter().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat();
            let read: String = serde_json::from_str(&mend(format!("\"{escapes}\"").as_bytes())).unwrap();
            prop_assert_eq!(read, String::from_utf16_lossy(&units));
        }

        #[test]
        fn sound_json_is_left_alone(text in ".*") {
            let json = Value::from(text).to_string();
            prop_assert!(matches!(mend(json.as_bytes()), Cow::Borrowed(_)));
        }

        #[test]
        fn mending_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = mend(&bytes);
        }
    }
}
