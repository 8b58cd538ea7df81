//! The components in `guests/`: a workspace of its own, compiled to WebAssembly.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::repository::{Repository, cargo, run};

/// The target of components.
const TARGET: &str = "wasm32-wasip2";

/// Where faults are that no compiler makes, as text.
const ASSEMBLED: &str = "guests/faults/wat";
/// The component around each of them, and the line in it that they replace.
const FRAME: (&str, &str) = ("frame.wat", "MODULE");

/// Compiles and assembles every guest, adding the target to the toolchain if it is missing, and says where the components are.
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
    let built = target.join(TARGET).join("release");
    assemble(&repository.root.join(ASSEMBLED), &built)?;
    Ok(built)
}

/// Makes a component of each core module in a folder: `list-endless.wat` becomes `fault_list_endless.wasm`.
fn assemble(folder: &Path, built: &Path) -> Result<()> {
    let (frame, place) = FRAME;
    let frame = fs::read_to_string(folder.join(frame)).context("the frame of assembled guests is missing")?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().replace('-', "_");
        if path.extension().is_none_or(|extension| extension != "wat") || path.ends_with(FRAME.0) {
            continue;
        }
        let module = fs::read_to_string(&path)?.replacen("(module", "(core module", 1);
        let bytes = wat::parse_str(frame.replacen(&format!("\n  {place}\n"), &module, 1))
            .with_context(|| format!("{} cannot be assembled", path.display()))?;
        fs::write(built.join(format!("fault_{name}.wasm")), bytes)?;
    }
    Ok(())
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
