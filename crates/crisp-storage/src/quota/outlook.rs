//! When so many requests will have been granted, if the next windows go as the last one did. Pure.

use chrono::{DateTime, TimeDelta, Utc};

use super::Purpose;
use super::decide::{Entry, Standing};
use super::terms::Terms;

impl Standing {
    /// When the last of `requests` may be granted, where `rivals` other accounts want as much: what has room now comes at
    /// once, then what counts no more comes back, and after a window the same again.
    pub(super) fn granted_by(
        &self,
        terms: Terms,
        purpose: Purpose,
        (requests, rivals): (i64, i64),
        mut entries: Vec<Entry>,
    ) -> DateTime<Utc> {
        let terms = self.terms(terms);
        let from = self.memory.block(self.now).unwrap_or(self.now);
        let wanted = requests.saturating_mul(rivals.saturating_add(1));
        let beyond = wanted.saturating_sub(self.room(&terms, purpose));
        if beyond < 1 {
            return from;
        }
        if purpose == Purpose::Backfill {
            // What live work gets back it uses again.
            entries.retain(|entry| !entry.live);
        }
        let in_a_window = self.for_each_window(&terms, purpose);
        let (windows, rest) = ((beyond - 1) / in_a_window, (beyond - 1) % in_a_window + 1);
        let windows = i32::try_from(windows).unwrap_or(i32::MAX);
        let later = terms.window.checked_mul(windows).unwrap_or(LONGEST).min(LONGEST);
        let first = comes_back(rest, entries).unwrap_or(self.now + terms.window);
        first.max(from) + later
    }

    fn for_each_window(&self, terms: &Terms, purpose: Purpose) -> i64 {
        let kept = match purpose {
            Purpose::Interactive | Purpose::Live => 0,
            // Clicks and bursts of the last window need not come again: no more than what is kept for live work anyway.
            Purpose::Backfill => self.used_live.clamp(terms.floor(), terms.full_reserve()),
        };
        (terms.limit - kept).max(1)
    }
}

/// Longest time that is foreseen.
const LONGEST: TimeDelta = TimeDelta::days(3_660);

/// When so many requests count no more.
fn comes_back(requests: i64, mut entries: Vec<Entry>) -> Option<DateTime<Utc>> {
    entries.sort_by_key(|entry| entry.counts_until);
    let mut back = 0;
    entries.into_iter().find_map(|entry| {
        back += entry.amount;
        (back >= requests).then_some(entry.counts_until)
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::decide::Memory;
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn entry(counts_until: i64, amount: i64, live: bool) -> Entry {
        Entry { counts_until: at(counts_until), amount, live, own_live: false, open_until: None }
    }

    /// Half of the limit was used at 0 s, half at 50 s; it is 60 s, and a window has 100.
    fn spent() -> (Standing, Terms, Vec<Entry>) {
        let standing = Standing {
            now: at(60),
            period_started_at: at(0),
            used: 100,
            used_live: 0,
            own_live: 0,
            ahead: 0,
            memory: Memory::default(),
        };
        let terms = Terms::new(100, Duration::from_secs(100), Duration::from_secs(1));
        (standing, terms, vec![entry(150, 50, false), entry(100, 50, false)])
    }

    fn seconds(standing: &Standing, purpose: Purpose, wanted: (i64, i64), entries: &[Entry]) -> i64 {
        let (_, terms, _) = spent();
        (standing.granted_by(terms, purpose, wanted, entries.to_vec()) - at(0)).num_seconds()
    }

    #[test]
    fn requests_come_back_as_they_were_used_window_after_window() {
        let (standing, _, entries) = spent();
        let of = |requests| seconds(&standing, Purpose::Live, (requests, 0), &entries);
        assert_eq!([of(1), of(50), of(51), of(100), of(101), of(150)], [100, 100, 150, 150, 200, 200]);
    }

    #[test]
    fn what_has_room_now_comes_now_unless_crisp_refuses() {
        let (spent, _, entries) = spent();
        let mut standing = Standing { used: 50, ..spent };
        assert_eq!(seconds(&standing, Purpose::Live, (50, 0), &entries[..1]), 60);
        standing.memory.blocked_until = Some(at(90));
        assert_eq!(seconds(&standing, Purpose::Live, (50, 0), &entries[..1]), 90);
        assert_eq!(seconds(&standing, Purpose::Live, (51, 0), &entries[..1]), 150);
    }

    #[test]
    fn backfills_share_what_live_work_does_not_use() {
        let (spent, _, _) = spent();
        let standing = Standing { used_live: 50, ..spent };
        let entries = [entry(150, 50, false), entry(100, 50, true)];
        // One is still kept for live work at the end of a period.
        assert_eq!(seconds(&standing, Purpose::Backfill, (40, 0), &entries), 150);
        assert_eq!(seconds(&standing, Purpose::Backfill, (79, 0), &entries), 160);
        assert_eq!(seconds(&standing, Purpose::Backfill, (80, 0), &entries), 250);
        assert_eq!(seconds(&standing, Purpose::Backfill, (50, 1), &entries), 250, "a rival takes as much");
    }
}
