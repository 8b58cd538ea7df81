//! Where things are, and how programs are run.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The repository and its folder for what is built.
pub struct Repository {
    /// The folder with the workspace's manifest.
    pub root: PathBuf,
    /// Cargo's target folder.
    pub target: PathBuf,
}

impl Repository {
    /// Asks Cargo.
    pub fn find() -> Result<Self> {
        let metadata = cargo().args(["metadata", "--format-version", "1", "--no-deps"]).output();
        let metadata = metadata.context("cargo could not be started")?;
        let metadata: Value =
            serde_json::from_slice(&metadata.stdout).context("cargo metadata gave no JSON")?;
        let path = |key: &str| {
            metadata[key].as_str().map(PathBuf::from).with_context(|| format!("there is no {key}"))
        };
        Ok(Self { root: path("workspace_root")?, target: path("target_directory")? })
    }

    /// Compiles the binary `tidemill` as users get it, and says where it is.
    pub fn build_host(&self) -> Result<PathBuf> {
        let mut build = cargo();
        run(build.args(["build", "--release", "--package", "tidemill-cli"]).current_dir(&self.root))?;
        Ok(self.host("release"))
    }

    /// Where the binary `tidemill` of a profile's folder is.
    pub fn host(&self, profile: &str) -> PathBuf {
        self.target.join(profile).join(format!("tidemill{}", std::env::consts::EXE_SUFFIX))
    }
}

/// The Cargo that runs this program.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs a program to its end, with its output where ours goes, and says first what is run.
pub fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    eprintln!("$ {shown}");
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` ended with {status}");
    }
    Ok(())
}

/// The program's name and its arguments, for people.
pub fn shown(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy());
    [name].into_iter().chain(arguments).collect::<Vec<_>>().join(" ")
}
