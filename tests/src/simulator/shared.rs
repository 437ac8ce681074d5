//! What all requests and all callers of one simulator share.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use super::behaviour::{Behaviour, Quota};
use super::faults::Fault;
use super::hooks::Hooks;
use super::log::Log;
use super::options::Options;
use super::plugin::Plugin;
use super::random::Draw;
use super::route::Route;
use super::site::Site;
use super::website::Website;

/// The simulator behind its handle.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) websites: Vec<Website>,
    pub(crate) clock: Clock,
    pub(crate) log: Log,
    pub(crate) plugin: RwLock<Plugin>,
    pub(crate) behaviour: RwLock<Behaviour>,
    pub(crate) hooks: Hooks,
    gauge: Mutex<Gauge>,
}

/// Crisp's clock: it starts where the options say and then runs like any other.
#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    start_ms: i64,
    ahead_ms: AtomicI64,
    stamped_ms: AtomicI64,
}

#[derive(Debug)]
struct Gauge {
    admitted: VecDeque<Instant>,
    overruns: u64,
    busiest: u64,
    /// How many requests each fault rule has looked at.
    seen: Vec<u64>,
    draw: Draw,
}

impl Shared {
    pub(crate) fn new(options: &Options, hooks: Hooks) -> Self {
        let clock = Clock::starting_at(options.now_ms.unwrap_or_else(machine_clock));
        let site = |(number, website)| Website::new(Site::new(options, website, number, clock.start_ms));
        Self {
            websites: (0..).zip(&options.websites).map(site).collect(),
            log: Log::default(),
            plugin: RwLock::new(options.plugin.clone()),
            behaviour: RwLock::new(options.behaviour.clone()),
            hooks,
            gauge: Mutex::new(Gauge::new(options.seed)),
            clock,
        }
    }

    /// Tells of a change by a web hook, if hooks go anywhere and the website has the plugin.
    pub(crate) fn emit(&self, website: &Website, event: &str, data: Value) {
        self.hooks.emit(website, event, data, self.clock.now_ms());
    }

    /// The website, which has to be one of the options'.
    pub(crate) fn website(&self, id: Uuid) -> &Website {
        match self.websites.iter().find(|website| website.site.id == id) {
            Some(website) => website,
            None => panic!("the simulator has no website {id}"),
        }
    }

    pub(crate) fn plugin(&self) -> Plugin {
        self.plugin.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn behaviour(&self) -> Behaviour {
        self.behaviour.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the quota has room for this request, which then counts.
    pub(crate) fn admits(&self, quota: &Quota) -> bool {
        self.gauge().admit(quota)
    }

    /// The fault that strikes this request, if any.
    pub(crate) fn fault(&self, behaviour: &Behaviour, route: &Route) -> Option<Fault> {
        self.gauge().fault(behaviour, route)
    }

    pub(crate) fn latency(&self, behaviour: &Behaviour) -> Duration {
        let jitter = self.gauge().draw.below(behaviour.latency_jitter_ms + 1);
        Duration::from_millis(behaviour.latency_ms + jitter)
    }

    /// Overruns of the quota, and the busiest window.
    pub(crate) fn quota_use(&self) -> (u64, u64) {
        let gauge = self.gauge();
        (gauge.overruns, gauge.busiest)
    }

    pub(crate) fn reset_gauge(&self) {
        let mut gauge = self.gauge();
        (gauge.overruns, gauge.busiest) = (0, 0);
    }

    /// Fault rules count from nought again.
    pub(crate) fn reset_scripts(&self) {
        self.gauge().seen.clear();
    }

    fn gauge(&self) -> MutexGuard<'_, Gauge> {
        self.gauge.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gauge {
    fn new(seed: u64) -> Self {
        Self {
            admitted: VecDeque::new(),
            overruns: 0,
            busiest: 0,
            seen: Vec::new(),
            draw: Draw::of(seed, &[77]),
        }
    }

    fn admit(&mut self, quota: &Quota) -> bool {
        let now = Instant::now();
        let window = Duration::from_millis(quota.window_ms);
        while self.admitted.front().is_some_and(|at| now.duration_since(*at) >= window) {
            self.admitted.pop_front();
        }
        if self.in_window() >= quota.requests {
            self.overruns += 1;
            return false;
        }
        self.admitted.push_back(now);
        self.busiest = self.busiest.max(self.in_window());
        true
    }

    fn in_window(&self) -> u64 {
        u64::try_from(self.admitted.len()).unwrap_or(u64::MAX)
    }

    fn fault(&mut self, behaviour: &Behaviour, route: &Route) -> Option<Fault> {
        let Self { seen, draw, .. } = self;
        seen.resize(behaviour.faults.len(), 0);
        let mut struck = None;
        for (rule, seen) in behaviour.faults.iter().zip(seen.iter_mut()) {
            if !rule.looks_at(route) {
                continue;
            }
            if struck.is_none() && rule.strikes(*seen, draw) {
                struck = Some(rule.fault.clone());
            }
            *seen += 1;
        }
        struck
    }
}

impl Clock {
    fn starting_at(start_ms: i64) -> Self {
        Self { started: Instant::now(), start_ms, ahead_ms: AtomicI64::new(0), stamped_ms: AtomicI64::new(0) }
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.start_ms
            + i64::try_from(self.elapsed_ms()).unwrap_or(i64::MAX)
            + self.ahead_ms.load(Ordering::Relaxed)
    }

    /// Now, but never the same twice: no two changes share their millisecond.
    pub(crate) fn stamp(&self) -> i64 {
        let now = self.now_ms();
        let later = |last: i64| Some(now.max(last + 1));
        let last = self.stamped_ms.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
        last.map_or(now, |last| now.max(last + 1))
    }

    pub(crate) fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.ahead_ms.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::Relaxed);
    }
}

fn machine_clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(0)
}
