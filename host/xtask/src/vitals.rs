//! Memory and processor time of a process that runs, as Linux tells them.

use std::{fs, time::Duration};

use anyhow::{Context, Result};

/// In which units Linux tells processor time, on every machine of today.
const CPU_TICKS_PER_SECOND: u64 = 100;

/// A process that runs, by its id.
#[derive(Clone, Copy)]
pub struct Vitals(pub u32);

impl Vitals {
    /// The most memory that it held at once, in bytes; none where the system does not say.
    pub fn peak_memory(self) -> Option<u64> {
        self.memory("VmHWM:")
    }

    /// The memory that it holds now, in bytes; none where the system does not say.
    pub fn resident(self) -> Option<u64> {
        self.memory("VmRSS:")
    }

    /// Processor time, user and system, that it took so far, to a hundredth of a second.
    pub fn cpu(self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0))
            .context("the system does not tell the processor time of a process")?;
        // The fields are counted behind the name, which may hold blanks.
        let (_, fields) = stat.rsplit_once(')').context("/proc/PID/stat is not as expected")?;
        let ticks: Vec<u64> =
            fields.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
        Ok(Duration::from_millis(ticks.iter().sum::<u64>() * 1_000 / CPU_TICKS_PER_SECOND))
    }

    fn memory(self, field: &str) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(field))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib << 10)
    }
}
