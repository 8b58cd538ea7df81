//! `cargo xtask demo`: the program at work as its users start it, on a shipped data set, and every record verified.
//!
//! `tidemill run` starts the embedded Kinesis and a pipeline; `tidemill put` puts the orders; `tidemill tail` reads
//! what comes out. This program only starts them, and computes on its own what has to come out.

mod child;
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
    demo::{
        child::{Host, Lines},
        orders::Orders,
        report::Report,
        verdict::Verdict,
    },
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
    let (verdict, took) = thread::scope(|scope| {
        let putting = scope.spawn(|| put(&orders.file).and_then(|()| put(&orders.ends_file)));
        let watched = watch(&lines, &orders);
        putting.join().expect("putting does not panic").and(watched)
    })?;
    drop(lines);
    let peak = host.peak_memory();
    let summary = host.stop()?;

    let report = Report { orders: &orders, verdict: &verdict, took, peak, summary: &summary };
    println!("\n{report}");
    if !report.is_good() {
        bail!("the demo did not verify; the host's log is {}", folder.join("host.log").display());
    }
    Ok(())
}

/// Reads the output stream until the last record of every shard was seen, and says how long that took.
fn watch<'a>(lines: &Lines, orders: &'a Orders) -> Result<(Verdict<'a>, Duration)> {
    let bar = ProgressBar::new(orders.expected_count() as u64);
    let template = "{bar:40.cyan} {human_pos}/{human_len} records out, {per_sec}, {elapsed}";
    bar.set_style(ProgressStyle::with_template(template).context("the template is well formed")?);
    let mut verdict = Verdict::new(orders);
    while !verdict.is_complete() {
        if verdict.take(&lines.next()?) {
            bar.inc(1);
        }
    }
    bar.finish();
    Ok((verdict, bar.elapsed()))
}
