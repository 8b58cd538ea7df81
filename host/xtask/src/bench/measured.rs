//! What the work of a process costs.

use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike,
};

/// What so many documents took.
#[derive(Clone, Copy)]
pub struct Cost {
    /// How many.
    pub documents: usize,
    /// Seconds of processor time, user and system.
    pub cpu: f64,
    /// Seconds that passed.
    pub wall: f64,
}

impl Cost {
    /// Seconds of processor time for a million documents.
    pub fn cpu_per_million(&self) -> f64 {
        self.cpu * 1e6 / self.documents as f64
    }

    /// Documents a second.
    pub fn rate(&self) -> f64 {
        self.documents as f64 / self.wall
    }
}

/// Processor time, user and system, of all child processes that were waited for so far.
pub fn cpu_of_children() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("the system does not tell processor time")?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(micros.unsigned_abs()))
}
