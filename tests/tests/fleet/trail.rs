//! What was done to hosts, and what they left behind.

use std::{collections::BTreeMap, fs, time::UNIX_EPOCH};

use tidemill_engine::time::{Clock, UnixMillis};

use super::schedule::Event;
use crate::harness::{host::Host, numbered::Numbered};

/// What the log says where a lease was lost without being given back, whatever the reason.
const LOST: &str = "stops reading the shard";
/// In which units Linux tells processor time.
const CPU_TICKS_PER_SECOND: f64 = 100.0;

/// What was seen of all hosts.
#[derive(Debug, Default)]
pub struct Trail {
    /// How often each kind of event happened.
    pub events: BTreeMap<Event, usize>,
    /// When something happened after which documents may come out again.
    pub disturbances: Vec<UnixMillis>,
    /// Processor time of all hosts, in seconds.
    pub cpu: f64,
    /// The most memory that a host held, in KiB.
    pub peak_kib: u64,
    /// Leases that a worker lost without giving them back.
    pub lost_leases: usize,
}

impl Trail {
    /// Counts an event.
    pub fn event(&mut self, event: Event) {
        *self.events.entry(event).or_default() += 1;
    }

    /// Remembers when documents may have begun to come out again.
    pub fn disturbed(&mut self, at: UnixMillis) {
        self.disturbances.push(at);
    }

    /// Takes in what a host used, just before its end.
    pub fn life_ends(&mut self, host: &Host) {
        let read =
            |file: &str| fs::read_to_string(format!("/proc/{}/{file}", host.pid())).unwrap_or_default();
        let stat = read("stat");
        // The fields are counted behind the name, which may hold blanks.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
        let ticks: f64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
        self.cpu += ticks / CPU_TICKS_PER_SECOND;
        let status = read("status");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        self.peak_kib = self.peak_kib.max(peak.and_then(|kib| kib.trim().parse().ok()).unwrap_or(0));
    }

    /// A document comes out again only if something disturbed the hosts after it was put and before it came.
    ///
    /// # Panics
    /// If nothing did.
    pub fn must_explain(&self, document: Numbered, put: UnixMillis, came_again: UnixMillis) {
        let is_explained = self.disturbances.iter().any(|at| (put..=came_again).contains(at));
        assert!(is_explained, "{document} came out again for no reason: put={put} again={came_again}");
    }

    /// Takes in what a host wrote to its log.
    pub fn log(&mut self, log: &str) {
        for line in log.lines().filter(|line| line.contains(LOST)) {
            let at = line.split_whitespace().next().and_then(|date| humantime::parse_rfc3339(date).ok());
            let since =
                at.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).expect("a line begins with its date");
            self.lost_leases += 1;
            self.disturbed(UnixMillis(u64::try_from(since.as_millis()).expect("the date is of our time")));
        }
    }
}

/// The date.
pub fn now() -> UnixMillis {
    Clock::system().now()
}
