//! Moments, in whatever form they are written: Crisp's own fields are milliseconds, but twelve years of data hold others.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use serde_json::Value;

/// The last millisecond of the year 9999, the end of what RFC 3339 can write.
const LAST_MS: i64 = 253_402_300_799_999;
/// From here on a number is one of milliseconds: as seconds it would lie beyond the year 5000.
const SMALLEST_MS: i64 = 100_000_000_000;
/// Below this a number is no moment at all: years and counts are small numbers, and 1e8 seconds lie in 1973.
const SMALLEST_SECOND: i64 = 100_000_000;
/// What Crisp can have written of its own lies between the years 2000 and 2100.
const PLAUSIBLE_MS: std::ops::Range<i64> = 946_684_800_000..4_102_444_800_000;

/// The moment that a value means, in ms since 1970: ms or seconds as a number, as a float or as digits, or ISO 8601 text.
///
/// Text without a zone is read as UTC, a date alone as its midnight. `None` for everything else, for 1970's first
/// millisecond and what lies before it, and for years after 9999.
pub fn milliseconds(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().map_or_else(|| of_float(number.as_f64()?), of_epoch),
        Value::String(text) => of_text(text.trim()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whether Crisp can have meant this moment (ms): a zero, a year or a far future is no time of a record.
pub fn is_plausible(milliseconds: i64) -> bool {
    PLAUSIBLE_MS.contains(&milliseconds)
}

/// The moment of a whole number, which may count seconds or milliseconds.
pub(crate) fn of_epoch(number: i64) -> Option<i64> {
    match number {
        SMALLEST_SECOND..SMALLEST_MS => number.checked_mul(1000),
        SMALLEST_MS..=LAST_MS => Some(number),
        _ => None,
    }
}

/// A fraction of a second counts, a fraction of a millisecond does not.
fn of_float(number: f64) -> Option<i64> {
    let whole = |float: f64| format!("{:.0}", float.trunc()).parse::<i64>().ok();
    let number = Some(number).filter(|number| number.is_finite())?;
    if whole(number)? < SMALLEST_MS {
        of_epoch(whole(number)?).and_then(|_| whole(number * 1000.0))
    } else {
        of_epoch(whole(number)?)
    }
}

fn of_text(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse() {
        return of_epoch(number);
    }
    if let Ok(number) = text.parse() {
        return of_float(number);
    }
    of_date(text).filter(|milliseconds| (1..=LAST_MS).contains(milliseconds))
}

fn of_date(text: &str) -> Option<i64> {
    let zoned = ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f%z"];
    let local = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
    let with_zone = || zoned.iter().find_map(|format| DateTime::parse_from_str(text, format).ok());
    let without = || local.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let day = || text.parse::<NaiveDate>().ok().map(|day| day.and_time(NaiveTime::MIN));
    let instant = DateTime::parse_from_rfc3339(text).ok().or_else(with_zone);
    instant
        .map(|at| at.to_utc())
        .or_else(|| without().or_else(day).map(|at| at.and_utc()))
        .map(|at| at.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NEW_YEAR: i64 = 1_767_225_600_000;

    #[test]
    fn one_moment_is_understood_in_every_form() {
        for form in [
            json!(NEW_YEAR),
            json!(1_767_225_600_000.7),
            json!(1_767_225_600),
            json!(1_767_225_600.000_4),
            json!(" 1767225600000 "),
            json!("1767225600"),
            json!("1767225600000.0"),
            json!("2026-01-01"),
            json!("2026-01-01T00:00:00Z"),
            json!("2026-01-01T02:00:00+02:00"),
            json!("2026-01-01T01:00:00.000+0100"),
            json!("2026-01-01T00:00:00"),
            json!("2026-01-01 00:00:00.000"),
            json!("2026-01-01 00:00:00+0000"),
        ] {
            assert_eq!(milliseconds(&form), Some(NEW_YEAR), "{form}");
        }
        assert_eq!(milliseconds(&json!(1_767_225_600.25)), Some(NEW_YEAR + 250));
    }

    #[test]
    fn what_means_no_moment_is_none() {
        for odd in [
            json!(null),
            json!(true),
            json!(0),
            json!(-5),
            json!(2026),
            json!("2026"),
            json!("soon"),
            json!(""),
            json!("NaN"),
            json!("inf"),
            json!(1e300),
            json!(u64::MAX),
            json!(i64::MIN),
            json!([1]),
            json!("-0044-03-15"),
        ] {
            assert_eq!(milliseconds(&odd), None, "{odd}");
        }
    }

    #[test]
    fn crisp_can_only_mean_a_time_of_its_own_century() {
        assert!(is_plausible(NEW_YEAR));
        for odd in [0, 1, 915_148_800_000, 4_102_444_800_000, i64::MAX, i64::MIN] {
            assert!(!is_plausible(odd), "{odd}");
        }
    }
}
