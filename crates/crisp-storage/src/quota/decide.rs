//! Whether a request may be granted now, and if not, when. Pure.

use chrono::{DateTime, TimeDelta, Utc};

use super::Purpose;
use super::terms::{Terms, is_spent, learnt_for, pause};

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
    /// The part of that which was the asking account's own live work.
    pub(super) own_live: i64,
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
    /// Whether it is live work of the asking account.
    pub(super) own_live: bool,
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
    /// A refusal alone says nothing about the quota: a burst limit passes in seconds, and where Crisp demands a wait,
    /// everybody waits for so long and asks again. Only when pause after pause ends in another refusal, what was used
    /// counts as the real limit; and again at the first refusal at what was learnt before. `used` is `None` where
    /// nothing is counted.
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
        if let Some(used) = used.filter(|used| is_spent(refusals) || self.knew(window, *used, now)) {
            // The refused request is among those that count.
            memory.learnt_limit = Some((used - 1).min(self.learnt(now).unwrap_or(i64::MAX)).max(1));
            memory.learnt_until = memory.blocked_until.max(Some(now)).map(|from| from + learnt_for(window));
        }
        memory
    }

    /// Whether a limit that was learnt within the last window has just been met again.
    fn knew(&self, window: TimeDelta, used: i64, now: DateTime<Utc>) -> bool {
        self.learnt_until.is_some_and(|until| until + window > now)
            && self.learnt_limit.is_some_and(|limit| used > limit)
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
        let kept = match self.kept_for(terms, purpose) {
            None => 0,
            // What live work has used is no longer kept for it.
            Some(used_live) => (terms.reserve(self.period(terms), self.now) - used_live).max(terms.floor()),
        };
        terms.limit - self.used - kept
    }

    /// What they for whom a reserve is kept have used of it; `None`: the asking one need not leave any. An account
    /// whose live work had its share leaves to the others' what a backfill leaves: so none of them spends it all.
    fn kept_for(&self, terms: &Terms, purpose: Purpose) -> Option<i64> {
        match purpose {
            Purpose::Interactive => None,
            Purpose::Live => (self.own_live >= terms.live_share()).then_some(self.used_live - self.own_live),
            Purpose::Backfill => Some(self.used_live),
        }
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
        let (mut left, mut from) = (self.clone(), self.now);
        for entry in entries {
            let found = left.room_between(terms, purpose, from);
            if let Some(moment) = found.filter(|moment| *moment <= entry.counts_until) {
                return moment;
            }
            left.forget(entry);
            from = from.max(entry.counts_until + TimeDelta::microseconds(1));
        }
        left.room_between(terms, purpose, from).unwrap_or(from + terms.window)
    }

    fn forget(&mut self, entry: &Entry) {
        self.used -= entry.amount;
        self.used_live -= if entry.live { entry.amount } else { 0 };
        self.own_live -= if entry.own_live { entry.amount } else { 0 };
    }

    fn room_between(&self, terms: &Terms, purpose: Purpose, from: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let spare = terms.limit - self.used - 1;
        match self.kept_for(terms, purpose) {
            None => (spare >= 0).then_some(from),
            Some(_) if spare < terms.floor() => None,
            Some(used_live) => terms.released(self.period(terms), from, spare + used_live),
        }
    }

    /// Where open grants alone stand in the way: when the first of them ends.
    fn maybe_given_back(&self, terms: &Terms, purpose: Purpose, entries: &[Entry]) -> Option<DateTime<Utc>> {
        let first = entries.iter().filter_map(|entry| entry.open_until).min()?;
        let mut without = self.clone();
        entries.iter().filter(|entry| entry.open_until.is_some()).for_each(|entry| without.forget(entry));
        (without.room(terms, purpose) >= 1).then(|| first.max(self.now + terms.poll()))
    }
}

#[cfg(test)]
mod tests;
