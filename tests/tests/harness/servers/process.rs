//! A server as a process on a free port.

use std::{
    fmt,
    fs::{self, File},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
};

use futures::future::BoxFuture;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::harness::until;

/// Ports that are tried: another process may take one before the server does.
const ATTEMPTS: usize = 5;

/// A server. Dropping it kills it.
pub struct Server {
    command: Start,
    ready: Ready,
    port: u16,
    child: Option<Child>,
    folder: TempDir,
}

/// What starts a server on a port with a folder to write to.
type Start = Box<dyn Fn(u16, &Path) -> Command + Send + Sync>;

/// Asks a server at a port whether it answers.
type Ready = Box<dyn Fn(u16) -> BoxFuture<'static, bool> + Send + Sync>;

impl Server {
    /// Starts a program on a free port with an empty folder to write to, and waits until it answers.
    pub async fn start(
        command: impl Fn(u16, &Path) -> Command + Send + Sync + 'static,
        ready: impl Fn(u16) -> BoxFuture<'static, bool> + Send + Sync + 'static,
    ) -> Self {
        let folder = TempDir::new().expect("there is room for a folder");
        let mut server =
            Self { command: Box::new(command), ready: Box::new(ready), port: 0, child: None, folder };
        for _ in 0..ATTEMPTS {
            server.port = free_port();
            if server.attempt().await {
                return server;
            }
        }
        panic!("the server did not start:\n{}", server.log());
    }

    /// Its port on the loopback interface.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Kills it. What it had on disk stays.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let ended = child.kill().and_then(|()| child.wait());
            if let Err(error) = ended {
                println!("a server could not be killed: {error}");
            }
        }
    }

    /// Starts it anew, on the port and in the folder that it had, and waits until it answers.
    pub async fn revive(&mut self) {
        self.kill();
        assert!(self.attempt().await, "the server did not come back:\n{}", self.log());
    }

    /// Stops it in its tracks, as a machine that hangs does: its connections stay and nothing is answered.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(self.child.as_ref().expect("the server runs"));
        kill_process(pid, signal).expect("the server runs");
    }

    /// Whether it answers; not, when it ended.
    async fn attempt(&mut self) -> bool {
        let log = File::create(self.folder.path().join("log")).expect("the folder can be written");
        let mut command = (self.command)(self.port, self.folder.path());
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file has handles")).stderr(log);
        let child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        self.child = Some(child);
        until("the server answers", async || {
            let child = self.child.as_mut().expect("it was just started");
            if child.try_wait().expect("it is our child").is_some() {
                return Some(false);
            }
            (self.ready)(self.port).await.then_some(true)
        })
        .await
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_else(|error| error.to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("port", &self.port).finish_non_exhaustive()
    }
}

/// A port that nobody used a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port is to be had");
    listener.local_addr().expect("it is bound").port()
}
