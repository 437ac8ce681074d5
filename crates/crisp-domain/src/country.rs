//! Countries: Crisp writes ISO 3166 alpha-2 codes, a directory perhaps names, people read names.

use rust_iso3166::CountryCode;

/// The upper-case alpha-2 code that a country field means: a code of two or three letters or an English short name, in
/// any case.
pub fn alpha2(text: &str) -> Option<&'static str> {
    find(text).map(|country| country.alpha2)
}

/// The English short name of the country that such a field means.
pub fn name(text: &str) -> Option<&'static str> {
    find(text).map(|country| country.name)
}

fn find(text: &str) -> Option<CountryCode> {
    let text = text.trim();
    let code = text.to_ascii_uppercase();
    match code.len() {
        2 => rust_iso3166::from_alpha2(&code),
        3 => rust_iso3166::from_alpha3(&code),
        _ => rust_iso3166::ALL.iter().find(|country| country.name.eq_ignore_ascii_case(text)).copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_are_understood_in_any_case() {
        assert_eq!(alpha2(" fr "), Some("FR"));
        assert_eq!(alpha2("DEU"), Some("DE"));
        assert_eq!(alpha2("germany"), Some("DE"));
        assert_eq!(name("fr"), Some("France"));
        for odd in ["", "F", "XX", "Freedonia", "é", "🇫🇷"] {
            assert_eq!(alpha2(odd), None, "{odd}");
        }
    }
}
