//! Phone numbers: kept as they came, with a normal form beside them.

use phonenumber::Mode;

use crate::country;

/// The longest text that is looked at; an international number has 15 digits and whatever people put between them.
const MAX_BYTES: usize = 64;

/// The number in E.164, such as `+33142685300`; `None` if it is no valid number.
///
/// A number without its country code needs `country`, a code as [`country::alpha2`] takes it.
pub fn normalise(text: &str, country: Option<&str>) -> Option<String> {
    let text = text.trim();
    if text.len() > MAX_BYTES {
        return None;
    }
    let country = country.and_then(country::alpha2).and_then(|code| code.parse().ok());
    let number = phonenumber::parse(country, text).ok()?;
    number.is_valid().then(|| number.format().mode(Mode::E164).to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_understood_with_and_without_their_country() {
        let paris = Some("+33142685300".to_owned());
        assert_eq!(normalise("+33 1 42 68 53 00", None), paris);
        assert_eq!(normalise(" 01 42 68 53 00", Some("fr")), paris);
        assert_eq!(normalise("01 42 68 53 00", None), None);
    }

    #[test]
    fn what_is_no_number_has_no_normal_form() {
        for odd in ["", "call me", "+", "+999 1", "0", &"1".repeat(500)] {
            assert_eq!(normalise(odd, Some("FR")), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in any::<String>(), country in any::<Option<String>>()) {
            let _ = normalise(&text, country.as_deref());
        }

        #[test]
        fn anything_like_a_number_is_answered(text in r"[+0-9 ();=,a-z.-]{0,40}") {
            let _ = normalise(&text, Some("US"));
        }
    }
}
