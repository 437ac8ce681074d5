use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn at(milliseconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::milliseconds(milliseconds)
}

fn terms(limit: u32) -> Terms {
    Terms::new(limit, Duration::from_secs(10), Duration::from_secs(1))
}

fn standing(now: i64, used: i64, used_live: i64) -> Standing {
    let memory = Memory::default();
    Standing { now: at(now), period_started_at: at(0), used, used_live, own_live: 0, ahead: 0, memory }
}

#[test]
fn live_work_may_have_everything_and_backfills_leave_the_reserve() {
    let room = |now, used, live, purpose| standing(now, used, live).room(&terms(200), purpose);
    assert_eq!(room(0, 150, 0, Purpose::Interactive), 50);
    assert_eq!(room(0, 150, 0, Purpose::Backfill), 10);
    assert_eq!(room(0, 150, 30, Purpose::Backfill), 40, "what live work had is no longer kept for it");
    assert_eq!(room(0, 150, 100, Purpose::Backfill), 48, "a click never waits behind a backfill");
    assert_eq!(room(9_999, 150, 0, Purpose::Backfill), 48);
}

#[test]
fn the_live_work_of_an_account_that_had_its_share_leaves_the_reserve_to_the_others() {
    let room = |now, used, own_live| {
        let standing = Standing { own_live, ..standing(now, used, used) };
        standing.room(&terms(200), Purpose::Live)
    };
    assert_eq!(room(0, 49, 49), 151, "a quarter is anybody's");
    assert_eq!(room(0, 60, 60), 100, "beyond it a fifth of the limit is the others'");
    assert_eq!((room(0, 160, 160), room(0, 160, 20)), (0, 40));
    assert_eq!(room(0, 160, 135), 25, "what the others had is no longer kept for them");
    assert_eq!(room(9_999, 160, 160), 38, "at the end of the period it is released");
}

#[test]
fn an_account_that_had_more_waits_only_where_room_is_scarce() {
    let mut standing = standing(0, 100, 0);
    standing.ahead = 1;
    assert_eq!(standing.decide(terms(200), Purpose::Backfill, 9), Verdict::Grant(1));
    standing.used = 159;
    assert_eq!(standing.decide(terms(200), Purpose::Backfill, 9), Verdict::NotYourTurn);
    assert_eq!(standing.decide(terms(200), Purpose::Live, 9), Verdict::Grant(1));
    standing.used = 160;
    assert_eq!(standing.decide(terms(200), Purpose::Backfill, 9), Verdict::Full);
}

fn closed(counts_until: i64, amount: i64) -> Entry {
    Entry { counts_until: at(counts_until), amount, live: false, own_live: false, open_until: None }
}

#[test]
fn room_comes_with_the_end_of_an_entry_or_with_the_release_of_the_reserve() {
    let from = |used, purpose, entries: Vec<Entry>| {
        let from = standing(1_000, used, 0).room_from(terms(200), purpose, entries);
        (from - at(0)).num_milliseconds()
    };
    assert_eq!(from(200, Purpose::Live, vec![closed(9_000, 150), closed(4_000, 50)]), 4_000);
    assert_eq!(
        from(160, Purpose::Backfill, vec![closed(90_000, 160)]),
        7_000,
        "one of the forty is released"
    );
    assert_eq!(from(160, Purpose::Backfill, vec![closed(3_000, 1), closed(90_000, 159)]), 3_000);
    assert_eq!(
        from(199, Purpose::Backfill, vec![closed(3_000, 1), closed(12_000, 198)]),
        12_000,
        "the floor stays"
    );
}

#[test]
fn open_grants_may_come_back_sooner() {
    let open = Entry { open_until: Some(at(2_000)), ..closed(15_000, 50) };
    let from = standing(1_000, 200, 0).room_from(terms(200), Purpose::Live, vec![closed(9_000, 150), open]);
    assert_eq!(from, at(2_000));
}

#[test]
fn refusals_in_a_burst_are_one_and_a_success_or_time_ends_them() {
    let day = TimeDelta::days(1);
    let first = Memory::default().after_refusal(day, Some(10), None, at(0));
    assert_eq!((first.refusals, first.blocked_until, first.learnt_limit), (1, Some(at(5_000)), None));
    let same = first.after_refusal(day, Some(10), None, at(100));
    assert_eq!((same.refusals, same.blocked_until), (1, Some(at(5_000))));
    let second = same.after_refusal(day, Some(11), None, at(5_001));
    assert_eq!((second.refusals, second.blocked_until), (2, Some(at(15_001))));
}

/// Refused after each pause, until it counts as a limit. The memory of it, and when the last pause ends.
fn taught(used: i64) -> (Memory, DateTime<Utc>) {
    let (mut memory, mut now) = (Memory::default(), at(0));
    for _ in 0..6 {
        memory = memory.after_refusal(TimeDelta::days(1), Some(used), None, now);
        now = memory.blocked_until.unwrap();
    }
    (memory, now)
}

#[test]
fn pause_after_pause_teaches_the_real_limit_for_an_hour() {
    let (memory, now) = taught(3_001);
    assert_eq!((memory.learnt_limit, memory.learnt(now)), (Some(3_000), Some(3_000)));
    let standing = Standing { memory, ..standing(0, 3_000, 0) };
    let standing = Standing { now, ..standing };
    let terms = Terms::new(5_000, Duration::from_hours(24), Duration::from_secs(10));
    assert_eq!(standing.decide(terms, Purpose::Live, 1), Verdict::Full);
    let later = Standing { now: now + TimeDelta::hours(1), ..standing };
    assert_eq!(later.decide(terms, Purpose::Live, 1), Verdict::Grant(1));
}

#[test]
fn a_limit_that_is_met_again_is_learnt_again_at_the_first_refusal() {
    let day = TimeDelta::days(1);
    let (mut memory, now) = taught(3_001);
    memory.refusals = 0;
    let again = now + TimeDelta::hours(1);
    let lower = memory.after_refusal(day, Some(2_000), None, again);
    assert_eq!(lower.learnt(again), None, "below what was granted before, it is a burst limit");
    let met = memory.after_refusal(day, Some(3_041), None, again);
    assert_eq!((met.refusals, met.learnt(again)), (1, Some(3_040)));
    let forgotten = memory.after_refusal(day, Some(3_041), None, again + day);
    assert_eq!(forgotten.learnt(again + day), None);
}

#[test]
fn a_demand_of_crisp_is_obeyed_within_reason_and_says_nothing_about_the_limit() {
    let day = TimeDelta::days(1);
    let demanded = |demand| Memory::default().after_refusal(day, Some(7), Some(demand), at(0));
    assert_eq!(demanded(TimeDelta::seconds(30)).blocked_until, Some(at(30_000)));
    assert_eq!(demanded(TimeDelta::hours(3)).blocked_until, Some(at(3 * 3_600_000)));
    assert_eq!(demanded(TimeDelta::hours(3)).learnt_limit, None);
    assert_eq!(demanded(TimeDelta::days(300)).blocked_until, Some(at(86_400_000)));
    assert!(demanded(TimeDelta::zero()).blocked_until > Some(at(0)));
    let longer = demanded(TimeDelta::hours(3)).after_refusal(day, Some(7), Some(TimeDelta::hours(1)), at(9));
    assert_eq!(longer.blocked_until, Some(at(3 * 3_600_000)), "the longest of a burst counts");
}

/// A grant in memory: open until it is closed, for ever where its holder died.
struct Held {
    valid_until: i64,
    amount: i64,
    closed: Option<(i64, i64)>,
}

impl Held {
    fn counts(&self, terms: &Terms, now: i64) -> i64 {
        let (late, window) = (terms.late.num_milliseconds(), terms.counts_for().num_milliseconds());
        match self.closed {
            Some((at, used)) if at <= now => {
                if at + window >= now {
                    used
                } else {
                    0
                }
            }
            Some(_) | None => {
                if self.valid_until + late + window >= now {
                    self.amount
                } else {
                    0
                }
            }
        }
    }
}

proptest! {
    /// Any mix of holders that use all, part or nothing of their grants, early or late, side by side, and of holders
    /// that die.
    #[test]
    fn no_window_ever_holds_more_than_the_limit(
        limit in 1..40_u32,
        steps in prop::collection::vec((0..300_i64, 1..9_i64, 0..9_i64, 0..1_300_i64, 0..1_300_i64, 0..8_u8), 1..250),
    ) {
        let terms = Terms::new(limit, Duration::from_secs(2), Duration::from_secs(1));
        let (mut now, mut grants, mut arrivals) = (0, Vec::<Held>::new(), Vec::new());
        for (pause, want, used, took, waited, fate) in steps {
            now += pause;
            let counting = grants.iter().map(|held| held.counts(&terms, now)).sum();
            let verdict = standing(now, counting, counting).decide(terms, Purpose::Live, want);
            let Verdict::Grant(amount) = verdict else { continue };
            let used = used.min(amount);
            let valid_until = now + terms.valid_for().num_milliseconds();
            let arrived = now + took.min(valid_until - now + terms.late.num_milliseconds() - 1);
            let closed = (fate != 0).then_some((arrived + waited, used));
            grants.push(Held { valid_until, amount, closed });
            arrivals.extend(std::iter::repeat_n(arrived, usize::try_from(used).unwrap()));
        }
        arrivals.sort_unstable();
        let span = usize::try_from(limit).unwrap();
        for pair in arrivals.windows(span + 1) {
            prop_assert!(pair[span] - pair[0] > 2_000, "{} requests within {} ms", span + 1, pair[span] - pair[0]);
        }
    }

    /// Nothing else happening, the moment told is the first at which the same wish is granted.
    #[test]
    fn the_moment_told_is_the_first_with_room(
        limit in 20..300_u32,
        now in 0..30_000_i64,
        amounts in prop::collection::vec((1..60_i64, 1..12_000_i64, any::<bool>(), any::<bool>()), 1..20),
        backfill in any::<bool>(),
    ) {
        let (terms, purpose) = (terms(limit), if backfill { Purpose::Backfill } else { Purpose::Live });
        let entries: Vec<Entry> = amounts
            .iter()
            .map(|&(amount, left, live, own)| {
                Entry { live, own_live: live && own, ..closed(now + left, amount) }
            })
            .collect();
        let seen = |moment: DateTime<Utc>| {
            let counting = || entries.iter().filter(|entry| entry.counts_until >= moment);
            let used = counting().map(|entry| entry.amount).sum();
            let used_live = counting().filter(|entry| entry.live).map(|entry| entry.amount).sum();
            let own_live = counting().filter(|entry| entry.own_live).map(|entry| entry.amount).sum();
            Standing { now: moment, own_live, ..standing(0, used, used_live) }
        };
        let asked = seen(at(now));
        if asked.decide(terms, purpose, 1) != Verdict::Full {
            return Ok(());
        }
        let told = asked.room_from(terms, purpose, entries.clone());
        prop_assert!(told > at(now));
        let before = told - TimeDelta::milliseconds(2);
        prop_assert!(matches!(seen(told + TimeDelta::milliseconds(1)).decide(terms, purpose, 1), Verdict::Grant(_)));
        prop_assert!(before <= at(now + 5) || seen(before).decide(terms, purpose, 1) == Verdict::Full);
    }
}
