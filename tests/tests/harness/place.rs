//! A folder of one test: settings files, lease files, what processes wrote.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use tempfile::TempDir;
use tokio::{process::Command, time::timeout};

use super::{PATIENCE, binaries, host::Host};

/// The folder. It goes when the test is over.
pub struct Place {
    folder: TempDir,
}

/// A process that ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Place {
    /// An empty folder.
    pub fn new() -> Self {
        Self { folder: TempDir::new().expect("there is room for a folder") }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, and answers where it is.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, content).expect("the folder can be written");
        path
    }

    /// Writes `tidemill.toml` with pipelines over the streams at a URL. Leases are kept in a file.
    pub fn settings(&self, url: &str, pipelines: &[Pipeline]) -> PathBuf {
        let tables: String = pipelines.iter().map(Pipeline::table).collect();
        self.write(
            "tidemill.toml",
            format!("application = \"test\"\n\n[kinesis]\nendpoint = \"{url}\"\n{tables}"),
        )
    }

    /// Starts `tidemill run` with a settings file, and waits until its pipelines stand.
    pub async fn run(&self, settings: &Path) -> Host {
        Host::start(self.command().arg("run").arg(settings), self.path(), "pipeline ").await
    }

    /// Starts `tidemill local` on a free port, with its streams in this folder, and waits until it listens.
    pub async fn local(&self) -> Host {
        self.local_at("0").await
    }

    /// Starts `tidemill local` likewise on a port, to come back to where it was.
    pub async fn local_at(&self, port: &str) -> Host {
        let mut command = self.command();
        command.args(["local", "--port", port, "--data-dir"]).arg(self.path().join("streams"));
        Host::start(&mut command, self.path(), "kinesis at ").await
    }

    /// Starts `tidemill serve-put` on a free port with the streams at a URL, and waits until it listens. The text is
    /// what its settings say behind the top of `[ingest]`.
    pub async fn serve_put(&self, url: &str, ingest: &str) -> Host {
        let top = format!("application = \"test\"\ngrace = \"10s\"\n[kinesis]\nendpoint = \"{url}\"\n");
        let text = top + "[ingest]\nlisten = \"127.0.0.1:0\"\n" + ingest;
        let settings = self.write("ingest.toml", text);
        Host::start(self.command().arg("serve-put").arg(settings), self.path(), "ingest at ").await
    }

    /// Runs `tidemill` with arguments to its end.
    pub async fn tidemill(&self, arguments: &[&str]) -> Ended {
        self.end(self.command().args(arguments)).await
    }

    /// Runs a program to its end.
    pub async fn end(&self, command: &mut Command) -> Ended {
        let output = timeout(PATIENCE, command.stdin(Stdio::null()).kill_on_drop(true).output()).await;
        let output = output.expect("the program ends").expect("the program can be started");
        Ended {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("the output is text"),
            stderr: String::from_utf8(output.stderr).expect("the output is text"),
        }
    }

    /// `tidemill` in this folder, with nothing of this machine's AWS settings.
    pub fn command(&self) -> Command {
        let mut command = Command::new(binaries::tidemill());
        command.current_dir(self.path()).env_clear().env("HOME", self.path()).env("NO_COLOR", "1");
        command
    }
}

/// A pipeline of a settings file: `NAME` reads the stream `NAME` and emits to `NAME-out`.
pub struct Pipeline {
    /// Its name, and that of its stream.
    pub name: &'static str,
    /// The guest, by its crate's name with underscores.
    pub guest: &'static str,
    /// More lines for the table of the handler.
    pub handler: &'static str,
    /// More lines for the table of the pipeline.
    pub more: &'static str,
}

impl Pipeline {
    /// A pipeline without anything special.
    pub fn new(name: &'static str, guest: &'static str) -> Self {
        Self { name, guest, handler: "", more: "" }
    }

    fn table(&self) -> String {
        let Self { name, guest, handler, more } = self;
        let component = binaries::guest(guest);
        let component = component.display();
        format!(
            "\n[pipelines.{name}]\n{more}\nsource = {{ stream = \"{name}\", idle-interval = \"100ms\" }}\n\
             sink = {{ stream = \"{name}-out\", create = {{ shards = 4 }} }}\n\
             \n[pipelines.{name}.handler]\ncomponent = \"{component}\"\n{handler}\n"
        )
    }
}
