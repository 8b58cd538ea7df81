//! The components in `guests/`: a workspace of its own, compiled to WebAssembly.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};

use crate::repository::{Repository, cargo, run};

/// The target of components.
const TARGET: &str = "wasm32-wasip2";

/// Compiles every guest, adding the target to the toolchain if it is missing, and says where the components are.
pub fn build(repository: &Repository) -> Result<PathBuf> {
    ensure_target(repository)?;
    // Always the folder of guests/ itself: settings files of examples name the components there.
    let target = repository.root.join("guests/target");
    let mut build = cargo();
    build.args([
        "build",
        "--manifest-path",
        "guests/Cargo.toml",
        "--release",
        "--locked",
        "--target",
        TARGET,
    ]);
    build.arg("--target-dir").arg(&target).current_dir(&repository.root);
    // What is set for the host's build is not meant for another target.
    build.env_remove("RUSTFLAGS");
    run(&mut build)?;
    Ok(target.join(TARGET).join("release"))
}

fn ensure_target(repository: &Repository) -> Result<()> {
    if is_installed(repository)? {
        return Ok(());
    }
    let mut add = Command::new("rustup");
    add.args(["target", "add", TARGET]).current_dir(&repository.root);
    run(&mut add).with_context(|| {
        format!("the standard library for {TARGET} is missing; install it, then try again")
    })?;
    if !is_installed(repository)? {
        bail!("rustup added {TARGET} to another toolchain than the one that compiles here");
    }
    Ok(())
}

fn is_installed(repository: &Repository) -> Result<bool> {
    let mut ask = Command::new("rustc");
    ask.args(["--print", "target-libdir", "--target", TARGET]).current_dir(&repository.root);
    let answer = ask.output().context("rustc could not be started")?;
    Ok(PathBuf::from(String::from_utf8_lossy(&answer.stdout).trim()).is_dir())
}
