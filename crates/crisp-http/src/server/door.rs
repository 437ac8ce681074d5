//! Who gets in when it is crowded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::server::ServerOptions;

/// Once half of the connections are taken: long enough for anybody who means it.
const HEAD_WITHIN_WHEN_BUSY: Duration = Duration::from_secs(5);
/// Beyond the limit: long enough for a health check on the same network.
const HEAD_WITHIN_WHEN_CROWDED: Duration = Duration::from_secs(2);
/// Connections beyond the limit, which get nothing but health checks.
const BEYOND_THE_LIMIT: usize = 64;
/// File descriptors left for the database, files and the like.
const OTHER_DESCRIPTORS: usize = 128;

/// Counts the connections that are open.
#[derive(Debug)]
pub(super) struct Door {
    open: AtomicUsize,
    options: ServerOptions,
}

/// A connection that was let in. Frees its place when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    door: Arc<Door>,
    /// How many there were with this one, when it came.
    number: usize,
}

impl Door {
    pub(super) fn new(options: ServerOptions) -> Self {
        Self { open: AtomicUsize::new(0), options }
    }

    /// Tells the number of open connections, which is forgotten where nobody tells it again.
    pub(super) fn report(&self) {
        let open = u32::try_from(self.open.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        metrics::gauge!("http_connections").set(f64::from(open));
    }

    pub(super) fn enter(self: Arc<Self>) -> Option<Seat> {
        let number = self.open.fetch_add(1, Ordering::Relaxed) + 1;
        self.report();
        let seat = Seat { door: self, number };
        (seat.number <= seat.door.options.max_connections.saturating_add(BEYOND_THE_LIMIT)).then_some(seat)
    }
}

impl Seat {
    /// Whether the connection gets health checks only.
    pub(super) fn is_beyond_the_limit(&self) -> bool {
        self.number > self.door.options.max_connections
    }

    /// How long the connection may take to send a head. The more there are, the shorter.
    pub(super) fn patience(&self) -> Duration {
        let options = &self.door.options;
        if self.is_beyond_the_limit() {
            HEAD_WITHIN_WHEN_CROWDED.min(options.head_within)
        } else if self.number > options.max_connections / 2 {
            HEAD_WITHIN_WHEN_BUSY.min(options.head_within)
        } else {
            options.head_within
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.door.open.fetch_sub(1, Ordering::Relaxed);
        self.door.report();
    }
}

/// How many connections this process can hold with the file descriptors it has, or `wanted` if that is fewer.
pub fn connections_allowed(wanted: usize) -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let descriptors =
        limits.lines().find_map(|line| line.strip_prefix("Max open files")).and_then(soft_limit);
    let Some(descriptors) = descriptors else { return wanted };
    wanted.min(descriptors.saturating_sub(OTHER_DESCRIPTORS + BEYOND_THE_LIMIT).max(1))
}

fn soft_limit(rest: &str) -> Option<usize> {
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_there_are_the_less_time_each_has() {
        let options = ServerOptions { max_connections: 4, ..ServerOptions::default() };
        let door = Arc::new(Door::new(options));
        let seats: Vec<Seat> = (0..5).map(|_| Arc::clone(&door).enter().unwrap()).collect();
        let seconds: Vec<u64> = seats.iter().map(|seat| seat.patience().as_secs()).collect();
        assert_eq!(seconds, [75, 75, 5, 5, 2]);
        assert!(seats[4].is_beyond_the_limit() && !seats[3].is_beyond_the_limit());
        drop(seats);
        assert_eq!(door.enter().unwrap().patience().as_secs(), 75);
    }

    #[test]
    fn beyond_the_limit_there_is_an_end_too() {
        let options = ServerOptions { max_connections: 1, ..ServerOptions::default() };
        let door = Arc::new(Door::new(options));
        let seats: Vec<Option<Seat>> = (0..BEYOND_THE_LIMIT + 3).map(|_| Arc::clone(&door).enter()).collect();
        assert_eq!(seats.iter().flatten().count(), BEYOND_THE_LIMIT + 1);
    }

    #[test]
    fn there_are_never_more_connections_than_wanted() {
        assert_eq!(connections_allowed(1), 1);
        assert_eq!(soft_limit("            1024                 1048576              files"), Some(1024));
        assert_eq!(soft_limit(" unlimited unlimited files"), None);
    }
}
