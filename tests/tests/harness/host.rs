//! A `tidemill run` or `tidemill local` beside the test.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    time::timeout,
};

use super::{PATIENCE, place::Ended, until};

/// A running host. Dropping it kills it.
pub struct Host {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Host {
    /// Starts the process with its output in files of a folder, and waits until it writes a line to stdout that
    /// begins in the way given.
    pub async fn start(command: &mut Command, folder: &Path, begins: &str) -> Self {
        let (stdout, stderr) = (folder.join("stdout"), folder.join("stderr"));
        let create = |path: &Path| File::create(path).expect("the folder can be written");
        command.stdin(Stdio::null()).stdout(create(&stdout)).stderr(create(&stderr)).kill_on_drop(true);
        let mut host = Self { child: command.spawn().expect("the host can be started"), stdout, stderr };
        until(&format!("the line {begins:?}"), async || host.wrote(begins).then_some(())).await;
        host
    }

    /// Where its Kinesis listens, as it says itself.
    pub fn url(&self) -> String {
        let stdout = read(&self.stdout);
        let url = stdout.lines().find_map(|line| line.strip_prefix("kinesis at "));
        url.expect("it has a Kinesis").to_owned()
    }

    /// Where its ingest listens, as `address:port`.
    pub fn ingest(&self) -> String {
        let stdout = read(&self.stdout);
        let address = stdout.lines().find_map(|line| line.strip_prefix("ingest at http://"));
        address.expect("it has an ingest").to_owned()
    }

    /// Where its admin API is.
    pub fn admin(&self) -> String {
        let stdout = read(&self.stdout);
        let url = stdout.lines().find_map(|line| line.strip_prefix("admin at "));
        url.expect("it has an admin API").to_owned()
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        read(&self.stderr)
    }

    /// Waits for a line of the log that holds all of these texts, and answers it.
    pub async fn logged(&self, texts: &[&str]) -> String {
        until(&format!("a log line with {texts:?}"), async || {
            let log = self.log();
            log.lines().find(|line| texts.iter().all(|text| line.contains(text))).map(str::to_owned)
        })
        .await
    }

    /// Asks it to stop, and waits until it has.
    pub async fn terminate(self) -> Ended {
        self.signal(Signal::TERM).await
    }

    /// Kills it as `kill -9` does, and waits until it is gone.
    pub async fn kill(self) -> Ended {
        self.signal(Signal::KILL).await
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("the host runs")
    }

    /// Stops it in its tracks, as a machine that hangs does.
    pub fn freeze(&self) {
        self.send(Signal::STOP);
    }

    /// Lets it go on, with no idea of the time that passed.
    pub fn thaw(&self) {
        self.send(Signal::CONT);
    }

    /// Asks it to stop, and leaves it to its work.
    pub fn ask_to_stop(&self) {
        self.send(Signal::TERM);
    }

    /// Sends it SIGHUP.
    pub fn hang_up(&self) {
        self.send(Signal::HUP);
    }

    fn send(&self, signal: Signal) {
        let pid = self.child.id().and_then(|pid| Pid::from_raw(pid.cast_signed())).expect("the host runs");
        kill_process(pid, signal).expect("the host runs");
    }

    async fn signal(mut self, signal: Signal) -> Ended {
        self.send(signal);
        let status =
            timeout(PATIENCE, self.child.wait()).await.expect("the host ends").expect("it is our child");
        Ended { code: status.code(), stdout: read(&self.stdout), stderr: self.log() }
    }

    fn wrote(&mut self, begins: &str) -> bool {
        if let Some(status) = self.child.try_wait().expect("it is our child") {
            panic!("the host ended with {status}:\n{}", self.log());
        }
        read(&self.stdout).lines().any(|line| line.starts_with(begins))
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("the host writes text")
}
