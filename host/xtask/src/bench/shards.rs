//! `cargo xtask bench shards`: what many shards in one process cost, idle and with a little to do.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use super::{documents, figures, local::Local};
use crate::{
    child::Host,
    guests,
    repository::{self, Repository, cargo},
    vitals::Vitals,
};

/// How long a process is left alone before it is measured.
const SETTLE: Duration = Duration::from_secs(5);
/// How often records are put.
const TICK: Duration = Duration::from_millis(100);
/// How often is looked whether all shards are read.
const LOOK: Duration = Duration::from_millis(200);
/// After so many looks the bench gives up.
const LOOKS: usize = 600;
/// What the host may hold at the most, in MiB.
const MEMORY_MIB: f64 = 400.0;

/// How it is run.
#[derive(clap::Args)]
pub struct Flags {
    /// Shards, each count in a fresh process
    #[arg(long, value_delimiter = ',', default_values_t = [125, 250, 500, 1_000])]
    shards: Vec<u32>,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// Records a second, over all shards, where there is something to do
    #[arg(long, default_value_t = 2_000)]
    records: u32,
    /// A binary `tidemill` that is built already; without it, one is built for release
    #[arg(long, value_name = "FILE")]
    host: Option<PathBuf>,
}

/// What so many shards took.
struct Row {
    shards: u32,
    idle: Cost,
    loaded: Cost,
}

/// What a process held at the end of a while, and what it took meanwhile.
struct Cost {
    mib: f64,
    cpu_per_minute: f64,
}

/// Measures the engine alone, then the whole program.
pub fn run(repository: &Repository, flags: &Flags) -> Result<()> {
    let mut build = cargo();
    build.args(["build", "--release", "--package", "tidemill-engine", "--example", "shards"]);
    repository::run(build.current_dir(&repository.root))?;
    let engine = repository.target.join("release/examples/shards");
    let rows = rows(flags, |shards| engine_alone(&engine, shards, flags))?;
    println!("\nthe engine with a handler that does nothing, the streams of the model in the same process");
    print(&rows, flags);

    let component = guests::build(repository)?.join("count.wasm");
    let binary = flags.host.clone().map_or_else(|| repository.build_host(), Ok)?;
    let folder = repository.target.join("bench");
    fs::create_dir_all(&folder).context("cannot write into the target folder")?;
    let rows = rows_of_host(flags, &binary, &component, &folder)?;
    println!("\n`tidemill run` with a component, the streams behind a wire in another process");
    print(&rows, flags);
    let most = rows.iter().map(|row| row.loaded.mib).fold(0.0, f64::max);
    if most > MEMORY_MIB {
        bail!("the host held more than it may: mib={most:.0} limit={MEMORY_MIB}");
    }
    Ok(())
}

fn rows(flags: &Flags, measure: impl Fn(u32) -> Result<Row>) -> Result<Vec<Row>> {
    flags.shards.iter().map(|shards| measure(*shards)).collect()
}

fn rows_of_host(flags: &Flags, binary: &Path, component: &Path, folder: &Path) -> Result<Vec<Row>> {
    rows(flags, |shards| {
        let local = Local::start(binary)?;
        local.create_with("shards", shards)?;
        let host = Host::start(binary, &settings(&local, component, folder)?, folder)?;
        until_read(&host, shards)?;
        let idle = measure(host.vitals(), flags, || Ok(()))?;
        let mut trickle = Trickle::start(&local, flags.records)?;
        let loaded = measure(host.vitals(), flags, || trickle.put())?;
        trickle.end()?;
        eprintln!("{}", host.stop()?);
        Ok(Row { shards, idle, loaded })
    })
}

/// The engine in a process of its own, once idle and once with records.
fn engine_alone(program: &Path, shards: u32, flags: &Flags) -> Result<Row> {
    let cost = |records: u32| {
        let mut command = Command::new(program);
        command.args([shards, records].map(|count| count.to_string()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("the engine's example cannot be started")?;
        let mut stdout = BufReader::new(child.stdout.take().context("it has no stdout")?);
        let mut ready = String::new();
        stdout.read_line(&mut ready).context("its output cannot be read")?;
        let cost = measure(Vitals(child.id()), flags, || Ok(()));
        drop(child.stdin.take());
        let status = child.wait().context("it was not waited for")?;
        if !status.success() {
            bail!("the engine's example ended with {status}");
        }
        cost
    };
    Ok(Row { shards, idle: cost(0)?, loaded: cost(flags.records)? })
}

/// Looks at a process for a while, with something to do at every tick.
fn measure(process: Vitals, flags: &Flags, mut tick: impl FnMut() -> Result<()>) -> Result<Cost> {
    pass(SETTLE, &mut tick)?;
    let before = process.cpu()?;
    pass(Duration::from_secs(flags.seconds.into()), &mut tick)?;
    let cpu = process.cpu()? - before;
    let resident = process.resident().context("the system does not tell the memory of a process")?;
    let minutes = f64::from(flags.seconds) / 60.0;
    Ok(Cost { mib: resident as f64 / f64::from(1 << 20), cpu_per_minute: cpu.as_secs_f64() / minutes })
}

#[expect(clippy::disallowed_methods, reason = "what is measured is what a process takes while time passes")]
fn pass(time: Duration, tick: &mut impl FnMut() -> Result<()>) -> Result<()> {
    for _ in 0..time.as_millis() / TICK.as_millis() {
        tick()?;
        thread::sleep(TICK);
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the log of another process does not wake anybody")]
fn until_read(host: &Host, shards: u32) -> Result<()> {
    for _ in 0..LOOKS {
        if host.log().matches("reading the shard").count() >= shards as usize {
            return Ok(());
        }
        thread::sleep(LOOK);
    }
    bail!("the host does not read all shards: {}", host.log());
}

/// A few records a second.
struct Trickle {
    child: Child,
    stdin: ChildStdin,
    lines: String,
}

impl Trickle {
    fn start(local: &Local, records_per_second: u32) -> Result<Self> {
        let mut put = local.tidemill(&["put", "shards", "--processor", "string", "--linger", "100ms"]);
        let mut child = put.stdin(Stdio::piped()).spawn().context("`tidemill put` cannot be started")?;
        let stdin = child.stdin.take().context("it has no stdin")?;
        let line = format!("{}\n", "x".repeat(documents::BYTES));
        let count = u128::from(records_per_second) * TICK.as_millis() / 1_000;
        Ok(Self { child, stdin, lines: line.repeat(usize::try_from(count)?) })
    }

    fn put(&mut self) -> Result<()> {
        self.stdin.write_all(self.lines.as_bytes()).context("`tidemill put` takes no more")
    }

    fn end(self) -> Result<()> {
        let Self { mut child, stdin, .. } = self;
        drop(stdin);
        let status = child.wait().context("`tidemill put` was not waited for")?;
        if !status.success() {
            bail!("`tidemill put` ended with {status}");
        }
        Ok(())
    }
}

fn settings(local: &Local, component: &Path, folder: &Path) -> Result<PathBuf> {
    let file = folder.join("tidemill.toml");
    let (url, component) = (local.url(), component.display());
    let settings = format!(
        "application = \"bench\"\n\n[kinesis]\nendpoint = \"{url}\"\n\n[leases]\nstore = \"memory\"\n\n\
         [pipelines.bench]\nsource = {{ stream = \"shards\", processor = \"string\" }}\n\n\
         [pipelines.bench.handler]\ncomponent = '{component}'\nconfig = {{ find = 'y' }}\n"
    );
    fs::write(&file, settings).context("cannot write into the target folder")?;
    Ok(file)
}

/// Prints the rows, and how straight the line through them is.
fn print(rows: &[Row], flags: &Flags) {
    let loaded = format!("{}/s MiB", flags.records);
    let header = ["shards", "idle MiB", "CPU-s/minute", &loaded, "CPU-s/minute", "KiB a shard more"];
    let mut table = figures::table(0, &header);
    let mut steps = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let step = at.checked_sub(1).map(|before| kib_a_shard(&rows[before], row));
        steps.extend(step);
        table.add_row([
            row.shards.to_string(),
            format!("{:.1}", row.idle.mib),
            format!("{:.2}", row.idle.cpu_per_minute),
            format!("{:.1}", row.loaded.mib),
            format!("{:.2}", row.loaded.cpu_per_minute),
            figures::or_dash(step.map(|kib| format!("{kib:.1}"))),
        ]);
    }
    println!("{table}");
    if let [first, .., last] = steps[..] {
        println!("a shard at the end takes {} of one at the start", figures::times(last / first));
    }
}

/// What each shard more took under load.
fn kib_a_shard(fewer: &Row, more: &Row) -> f64 {
    (more.loaded.mib - fewer.loaded.mib) * 1024.0 / f64::from(more.shards - fewer.shards)
}
