//! Runs seeds of the simulation, one after the other, and tells of each that fails. `cargo xtask sim` starts it.
//!
//! Arguments: the first seed, how many, and what to do with them: `seeds` prints the sums and the seeds that fail,
//! `log` every event of every seed.

use std::{
    env,
    io::{self, Write},
    process::ExitCode,
};

use tidemill_engine::simulation::{Counts, Options, run};

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let mut number = || arguments.next().and_then(|text| text.parse::<u64>().ok());
    let (Some(start), Some(seeds)) = (number(), number()) else {
        eprintln!("usage: simulation START SEEDS [log]");
        return ExitCode::from(2);
    };
    let keeps_log = arguments.next().as_deref() == Some("log");
    match run_all(start, seeds, keeps_log) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        // Nobody reads any more.
        Err(_) => ExitCode::from(2),
    }
}

/// Answers how many seeds failed.
fn run_all(start: u64, seeds: u64, keeps_log: bool) -> io::Result<u64> {
    let mut out = io::stdout().lock();
    let (mut counts, mut failed) = (Counts::default(), 0);
    for seed in start..start + seeds {
        let report = run(seed, Options { keeps_log, bug: None });
        counts.add(&report.counts);
        for line in &report.log {
            writeln!(out, "{line}")?;
        }
        if let Some(broken) = &report.broken {
            failed += 1;
            writeln!(out, "failed {seed} {broken}")?;
        }
        if keeps_log {
            writeln!(out, "digest {seed} {:016x}", report.digest)?;
        }
        writeln!(out, "seed {seed}")?;
    }
    for (what, count) in counts.all() {
        writeln!(out, "count {count} {what}")?;
    }
    Ok(failed)
}
