//! Whether a request may be granted now, and if not, when. Pure.

use chrono::{DateTime, TimeDelta, Utc};

use super::Purpose;
use super::terms::{Terms, is_spent, pause};

/// The shortest wait worth telling.
const SHORTEST_WAIT: TimeDelta = TimeDelta::milliseconds(5);
/// The longest demand of Crisp that is believed, where the window is shorter.
const LONGEST_DEMAND: TimeDelta = TimeDelta::days(1);

/// What the ledger knows at one moment, by Postgres's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) now: DateTime<Utc>,
    pub(super) period_started_at: DateTime<Utc>,
    /// What counts: open grants whole, closed ones with what was used.
    pub(super) used: i64,
    /// The part of it that was not for backfills.
    pub(super) used_live: i64,
    /// Accounts whose backfill waits and has used less than the asking one's.
    pub(super) ahead: i64,
    pub(super) memory: Memory,
}

/// What is remembered of Crisp's own refusals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) blocked_until: Option<DateTime<Utc>>,
    pub(super) learnt_limit: Option<i64>,
    pub(super) learnt_until: Option<DateTime<Utc>>,
    pub(super) refusals: i32,
    pub(super) refused_at: Option<DateTime<Utc>>,
}

/// The answer to one who asks for requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Grant(i64),
    /// Crisp refused: not before this moment.
    Blocked(DateTime<Utc>),
    /// There is no room.
    Full,
    /// There is room, for another account that waits and had less.
    NotYourTurn,
}

/// One entry of the ledger, as far as it says when room will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// When it stops counting.
    pub(super) counts_until: DateTime<Utc>,
    pub(super) amount: i64,
    pub(super) live: bool,
    /// When an open grant must have been used; part of it may come back then.
    pub(super) open_until: Option<DateTime<Utc>>,
}

impl Memory {
    pub(super) fn block(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.blocked_until.filter(|until| *until > now)
    }

    fn learnt(&self, now: DateTime<Utc>) -> Option<i64> {
        self.learnt_limit.filter(|_| self.learnt_until.is_some_and(|until| until > now))
    }

    /// After another refusal. Those that arrive while grants are blocked belong to the same burst.
    ///
    /// A refusal without a reason may be a burst limit, which passes in seconds: only when pause after pause ends in
    /// another one, or Crisp demands a long wait, the budget counts as spent, and what was used as the real limit.
    /// `used` is `None` where nothing is counted.
    pub(super) fn after_refusal(
        &self,
        window: TimeDelta,
        used: Option<i64>,
        retry_after: Option<TimeDelta>,
        now: DateTime<Utc>,
    ) -> Self {
        let demanded = retry_after.map(|wait| wait.min(LONGEST_DEMAND.max(window)));
        let same_burst = self.block(now).is_some();
        let refusals = if same_burst { self.refusals } else { self.refusals.saturating_add(1) };
        let wait = demanded.map_or_else(|| pause(window, refusals), |wait| wait.max(SHORTEST_WAIT));
        let until = if same_burst && demanded.is_none() { None } else { Some(now + wait) };
        let mut memory = Self {
            blocked_until: self.blocked_until.max(until),
            refusals,
            refused_at: Some(now),
            ..self.clone()
        };
        if let Some(used) = used.filter(|_| is_spent(refusals, demanded)) {
            // The refused request is among those that count.
            memory.learnt_limit = Some((used - 1).min(self.learnt(now).unwrap_or(i64::MAX)).max(1));
            memory.learnt_until = Some(now + window);
        }
        memory
    }
}

impl Standing {
    /// The period as it is now.
    pub(super) fn period(&self, terms: &Terms) -> DateTime<Utc> {
        terms.period_start(self.period_started_at, self.now, self.used == 0)
    }

    /// The terms, with what was learnt from Crisp.
    pub(super) fn terms(&self, terms: Terms) -> Terms {
        terms.limited_to(self.memory.learnt(self.now))
    }

    /// How many more requests a purpose may have now.
    pub(super) fn room(&self, terms: &Terms, purpose: Purpose) -> i64 {
        let kept = match purpose {
            Purpose::Interactive | Purpose::Live => 0,
            // What live work has used is no longer kept for it.
            Purpose::Backfill => {
                (terms.reserve(self.period(terms), self.now) - self.used_live).max(terms.floor())
            }
        };
        terms.limit - self.used - kept
    }

    /// Judges a wish for `want` requests.
    pub(super) fn decide(&self, terms: Terms, purpose: Purpose, want: i64) -> Verdict {
        if let Some(until) = self.memory.block(self.now) {
            return Verdict::Blocked(until);
        }
        let terms = self.terms(terms);
        let (room, chunk) = (self.room(&terms, purpose), terms.chunk());
        let for_all_ahead = self.ahead.saturating_add(1).saturating_mul(chunk);
        if room < 1 {
            Verdict::Full
        } else if purpose == Purpose::Backfill && self.ahead > 0 && room < for_all_ahead {
            Verdict::NotYourTurn
        } else {
            Verdict::Grant(want.clamp(1, chunk).min(room))
        }
    }

    /// When there will be room for a purpose, as far as `entries` (everything that counts) tell.
    pub(super) fn room_from(&self, terms: Terms, purpose: Purpose, mut entries: Vec<Entry>) -> DateTime<Utc> {
        let terms = self.terms(terms);
        entries.sort_by_key(|entry| entry.counts_until);
        let certain = self.room_after(&terms, purpose, &entries);
        certain
            .min(self.maybe_given_back(&terms, purpose, &entries).unwrap_or(certain))
            .max(self.now + SHORTEST_WAIT)
    }

    /// Walks from one end of an entry to the next; between two the reserve alone changes.
    fn room_after(&self, terms: &Terms, purpose: Purpose, entries: &[Entry]) -> DateTime<Utc> {
        let (mut used, mut used_live, mut from) = (self.used, self.used_live, self.now);
        for entry in entries {
            let found = self.room_between(terms, purpose, (used, used_live), from);
            if let Some(moment) = found.filter(|moment| *moment <= entry.counts_until) {
                return moment;
            }
            used -= entry.amount;
            used_live -= if entry.live { entry.amount } else { 0 };
            from = from.max(entry.counts_until + TimeDelta::microseconds(1));
        }
        self.room_between(terms, purpose, (used, used_live), from).unwrap_or(from + terms.window)
    }

    fn room_between(
        &self,
        terms: &Terms,
        purpose: Purpose,
        (used, used_live): (i64, i64),
        from: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let spare = terms.limit - used - 1;
        match purpose {
            Purpose::Interactive | Purpose::Live => (spare >= 0).then_some(from),
            Purpose::Backfill if spare < terms.floor() => None,
            Purpose::Backfill => terms.released(self.period(terms), from, spare + used_live),
        }
    }

    /// Where open grants alone stand in the way: when the first of them ends.
    fn maybe_given_back(&self, terms: &Terms, purpose: Purpose, entries: &[Entry]) -> Option<DateTime<Utc>> {
        let first = entries.iter().filter_map(|entry| entry.open_until).min()?;
        let open = entries.iter().filter(|entry| entry.open_until.is_some());
        let given_back: i64 = open.map(|entry| entry.amount).sum();
        let without = Self { used: self.used - given_back, ..self.clone() };
        (without.room(terms, purpose) >= 1).then(|| first.max(self.now + terms.poll()))
    }
}

#[cfg(test)]
mod tests;
