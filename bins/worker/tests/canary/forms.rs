//! A canary in all its feathers: the forms in which a text may come to light.

use std::fmt::Write as _;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Whether `text` holds this marker plain, in base64 (wherever it begins), in hex, percent-encoded, or as a list of
/// bytes.
pub(crate) fn shows(text: &str, marker: &str) -> bool {
    let lower = text.to_lowercase();
    let bytes = marker.as_bytes();
    let joined = |each: &dyn Fn(u8) -> String, between: &str| {
        bytes.iter().map(|byte| each(*byte)).collect::<Vec<_>>().join(between)
    };
    lower.contains(&marker.to_lowercase())
        || lower.contains(&joined(&|byte| format!("{byte:02x}"), ""))
        || lower.contains(&joined(&|byte| format!("%{byte:02x}"), ""))
        || lower.contains(&joined(&|byte| byte.to_string(), ", "))
        || lower.contains(&joined(&|byte| byte.to_string(), ","))
        || (0..3).any(|offset| {
            let shown = base64_at(offset, bytes);
            text.contains(&shown) || text.contains(&shown.replace('+', "-").replace('/', "_"))
        })
}

/// What base64 makes of `bytes` for certain, when so many bytes (modulo 3) stand before them.
fn base64_at(offset: usize, bytes: &[u8]) -> String {
    let mut bits = String::new();
    for byte in std::iter::repeat_n(&0, offset).chain(bytes) {
        write!(bits, "{byte:08b}").unwrap();
    }
    let whole = bits.len() / 6;
    let first = (offset * 8).div_ceil(6);
    (first..whole)
        .map(|place| usize::from_str_radix(&bits[place * 6..place * 6 + 6], 2).unwrap())
        .map(|value| char::from(BASE64[value]))
        .collect()
}

#[test]
fn a_marker_is_found_in_every_form_and_nothing_else_is() {
    let marker = "zqmarker7";
    for shown in [
        "name=ZQmarker7.",
        "enFtYXJrZXI3",
        "eHpxbWFya2VyNw==",
        "eHh6cW1hcmtlcjc=",
        "7A716D61726B657237",
        "%7a%71%6d%61%72%6b%65%72%37",
        "[122, 113, 109, 97, 114, 107, 101, 114, 55]",
    ] {
        assert!(shows(shown, marker), "{shown}");
    }
    assert!(!shows("zqmarker enFtYXJrZXI4 7a716d61726b6572", marker));
}
