//! When requests arrived, and whether any window held too many of them.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[derive(Debug, Clone, Default)]
pub(super) struct Arrivals(Arc<Mutex<Vec<Instant>>>);

impl Arrivals {
    pub(super) fn note(&self) {
        self.0.lock().unwrap().push(Instant::now());
    }

    /// How long it took from each request to the one `limit` later: never less than the window.
    fn spans(&self, limit: u32) -> Vec<Duration> {
        let mut arrivals = self.0.lock().unwrap().clone();
        arrivals.sort_unstable();
        let later = arrivals.iter().skip(usize::try_from(limit).unwrap());
        let spans: Vec<_> = arrivals.iter().zip(later).map(|(first, last)| *last - *first).collect();
        assert!(!spans.is_empty(), "too few requests to fill a window");
        spans
    }

    /// Windows that held more than `limit` requests.
    pub(super) fn overruns(&self, limit: u32, window: Duration) -> usize {
        self.spans(limit).iter().filter(|span| **span <= window).count()
    }

    /// The part of the limit that was used in an average window.
    pub(super) fn utilisation(&self, limit: u32, window: Duration) -> f64 {
        let spans = self.spans(limit);
        let total: f64 = spans.iter().map(Duration::as_secs_f64).sum();
        window.as_secs_f64() * f64::from(u32::try_from(spans.len()).unwrap()) / total
    }
}
