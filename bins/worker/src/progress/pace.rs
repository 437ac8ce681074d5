//! How fast it goes, and how long it will take.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Snapshot;

/// Rows in a page of Crisp's lists.
const PAGE: u64 = 50;
/// Before so many requests a rate says nothing.
const ENOUGH: u64 = 3;

/// So far back a rate looks: lists are read page by page, messages side by side, and the pace changes in between.
const MEMORY: Duration = Duration::from_secs(10);

/// The pace of the last seconds.
#[derive(Debug, Default)]
pub(super) struct Pace(VecDeque<(Instant, u64)>);

impl Pace {
    /// Requests a second of late, and how long the rest will take at that rate.
    pub(super) fn of(&mut self, snapshot: &Snapshot, now: Instant) -> (Option<f64>, Option<Duration>) {
        self.0.push_back((now, snapshot.requests));
        // The one before the last within memory stays: the rate spans at least that time.
        while self.0.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= MEMORY) {
            self.0.pop_front();
        }
        let (begun, before) = self.0.front().copied().unwrap_or((now, snapshot.requests));
        let sent = snapshot.requests.saturating_sub(before);
        let seconds = now.saturating_duration_since(begun).as_secs_f64();
        if sent < ENOUGH || seconds <= 0.0 {
            return (None, None);
        }
        let rate = number(sent) / seconds;
        let left = remaining(snapshot).map(|left| number(left) / rate);
        (Some(rate), left.and_then(|seconds| Duration::try_from_secs_f64(seconds.ceil()).ok()))
    }
}

/// "45 requests, 12/s, about 9s left", as far as it is known; or what is waited for.
pub(super) fn in_words(snapshot: &Snapshot, (rate, left): (Option<f64>, Option<Duration>)) -> String {
    let mut words = format!("{} requests", snapshot.requests);
    if snapshot.state == "waiting_for_quota" {
        let until = snapshot.resumes_at.map(|at| at.format(", goes on at %T UTC").to_string());
        return format!("{words}, waiting for quota{}", until.unwrap_or_default());
    }
    if let Some(rate) = rate {
        words = format!("{words}, {rate:.0}/s");
    }
    match left {
        Some(left) => format!("{words}, about {} left", humantime::format_duration(left)),
        None => words,
    }
}

/// Requests that are still to come while the sync runs: pages of both lists, and one for each conversation whose
/// messages are to be read. How many conversations those will be follows from those seen so far.
fn remaining(snapshot: &Snapshot) -> Option<u64> {
    if snapshot.state != "running" {
        return None;
    }
    let (people, conversations) = (snapshot.people, snapshot.conversations);
    let unread = |of: Option<u64>, read: u64| of.unwrap_or(read).saturating_sub(read);
    let unread_conversations = unread(Some(conversations.of?), conversations.read);
    let pages = unread(people.of, people.read).div_ceil(PAGE) + unread_conversations.div_ceil(PAGE);
    let changed = match conversations.read {
        0 => unread_conversations,
        read => snapshot.changed_conversations + unread_conversations * snapshot.changed_conversations / read,
    };
    let listed = people.read.div_ceil(PAGE) + conversations.read.div_ceil(PAGE);
    Some(pages + changed.saturating_sub(snapshot.requests.saturating_sub(listed)))
}

fn number(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Count;

    fn snapshot(people: u64, conversations: u64, changed: u64, requests: u64) -> Snapshot {
        Snapshot {
            state: "running".to_owned(),
            people: Count { read: people, of: Some(400) },
            conversations: Count { read: conversations, of: Some(300) },
            changed_conversations: changed,
            requests,
            ..Snapshot::default()
        }
    }

    #[test]
    fn what_remains_shrinks_from_pages_and_messages_to_nothing() {
        assert_eq!(remaining(&snapshot(0, 0, 0, 0)), Some(8 + 6 + 300));
        assert_eq!(remaining(&snapshot(400, 150, 120, 11)), Some(3 + 240));
        assert_eq!(remaining(&snapshot(400, 300, 240, 14 + 200)), Some(40));
        assert_eq!(remaining(&snapshot(400, 300, 240, 400)), Some(0));
    }

    #[test]
    fn the_rest_is_told_once_there_is_a_rate() {
        let (mut pace, begun) = (Pace::default(), Instant::now());
        assert_eq!(pace.of(&snapshot(0, 0, 0, 0), begun), (None, None));
        let later = pace.of(&snapshot(400, 300, 240, 134), begun + Duration::from_secs(10));
        assert_eq!(in_words(&snapshot(400, 300, 240, 134), later), "134 requests, 13/s, about 9s left");
    }

    #[test]
    fn a_sync_that_waits_says_for_what() {
        let waiting = Snapshot { state: "waiting_for_quota".to_owned(), requests: 7, ..Snapshot::default() };
        assert_eq!(in_words(&waiting, (Some(1.0), None)), "7 requests, waiting for quota");
    }
}
