//! `cargo xtask demo`: the program at work as its users start it, on a shipped data set, and every record verified.
//!
//! `tidemill run` starts the embedded Kinesis and a pipeline; `tidemill put` puts the orders; `tidemill tail` reads
//! what comes out. This program only starts them, and computes on its own what has to come out.

mod orders;
mod report;
mod verdict;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    child::{Host, Lines},
    demo::{orders::Orders, report::Report, verdict::Verdict},
    guests,
    repository::{self, Repository},
};

/// How the demo is run.
#[derive(clap::Args)]
pub struct Flags {
    /// A binary `tidemill` that is built already; without it, one is built for release
    #[arg(long, value_name = "FILE")]
    host: Option<PathBuf>,
}

/// Runs the demo, prints the report, and fails unless all of it is right.
pub fn run(repository: &Repository, flags: Flags) -> Result<()> {
    guests::build(repository)?;
    let binary = flags.host.map_or_else(|| repository.build_host(), Ok)?;
    let folder = repository.target.join("demo");
    fs::create_dir_all(&folder).context("cannot write into the target folder")?;
    let orders = Orders::unpack(repository, &folder)?;

    let host = Host::start(&binary, &repository.root.join("examples/demo/tidemill.toml"), &folder)?;
    eprintln!("the host is up, with Kinesis at {}", host.url());
    let tail = ["tail", "paid-orders", "--from", "trim-horizon", "--format", "json"];
    let lines = Lines::of(Command::new(&binary).args(tail).args(["--endpoint-url", host.url()]))?;

    let put = |file: &Path| {
        let arguments = ["put", "orders", "--partition-key", "/customer", "--endpoint-url", host.url()];
        repository::run(Command::new(&binary).args(arguments).arg(file))
    };
    let mut verdict = Verdict::new(&orders);
    let took = thread::scope(|scope| {
        let putting = scope.spawn(|| put(&orders.file));
        let watched = watch(&lines, &mut verdict);
        putting.join().expect("putting does not panic").and(watched)
    })?;
    // Whatever came out twice is in front of what is put now.
    put(&orders.ends_file)?;
    while !verdict.is_ended() {
        let Some(line) = lines.next()? else { break };
        verdict.take(&line);
    }
    drop(lines);
    let peak = host.vitals().peak_memory();
    let summary = host.stop()?;

    let report = Report { orders: &orders, verdict: &verdict, took, peak, summary: &summary };
    println!("\n{report}");
    if !report.is_good() {
        bail!("the demo did not verify; the host's log is {}", folder.join("host.log").display());
    }
    Ok(())
}

/// Reads the output stream until every order came out, or nothing comes any more, and says how long that took.
fn watch(lines: &Lines, verdict: &mut Verdict<'_>) -> Result<Duration> {
    let bar = ProgressBar::new(verdict.lost() as u64);
    let template = "{bar:40.cyan} {human_pos}/{human_len} records out, {per_sec}, {elapsed}";
    bar.set_style(ProgressStyle::with_template(template).context("the template is well formed")?);
    while verdict.lost() > 0 {
        let Some(line) = lines.next()? else { break };
        if verdict.take(&line) {
            bar.inc(1);
        }
    }
    bar.finish();
    Ok(bar.elapsed())
}
