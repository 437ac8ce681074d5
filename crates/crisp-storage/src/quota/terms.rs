//! What a limit and a window imply: chunk, validity, reserve, patience. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// A chunk is this part of the limit, so that what is granted and not yet used stays small.
const CHUNKS_IN_LIMIT: i64 = 200;
/// Most requests in a chunk.
const LARGEST_CHUNK: i64 = 50;
/// Most of the limit that is kept for live work: one fifth.
const RESERVE_PART: i64 = 5;
/// What is kept to the end: one eightieth (1.25 %), at least one request.
const FLOOR_PART: i64 = 80;
/// Below this limit nothing is kept to the end: one request would be too large a part.
const SMALLEST_LIMIT_WITH_FLOOR: i64 = 20;
/// The reserve is released in the last three tenths of a period.
const RELEASE_FROM: (i32, i32) = (7, 10);
/// Longest window that is reckoned with.
const LONGEST_WINDOW: TimeDelta = TimeDelta::days(366);
/// How long ago a backfill may have been granted something and still be going on.
const RECENTLY: TimeDelta = TimeDelta::minutes(1);
/// First pause after a refusal without a reason.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(5);
/// Longest such pause.
const LONGEST_PAUSE: TimeDelta = TimeDelta::seconds(60);
/// Longest time for which a learnt limit holds before it is tried to have more.
const LEARNT_FOR: TimeDelta = TimeDelta::hours(1);
/// Part of the limit that the live work of one account may take before it leaves the reserve to the others'.
const LIVE_PART: i64 = 4;
/// Part of the limit that the clicks of one account's people may take.
const INTERACTIVE_PART: i64 = 4;
/// What they may take at least: some forecasts and a connection.
const SMALLEST_INTERACTIVE_SHARE: i64 = 100;
/// How often a pause doubles before it is the longest.
const DOUBLINGS: i32 = 4;

/// The limit in a window, and how long after the end of a grant one of its requests may still arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) limit: i64,
    pub(super) window: TimeDelta,
    pub(super) late: TimeDelta,
}

impl Terms {
    pub(super) fn new(limit: u32, window: Duration, request_timeout: Duration) -> Self {
        Self { limit: i64::from(limit), window: window_of(window), late: delta(request_timeout) }
    }

    /// The same window with what Crisp was seen to grant, where that is less.
    pub(super) fn limited_to(self, learnt: Option<i64>) -> Self {
        Self { limit: self.limit.min(learnt.unwrap_or(i64::MAX)).max(1), ..self }
    }

    /// Most requests granted at once.
    pub(super) fn chunk(&self) -> i64 {
        (self.limit / CHUNKS_IN_LIMIT).clamp(1, LARGEST_CHUNK)
    }

    /// What one account's people may have asked for within a window: one account's clicks must not spend everybody's
    /// budget, and where the budget is small anyway a few clicks must do.
    pub(super) fn interactive_share(&self) -> i64 {
        (self.limit / INTERACTIVE_PART).max(SMALLEST_INTERACTIVE_SHARE)
    }

    /// What one account's live work may have within a window before it leaves the reserve to the others'.
    pub(super) fn live_share(&self) -> i64 {
        (self.limit / LIVE_PART).max(1)
    }

    /// How long a grant may be used. A request counts from its grant to a window after its end, so this time is lost
    /// to the budget: a hundredth of the window at most, unless the window is so short that nobody could keep up.
    pub(super) fn valid_for(&self) -> TimeDelta {
        (self.window / 100).clamp(TimeDelta::milliseconds(200), TimeDelta::seconds(30))
    }

    /// How long a closed grant counts: the window, and a little for clocks that differ by rounding or drift.
    pub(super) fn counts_for(&self) -> TimeDelta {
        self.window + (self.window / 10_000).clamp(TimeDelta::milliseconds(5), TimeDelta::seconds(10))
    }

    /// How long an account's turn is kept around the moment for which it was told to come back.
    pub(super) fn patience(&self) -> TimeDelta {
        (self.window / 10).clamp(TimeDelta::milliseconds(250), TimeDelta::seconds(3))
    }

    /// For how long a backfill that was granted something counts as going on.
    pub(super) fn recently(&self) -> TimeDelta {
        self.window.min(RECENTLY)
    }

    /// How soon to ask again whether the other account has had its turn.
    pub(super) fn poll(&self) -> TimeDelta {
        self.patience() / 6
    }

    /// Where the current period began: it moves on by whole windows, and starts afresh after an idle one.
    pub(super) fn period_start(&self, began: DateTime<Utc>, now: DateTime<Utc>, idle: bool) -> DateTime<Utc> {
        let elapsed = now - began;
        if elapsed >= TimeDelta::zero() && elapsed < self.window {
            began
        } else if idle || elapsed < TimeDelta::zero() {
            now
        } else {
            now - remainder(elapsed, self.window)
        }
    }

    /// What backfills leave to live work at `now`, before what live work has used is taken into account.
    pub(super) fn reserve(&self, period: DateTime<Utc>, now: DateTime<Utc>) -> i64 {
        let left = self.window - remainder((now - period).max(TimeDelta::zero()), self.window);
        let (full, floor, release) = (self.full_reserve(), self.floor(), self.release());
        if left >= release { full } else { floor + part_of(full - floor, left, release) }
    }

    /// The first moment from `from` on at which no more than `keep` is reserved; `None`: there is none.
    pub(super) fn released(
        &self,
        period: DateTime<Utc>,
        from: DateTime<Utc>,
        keep: i64,
    ) -> Option<DateTime<Utc>> {
        let (full, floor) = (self.full_reserve(), self.floor());
        if self.reserve(period, from) <= keep {
            return Some(from);
        }
        if keep < floor {
            return None;
        }
        let left = longest_with(self.release(), keep - floor, full - floor);
        let elapsed = remainder((from - period).max(TimeDelta::zero()), self.window);
        Some(from - elapsed + (self.window - left))
    }

    /// What is never left to backfills.
    pub(super) fn floor(&self) -> i64 {
        if self.limit < SMALLEST_LIMIT_WITH_FLOOR { 0 } else { (self.limit / FLOOR_PART).max(1) }
    }

    /// Most that backfills leave.
    pub(super) fn full_reserve(&self) -> i64 {
        (self.limit / RESERVE_PART).max(self.floor())
    }

    fn release(&self) -> TimeDelta {
        let (from, of) = RELEASE_FROM;
        self.window - self.window / of * from
    }
}

/// The pause after the n-th refusal in a row: doubling, and never longer than the window.
pub(super) fn pause(window: TimeDelta, refusals: i32) -> TimeDelta {
    let doubled = FIRST_PAUSE * 2_i32.pow(u32::try_from(refusals.clamp(1, DOUBLINGS + 1) - 1).unwrap_or(0));
    doubled.min(LONGEST_PAUSE).min(window / 2).max(TimeDelta::milliseconds(10))
}

/// Whether so many refusals in a row mean that the budget is spent: a burst passes sooner.
pub(super) fn is_spent(refusals: i32) -> bool {
    refusals > DOUBLINGS + 1
}

/// How long a learnt limit holds: a window, and in a long one an hour, so that what was only an incident at Crisp does
/// not cost the rest of the day.
pub(super) fn learnt_for(window: TimeDelta) -> TimeDelta {
    window.min(LEARNT_FOR)
}

/// A window as a delta, within bounds that leave room for sums.
pub(super) fn window_of(window: Duration) -> TimeDelta {
    delta(window).clamp(TimeDelta::milliseconds(1), LONGEST_WINDOW)
}

/// A duration as a delta, at most the longest window.
pub(super) fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(LONGEST_WINDOW).min(LONGEST_WINDOW)
}

fn micros(delta: TimeDelta) -> i64 {
    delta.num_microseconds().unwrap_or(i64::MAX)
}

fn remainder(elapsed: TimeDelta, window: TimeDelta) -> TimeDelta {
    TimeDelta::microseconds(micros(elapsed) % micros(window).max(1))
}

/// `amount · part / whole`, rounded down.
fn part_of(amount: i64, part: TimeDelta, whole: TimeDelta) -> i64 {
    let product = i128::from(amount) * i128::from(micros(part)) / i128::from(micros(whole).max(1));
    i64::try_from(product).unwrap_or(amount)
}

/// The longest part of `whole` for which [`part_of`] `amount` is no more than `most`.
fn longest_with(whole: TimeDelta, most: i64, amount: i64) -> TimeDelta {
    let product = i128::from(micros(whole)) * i128::from(most + 1) - 1;
    i64::try_from(product / i128::from(amount.max(1))).map_or(whole, TimeDelta::microseconds)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn terms(limit: u32, seconds: u64) -> Terms {
        Terms::new(limit, Duration::from_secs(seconds), Duration::from_secs(10))
    }

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(milliseconds)
    }

    #[test]
    fn chunks_are_small_parts_and_live_shortly() {
        assert_eq!(
            (terms(200, 10).chunk(), terms(5_000, 86_400).chunk(), terms(1_000_000, 1).chunk()),
            (1, 25, 50)
        );
        assert_eq!(terms(200, 10).valid_for(), TimeDelta::milliseconds(200));
        assert_eq!(terms(5_000, 86_400).valid_for(), TimeDelta::seconds(30));
    }

    #[test]
    fn the_reserve_stands_and_is_released_towards_the_end() {
        let terms = terms(200, 10);
        let reserved: Vec<i64> =
            [0, 6_999, 7_000, 8_500, 9_999, 10_000].map(|now| terms.reserve(at(0), at(now))).into();
        assert_eq!(reserved, [40, 40, 40, 21, 2, 40]);
        assert_eq!(terms.floor(), 2);
        assert_eq!((self::terms(19, 10).floor(), self::terms(20, 10).floor()), (0, 1));
    }

    #[test]
    fn a_period_moves_on_by_whole_windows_unless_it_was_idle() {
        let terms = terms(200, 10);
        assert_eq!(terms.period_start(at(0), at(9_999), false), at(0));
        assert_eq!(terms.period_start(at(0), at(34_000), false), at(30_000));
        assert_eq!(terms.period_start(at(0), at(34_000), true), at(34_000));
        assert_eq!(terms.period_start(at(5_000), at(0), false), at(0));
    }

    #[test]
    fn pauses_double_up_to_a_minute_or_half_a_window() {
        let pauses = |window| (1..=7).map(|n| pause(window, n).num_seconds()).collect::<Vec<_>>();
        assert_eq!(pauses(TimeDelta::days(1)), [5, 10, 20, 40, 60, 60, 60]);
        assert_eq!(pauses(TimeDelta::seconds(10)), [5; 7]);
        assert!(!is_spent(5) && is_spent(6));
    }

    proptest! {
        #[test]
        fn the_moment_of_release_is_the_first(
            limit in 1..5_000_u32, seconds in 1..100_000_u64, from in 0..200_000_000_i64, keep in 0..1_000_i64,
        ) {
            let terms = terms(limit, seconds);
            let from = at(from);
            if let Some(moment) = terms.released(at(0), from, keep) {
                prop_assert!(moment >= from);
                prop_assert!(terms.reserve(at(0), moment) <= keep || moment - from >= terms.window - terms.release());
                let before = moment - TimeDelta::milliseconds(1);
                prop_assert!(moment == from || before < from || terms.reserve(at(0), before) > keep);
            } else {
                prop_assert!(keep < terms.floor());
            }
        }

        #[test]
        fn the_reserve_lies_between_floor_and_a_fifth(limit in 1..100_000_u32, now in 0..200_000_000_i64) {
            let terms = terms(limit, 86_400);
            let reserve = terms.reserve(at(0), at(now));
            prop_assert!(reserve >= terms.floor() && reserve <= (i64::from(limit) / 5).max(terms.floor()));
        }
    }
}
