//! `cargo xtask bench consumer`: what reading costs, with a component as the handler.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use super::{
    StreamFlags, documents,
    local::Local,
    measured::{Cost, cpu_of_children},
    peer, producer,
};
use crate::{child::Host, guests, repository::Repository};

/// How often the host is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// A host that used no more than this much processor time for [`QUIET`] has read everything.
const IDLE: Duration = Duration::from_millis(30);
/// See [`IDLE`].
const QUIET: Duration = Duration::from_secs(1);
/// After this long the bench gives up.
const PATIENCE: Duration = Duration::from_secs(600);

/// Fills streams, and measures the whole program beside async-kinesis.
pub fn run(repository: &Repository, flags: &StreamFlags) -> Result<()> {
    let component = guests::build(repository)?.join("count.wasm");
    let binary = flags.binary(repository)?;
    let folder = repository.target.join("bench");
    fs::create_dir_all(&folder).context("cannot write into the target folder")?;
    let bench = Bench { binary, component, folder };
    let mut rows = Vec::new();
    for preset in &flags.presets {
        let (count, peer_count) = (flags.count(preset), flags.peer_count(preset));
        let local = Local::start(&bench.binary)?;
        let ours = bench.consume(&local, preset, count)?;
        let theirs = if flags.no_python {
            None
        } else {
            bench.fill(&local, "theirs", preset, peer_count)?;
            let mut read = peer::program(repository, "peer_streams.py")?;
            read.args(["read", local.url(), "theirs", preset]).arg(peer_count.to_string());
            Some(peer::cost(&mut read, peer_count)?)
        };
        rows.push((preset.as_str(), ours, theirs));
    }
    println!("\nto read documents of {} bytes from 4 shards, here through a component", documents::BYTES);
    producer::print(&rows);
    Ok(())
}

/// What the runs share.
struct Bench {
    binary: PathBuf,
    component: PathBuf,
    folder: PathBuf,
}

impl Bench {
    /// Makes a stream with so many documents.
    fn fill(&self, local: &Local, stream: &str, preset: &str, count: usize) -> Result<()> {
        let file = self.folder.join("documents.jsonl");
        documents::write(&file, count)?;
        local.create(stream)?;
        local.put(stream, preset, &file, count).map(drop)
    }

    /// Reads so many documents with `tidemill run`.
    fn consume(&self, local: &Local, preset: &str, count: usize) -> Result<Cost> {
        self.fill(local, "ours", preset, count)?;
        let before = cpu_of_children()?;
        let host = Host::start(&self.binary, &self.settings(local, preset)?, &self.folder)?;
        let started = host.vitals().cpu()?;
        let wall = until_idle(&host)?;
        let summary = host.stop()?;
        if !summary.split_whitespace().any(|field| field == format!("done={count}")) {
            bail!("not every document was read, expected={count}: {summary}");
        }
        let cpu = cpu_of_children()? - before;
        eprintln!(
            "{summary}\n{:.2} s of processor time, {:.2} of them to start",
            cpu.as_secs_f64(),
            started.as_secs_f64()
        );
        Ok(Cost { documents: count, cpu: (cpu - started).as_secs_f64(), wall: wall.as_secs_f64() })
    }

    fn settings(&self, local: &Local, preset: &str) -> Result<PathBuf> {
        let file = self.folder.join("tidemill.toml");
        let (url, component) = (local.url(), toml_string(&self.component));
        let settings = format!(
            "application = \"bench\"\n\n[kinesis]\nendpoint = \"{url}\"\n\n[leases]\nstore = \"memory\"\n\n\
             [pipelines.bench]\nsource = {{ stream = \"ours\", processor = \"{preset}\" }}\n\n\
             [pipelines.bench.handler]\ncomponent = {component}\nconfig = {{ find = '\"paid\": true' }}\n"
        );
        fs::write(&file, settings).context("cannot write into the target folder")?;
        Ok(file)
    }
}

/// Waits until the host has nothing to do any more, and answers how long it was at work.
#[expect(clippy::disallowed_methods, reason = "there is nothing but time to tell that a process is done")]
fn until_idle(host: &Host) -> Result<Duration> {
    let (mut waited, mut busy_until, mut busy_cpu) = (Duration::ZERO, Duration::ZERO, host.vitals().cpu()?);
    while waited < busy_until + QUIET {
        thread::sleep(LOOK);
        waited += LOOK;
        let cpu = host.vitals().cpu()?;
        if cpu > busy_cpu + IDLE {
            (busy_cpu, busy_until) = (cpu, waited);
        }
        if waited > PATIENCE {
            bail!("the host is at work for too long");
        }
    }
    Ok(busy_until)
}

fn toml_string(path: &Path) -> String {
    format!("'{}'", path.display())
}
