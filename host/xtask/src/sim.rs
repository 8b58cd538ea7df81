//! `cargo xtask sim`: runs the consumer under simulation, seed after seed, on every core.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc::{SyncSender, sync_channel},
    thread,
    time::Instant,
};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

use crate::repository::{self, Repository, cargo};

/// Seeds that one process runs before the next range is given out.
const RANGE: u64 = 250;
/// Lines of the processes that may wait to be read.
const LINES_WAITING: usize = 1_000;
/// Seeds that fail which are shown one by one before they are only counted.
const FAILURES_SHOWN: usize = 50;

/// Which seeds are run.
#[derive(clap::Args)]
pub struct Flags {
    /// How many seeds
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    start: u64,
    /// Print everything that happened, with its virtual time
    #[arg(long)]
    log: bool,
}

/// Runs the seeds, and fails if one of them does.
#[expect(clippy::disallowed_methods, reason = "what is told is how long it takes while time passes")]
pub fn run(repository: &Repository, flags: &Flags) -> Result<()> {
    let binary = build(repository)?;
    if flags.log {
        let seeds = [flags.start.to_string(), flags.seeds.to_string()];
        return repository::run(Command::new(&binary).args(seeds).arg("log"));
    }
    let begun = Instant::now();
    let sums = run_all(&binary, flags)?;
    sums.print(flags, begun.elapsed().as_secs_f64());
    if sums.failed.is_empty() { Ok(()) } else { bail!("{} seeds failed", sums.failed.len()) }
}

/// Compiles it, with nothing but the engine and what the engine needs.
fn build(repository: &Repository) -> Result<PathBuf> {
    let target = ["--package", "tidemill-engine", "--features", "simulation", "--bin", "simulation"];
    let mut build = cargo();
    build.args(["build", "--locked", "--profile", "simulation"]).args(target);
    repository::run(build.current_dir(&repository.root))?;
    let name = format!("simulation{}", std::env::consts::EXE_SUFFIX);
    Ok(repository.target.join("simulation").join(name))
}

/// What all processes told.
#[derive(Default)]
struct Sums {
    seeds: u64,
    failed: BTreeMap<u64, String>,
    /// What was counted, in the order in which it is told.
    counts: Vec<(String, u64)>,
}

/// Lets as many processes as there are cores run ranges of seeds until all are run.
fn run_all(binary: &Path, flags: &Flags) -> Result<Sums> {
    let end = flags.start + flags.seeds;
    let starts: Vec<u64> = (flags.start..end).step_by(usize::try_from(RANGE)?).collect();
    let cores = thread::available_parallelism()?.get();
    let bar = ProgressBar::new(flags.seeds)
        .with_style(ProgressStyle::with_template("{wide_bar} {pos} of {len} seeds, {eta} to go")?);
    let (sender, lines) = sync_channel(LINES_WAITING);
    let mut sums = Sums::default();
    thread::scope(|scope| {
        let runners: Vec<_> = (0..cores)
            .map(|core| {
                let mine: Vec<u64> = starts.iter().copied().skip(core).step_by(cores).collect();
                let sender = sender.clone();
                scope.spawn(move || {
                    mine.into_iter()
                        .try_for_each(|start| run_range(binary, start, RANGE.min(end - start), &sender))
                })
            })
            .collect();
        drop(sender);
        for line in &lines {
            sums.take(&line);
            bar.set_position(sums.seeds);
        }
        runners
            .into_iter()
            .try_for_each(|runner| runner.join().expect("a thread that runs seeds does not panic"))
    })?;
    bar.finish_and_clear();
    Ok(sums)
}

/// Runs some seeds in one process, and passes its lines on.
fn run_range(binary: &Path, start: u64, seeds: u64, lines: &SyncSender<String>) -> Result<()> {
    let mut command = Command::new(binary);
    command.args([start.to_string(), seeds.to_string()]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().context("the simulation cannot be started")?;
    let stdout = child.stdout.take().context("the simulation has no stdout")?;
    for line in BufReader::new(stdout).lines() {
        lines.send(line.context("the simulation cannot be read")?)?;
    }
    let status = child.wait().context("the simulation was not waited for")?;
    // 1 is a seed that failed, which a line told.
    match status.code() {
        Some(0 | 1) => Ok(()),
        _ => bail!("the simulation of {seeds} seeds from {start} on ended with {status}"),
    }
}

impl Sums {
    fn take(&mut self, line: &str) {
        let Some((word, rest)) = line.split_once(' ') else { return };
        let (number, what) = rest.split_once(' ').unwrap_or((rest, ""));
        let Ok(number) = number.parse::<u64>() else { return };
        match word {
            "seed" => self.seeds += 1,
            "failed" => drop(self.failed.insert(number, what.to_owned())),
            "count" => match self.counts.iter_mut().find(|(known, _)| known == what) {
                Some((_, count)) => *count += number,
                None => self.counts.push((what.to_owned(), number)),
            },
            _ => {}
        }
    }

    fn print(&self, flags: &Flags, seconds: f64) {
        let Sums { seeds, failed, counts } = self;
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = *seeds as f64 / seconds;
        println!("{seeds} seeds from {} on in {seconds:.1} s, {rate:.0} a second", flags.start);
        for (what, count) in counts {
            println!("{count:>14} {what}");
        }
        for (seed, why) in failed.iter().take(FAILURES_SHOWN) {
            println!("seed {seed} failed: {why}");
            println!("    cargo xtask sim --start {seed} --seeds 1 --log");
        }
        println!("{} seeds failed", failed.len());
    }
}
