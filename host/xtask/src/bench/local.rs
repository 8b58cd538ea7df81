//! The endpoint of the benches: `tidemill local` in a process of its own, so that its work is not counted.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use anyhow::{Context, Result, bail};

use super::measured::{Cost, cpu_of_children};
use crate::repository::{run, shown};

/// Shards of a stream unless told otherwise.
const SHARDS: u32 = 4;
/// Shards that it may have open.
const SHARD_LIMIT: u32 = 10_000;

/// The endpoint. Dropping it ends it.
pub struct Local {
    binary: PathBuf,
    child: Child,
    url: String,
    /// Held so that the process may go on writing.
    _stdout: BufReader<ChildStdout>,
}

impl Local {
    /// Starts it, and waits until it listens.
    pub fn start(binary: &Path) -> Result<Self> {
        let mut command = Command::new(binary);
        command
            .args(["local", "--port", "0", "--shard-limit", &SHARD_LIMIT.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = command.spawn().context("tidemill cannot be started")?;
        let mut stdout = BufReader::new(child.stdout.take().context("the process has no stdout")?);
        let mut line = String::new();
        while stdout.read_line(&mut line).context("the endpoint's output cannot be read")? > 0 {
            if let Some(url) = line.strip_prefix("kinesis at ") {
                let url = url.trim().to_owned();
                return Ok(Self { binary: binary.to_owned(), child, url, _stdout: stdout });
            }
            line.clear();
        }
        bail!("the endpoint did not start");
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A command of tidemill on this endpoint.
    pub fn tidemill(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).args(["--endpoint-url", &self.url]);
        command
    }

    /// Makes a stream.
    pub fn create(&self, stream: &str) -> Result<()> {
        self.create_with(stream, SHARDS)
    }

    /// Makes a stream with so many shards.
    pub fn create_with(&self, stream: &str, shards: u32) -> Result<()> {
        run(&mut self.tidemill(&["streams", "create", stream, "--shards", &shards.to_string()]))
    }

    /// Puts the documents of a file, so many of them, and answers what that cost.
    pub fn put(&self, stream: &str, preset: &str, file: &Path, documents: usize) -> Result<Cost> {
        let mut put = self.tidemill(&["put", stream, "--processor", preset]);
        let name = shown(&put);
        eprintln!("$ {name}");
        let before = cpu_of_children()?;
        let output = put.arg(file).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
        let cpu = cpu_of_children()? - before;
        let output = output.with_context(|| format!("cannot start `{name}`"))?;
        let report = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() || !report.contains(&format!("put {documents} lines")) {
            bail!("`{name}` did not put all, expected={documents}: {report}");
        }
        let wall = seconds_of(&report)
            .with_context(|| format!("`{name}` does not say how long it took: {report}"))?;
        Ok(Cost { documents, cpu: cpu.as_secs_f64(), wall })
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("the endpoint could not be ended: {error}");
        }
    }
}

/// The seconds in a report such as "put 1000 lines (2.0 KiB) in 2.0 s: 500 lines/s".
fn seconds_of(report: &str) -> Option<f64> {
    report.split_once(") in ")?.1.split_once(' ')?.0.parse().ok()
}
