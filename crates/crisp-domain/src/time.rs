//! Instants: Crisp writes milliseconds since 1970, we write RFC 3339.

use chrono::{DateTime, SecondsFormat, Utc};
use crisp_client::moment;
use serde_json::Value;

/// The last millisecond of the year 9999, the end of what RFC 3339 can write.
const LAST_MS: i64 = 253_402_300_799_999;
/// The instant of so many milliseconds since 1970; `None` for zero, what is negative, and years after 9999.
pub fn from_ms(ms: i64) -> Option<DateTime<Utc>> {
    (1..=LAST_MS).contains(&ms).then(|| DateTime::from_timestamp_millis(ms)).flatten()
}

/// The instant that a field of unknown form means; see [`crisp_client::moment::milliseconds`].
pub fn from_value(value: &Value) -> Option<DateTime<Utc>> {
    moment::milliseconds(value).and_then(from_ms)
}

/// The instant as our API writes it: RFC 3339 in UTC with milliseconds, such as `2026-01-01T00:00:00.000Z`.
pub fn rfc3339_ms(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn milliseconds_become_an_instant_and_text() {
        let instant = from_ms(1_767_225_604_987).unwrap();
        assert_eq!(rfc3339_ms(instant), "2026-01-01T00:00:04.987Z");
        for unknown in [0, -1, i64::MIN, i64::MAX] {
            assert_eq!(from_ms(unknown), None);
        }
    }

    #[test]
    fn a_field_of_unknown_form_is_understood_where_it_means_an_instant() {
        let new_year = from_ms(1_767_225_600_000);
        for form in [
            json!(1_767_225_600_000_i64),
            json!(1_767_225_600_000.0),
            json!(1_767_225_600),
            json!("1767225600000"),
            json!(" 2026-01-01 "),
            json!("2026-01-01T00:00:00Z"),
            json!("2026-01-01T02:00:00+02:00"),
        ] {
            assert_eq!(from_value(&form), new_year, "{form}");
        }
    }

    #[test]
    fn what_means_no_instant_is_absent() {
        for odd in [
            json!(null),
            json!(true),
            json!(2026),
            json!("soon"),
            json!(""),
            json!(-5),
            json!([1]),
            json!(1e300),
        ] {
            assert_eq!(from_value(&odd), None, "{odd}");
        }
        assert_eq!(from_value(&json!("-0044-03-15")), None);
    }

    proptest! {
        #[test]
        fn every_instant_in_bounds_can_be_written_and_read_again(ms in 1..=LAST_MS) {
            let instant = from_ms(ms).unwrap();
            prop_assert_eq!(from_value(&json!(rfc3339_ms(instant))), Some(instant));
        }
    }
}
