//! Times, stretches of time and figures, for people.

use std::fmt;

use askama::filters::HtmlSafe;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

/// A time: UTC as it is sent, in the viewer's own zone once the script has seen it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) DateTime<Utc>);

/// It writes nothing but digits, letters of a month and markup of its own.
impl HtmlSafe for Moment {}

impl fmt::Display for Moment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = self.0.to_rfc3339_opts(SecondsFormat::Millis, true);
        write!(out, "<time datetime=\"{exact}\">{} UTC</time>", self.0.format("%-d %b %Y, %H:%M"))
    }
}

/// A whole number with its thousands apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) i64);

impl fmt::Display for Count {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.unsigned_abs().to_string();
        let mut text = String::from(if self.0 < 0 { "-" } else { "" });
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        out.write_str(&text)
    }
}

/// So many of something: `1 message`, `1,067 messages`.
pub(crate) fn counted(count: i64, one: &str, many: &str) -> String {
    format!("{} {}", Count(count), if count == 1 { one } else { many })
}

/// So many of something that is listed here.
pub(crate) fn counted_rows(count: usize, one: &str, many: &str) -> String {
    counted(i64::try_from(count).unwrap_or(i64::MAX), one, many)
}

/// A count that cannot be negative.
pub(crate) fn count(number: u64) -> Count {
    Count(i64::try_from(number).unwrap_or(i64::MAX))
}

/// A stretch of time as people say it, in its largest unit that says enough.
pub(crate) fn span(length: TimeDelta) -> String {
    let plural =
        |count: i64, word: &str| format!("{} {word}{}", Count(count), if count == 1 { "" } else { "s" });
    match length.max(TimeDelta::zero()) {
        short if short < TimeDelta::seconds(1) => "less than a second".to_owned(),
        short if short < TimeDelta::minutes(2) => plural(short.num_seconds(), "second"),
        short if short < TimeDelta::hours(2) => plural(short.num_minutes(), "minute"),
        short if short < TimeDelta::days(2) => plural(short.num_hours(), "hour"),
        long => plural(long.num_days(), "day"),
    }
}

/// What is left of something whose end is only estimated.
pub(crate) fn left(length: TimeDelta) -> String {
    match length {
        over if over <= TimeDelta::seconds(2) => "nearly done".to_owned(),
        short if short < TimeDelta::seconds(90) => format!("about {} s", (short.num_seconds() + 4) / 5 * 5),
        short if short < TimeDelta::minutes(90) => format!("about {} min", (short.num_seconds() + 30) / 60),
        long if long < TimeDelta::hours(36) => format!("about {} hours", (long.num_minutes() + 30) / 60),
        long => format!("about {} days", (long.num_hours() + 12) / 24),
    }
}

/// A day that a time is in, for where the script puts the viewer's own.
pub(crate) fn day(at: DateTime<Utc>) -> String {
    at.format("%-d %B %Y").to_string()
}

/// Seconds as people say them.
pub(crate) fn seconds(seconds: f64) -> String {
    let millis = format!("{:.0}", seconds.max(0.0) * 1000.0).parse::<i64>().unwrap_or(i64::MAX / 2);
    span(TimeDelta::try_milliseconds(millis).unwrap_or(TimeDelta::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_for_people() {
        let written = |number| Count(number).to_string();
        assert_eq!(
            [written(0), written(999), written(1_000), written(-1_234_567)],
            ["0", "999", "1,000", "-1,234,567"]
        );
        assert_eq!(span(TimeDelta::seconds(1)), "1 second");
        assert_eq!(span(TimeDelta::minutes(90)), "90 minutes");
        assert_eq!(span(TimeDelta::hours(49)), "2 days");
        assert_eq!(seconds(0.2), "less than a second");
        assert_eq!(
            [counted(1, "person", "people"), counted(1_067, "x", "messages")],
            ["1 person", "1,067 messages"]
        );
    }

    #[test]
    fn what_is_left_is_said_as_roughly_as_it_is_known() {
        let said = |seconds| left(TimeDelta::seconds(seconds));
        assert_eq!(
            [said(-3), said(12), said(250), said(86_400)],
            ["nearly done", "about 15 s", "about 4 min", "about 24 hours"]
        );
        assert_eq!(said(3 * 86_400 + 600), "about 3 days");
    }

    #[test]
    fn a_time_says_its_zone_and_its_exact_value() {
        let moment = Moment(DateTime::from_timestamp_millis(1_767_225_600_250).unwrap());
        let expected = "<time datetime=\"2026-01-01T00:00:00.250Z\">1 Jan 2026, 00:00 UTC</time>";
        assert_eq!(moment.to_string(), expected);
    }
}
