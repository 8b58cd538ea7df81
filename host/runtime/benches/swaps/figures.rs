//! Figures of many measurements.

use std::{fmt, fs};

use tokio::time::Duration;

/// Percentiles of spans.
#[derive(Clone, Copy)]
pub struct Pauses([Duration; 4]);

impl Pauses {
    /// Those of these.
    pub fn of(mut spans: Vec<Duration>) -> Self {
        spans.sort_unstable();
        let at = |percent: f64| {
            let position = (spans.len() as f64 * percent / 100.0) as usize;
            spans.get(position.min(spans.len().saturating_sub(1))).copied().unwrap_or_default()
        };
        Self([at(50.0), at(90.0), at(99.0), at(100.0)])
    }

    /// How much more these are, percentile by percentile.
    pub fn less(self, other: &Self) -> Self {
        let mut more = self.0;
        for (span, other) in more.iter_mut().zip(other.0) {
            *span = span.saturating_sub(other);
        }
        Self(more)
    }
}

impl fmt::Display for Pauses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [half, most, nearly, longest] = self.0.map(|span| span.as_secs_f64() * 1e3);
        write!(f, "p50 {half:.3} ms, p90 {most:.3} ms, p99 {nearly:.3} ms, max {longest:.3} ms")
    }
}

/// The median.
pub fn median(mut spans: Vec<Duration>) -> Duration {
    spans.sort_unstable();
    spans[spans.len() / 2]
}

/// Memory of this process that is in use, in MiB.
pub fn resident_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)).and_then(|kib| kib.parse::<f64>().ok());
    kib.unwrap_or(f64::NAN) / 1024.0
}
