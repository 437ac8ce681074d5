//! How long to wait before the next attempt: pure, replies in, wait out.

use std::time::Duration;

use backon::ExponentialBuilder;
use chrono::DateTime;

use crate::error::{Error, Outage};

/// Longest wait between two attempts of one request. Whoever is told to wait longer gives the error to the caller,
/// who can do something else meanwhile.
pub const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The plan of waits: doubling from `first_wait`, each with up to as much again by chance, so that many clients that
/// failed together do not come back together.
pub(crate) fn backoff(first_wait: Duration, max_attempts: u32) -> ExponentialBuilder {
    let retries = usize::try_from(max_attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    ExponentialBuilder::new()
        .with_min_delay(first_wait)
        .with_max_delay(LONGEST_WAIT)
        .with_max_times(retries)
        .with_jitter()
}

/// Whether the same request may succeed a little later, for somebody who waits out a limit of Crisp's for so long.
pub(crate) fn worth_retrying(error: &Error, patience: Duration) -> bool {
    match error {
        Error::RateLimited { retry_after } => {
            !patience.is_zero() && retry_after.is_none_or(|asked| asked <= patience)
        }
        Error::Unavailable { cause, .. } => !matches!(cause, Outage::TooLarge { .. }),
        Error::Setup { .. }
        | Error::Unauthorized
        | Error::NotSubscribed
        | Error::NotFound
        | Error::Forbidden
        | Error::PlanMissing
        | Error::Refused(_)
        | Error::Malformed { .. }
        | Error::Rejected { .. } => false,
    }
}

/// The wait before the next attempt: what Crisp asks for, else what was planned; `None` gives up.
pub(crate) fn wait(error: &Error, planned: Option<Duration>) -> Option<Duration> {
    let planned = planned?;
    if let Error::Unavailable { retry_after: Some(asked), .. }
    | Error::RateLimited { retry_after: Some(asked) } = error
    {
        return (*asked <= LONGEST_WAIT).then_some(*asked);
    }
    Some(planned)
}

/// Reads `Retry-After`: seconds, or a date, which counts from the answer's own `Date`.
pub fn retry_after(header: &str, date: Option<&str>) -> Option<Duration> {
    if let Ok(seconds) = header.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTime::parse_from_rfc2822(header.trim()).ok()?;
    let now = DateTime::parse_from_rfc2822(date?.trim()).ok()?;
    Some((until - now).to_std().unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use backon::BackoffBuilder;

    use super::*;

    fn unavailable(retry_after: Option<Duration>) -> Error {
        Error::Unavailable { cause: Outage::Status(503), retry_after }
    }

    #[test]
    fn waits_double_vary_and_end() {
        let waits: Vec<_> = backoff(Duration::from_millis(500), 4).build().collect();
        assert_eq!(waits.len(), 3);
        for (wait, least) in waits.iter().zip([500, 1000, 2000]) {
            let (least, most) = (Duration::from_millis(least), Duration::from_millis(2 * least));
            assert!((least..=most).contains(wait), "{wait:?}");
        }
        assert_eq!(backoff(Duration::ZERO, 0).build().count(), 0);
    }

    #[test]
    fn what_crisp_asks_for_wins_unless_it_is_too_long() {
        let (planned, asked) = (Some(Duration::from_secs(1)), Some(Duration::from_secs(7)));
        assert_eq!(wait(&unavailable(asked), planned), asked);
        assert_eq!(wait(&unavailable(None), planned), planned);
        assert_eq!(wait(&unavailable(Some(Duration::from_hours(1))), planned), None);
        assert_eq!(wait(&unavailable(asked), None), None);
    }

    #[test]
    fn only_outages_are_retried() {
        let impatient = Duration::ZERO;
        assert!(worth_retrying(&unavailable(None), impatient));
        assert!(worth_retrying(&Outage::TimedOut.into(), impatient));
        assert!(!worth_retrying(&Outage::TooLarge { limit: 1 }.into(), impatient));
        assert!(!worth_retrying(&Error::RateLimited { retry_after: None }, impatient));
    }

    #[test]
    fn a_short_limit_is_waited_out_by_who_has_the_patience() {
        let limited = |retry_after| Error::RateLimited { retry_after };
        let (short, long) = (Some(Duration::from_secs(2)), Some(Duration::from_secs(9)));
        let patience = Duration::from_secs(8);
        assert!(worth_retrying(&limited(None), patience) && worth_retrying(&limited(short), patience));
        assert!(!worth_retrying(&limited(long), patience));
        assert_eq!(wait(&limited(short), Some(Duration::from_millis(500))), short);
    }

    #[test]
    fn retry_after_is_a_number_or_a_date() {
        assert_eq!(retry_after(" 120 ", None), Some(Duration::from_mins(2)));
        let (noon, later) = ("Wed, 21 Oct 2026 12:00:00 GMT", "Wed, 21 Oct 2026 12:01:30 GMT");
        assert_eq!(retry_after(later, Some(noon)), Some(Duration::from_secs(90)));
        assert_eq!(retry_after(noon, Some(later)), Some(Duration::ZERO));
        assert_eq!(retry_after(later, None), None);
        assert_eq!(retry_after("soon", Some(noon)), None);
    }
}
