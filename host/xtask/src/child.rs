//! The processes that chores start and look at.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::vitals::Vitals;

/// How long nothing may come out before it is taken that nothing will.
const PATIENCE: Duration = Duration::from_secs(30);
/// Lines that may wait to be looked at.
const LINES_WAITING: usize = 10_000;

/// A running `tidemill run`. Dropping it kills it.
pub struct Host {
    child: Child,
    stdout: BufReader<ChildStdout>,
    url: String,
    log: PathBuf,
}

impl Host {
    /// Starts it, and waits until its pipeline stands.
    pub fn start(binary: &Path, settings: &Path, folder: &Path) -> Result<Self> {
        let log = folder.join("host.log");
        let mut command = Command::new(binary);
        command.arg("run").arg(settings).stdin(Stdio::null()).stdout(Stdio::piped());
        let child =
            command.stderr(File::create(&log).context("cannot write into the target folder")?).spawn();
        let mut child = child.with_context(|| format!("cannot start {}", binary.display()))?;
        let stdout = BufReader::new(child.stdout.take().context("the host has no stdout")?);
        let mut host = Self { child, stdout, url: String::new(), log };
        host.read_introduction()?;
        Ok(host)
    }

    /// Where its Kinesis listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its memory and processor time.
    pub fn vitals(&self) -> Vitals {
        Vitals(self.child.id())
    }

    /// Asks it to stop, waits until it has, and answers what it says of its work.
    pub fn stop(mut self) -> Result<String> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).context("the host could not be asked to stop")?;
        let mut lines = self.stdout.by_ref().lines();
        let summary = lines.find_map(|line| line.ok().filter(|line| line.starts_with("pipeline ")));
        let status = self.child.wait().context("the host was not waited for")?;
        if !status.success() {
            bail!("the host ended with {status}: {}", self.log());
        }
        summary.with_context(|| format!("the host did not say what it did: {}", self.log()))
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_else(|error| error.to_string())
    }

    fn read_introduction(&mut self) -> Result<()> {
        let mut line = String::new();
        while self.stdout.read_line(&mut line).context("the host's output cannot be read")? > 0 {
            if let Some(url) = line.strip_prefix("kinesis at ") {
                self.url = url.trim().to_owned();
            }
            if line.starts_with("pipeline ") {
                return Ok(());
            }
            line.clear();
        }
        bail!("the host did not start: {}", self.log());
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// The lines that a process writes. Dropping it ends the process.
pub struct Lines {
    child: Child,
    lines: Receiver<std::io::Result<String>>,
}

impl Lines {
    /// Starts the process.
    pub fn of(command: &mut Command) -> Result<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = child.context("tidemill cannot be started")?;
        let stdout = BufReader::new(child.stdout.take().context("the process has no stdout")?);
        let (sender, lines) = sync_channel(LINES_WAITING);
        // It ends with the process's output, or when nobody wants its lines.
        thread::spawn(move || stdout.lines().try_for_each(|line| sender.send(line)));
        Ok(Self { child, lines })
    }

    /// The next line; none when nothing came for a long time.
    pub fn next(&self) -> Result<Option<String>> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line.map(Some).context("the output stream cannot be read"),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => bail!("reading the output stream ended early"),
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Ends a process that may have ended by itself.
fn end(child: &mut Child) {
    let ended = child.kill().and_then(|()| child.wait());
    if let Err(error) = ended {
        eprintln!("a process could not be ended: {error}");
    }
}
