//! Where servers are, and what is said where they are not.

use std::{
    env,
    path::{Path, PathBuf},
};

/// A file below the folder `servers` of Cargo's target folder, where `cargo xtask servers` installs them; none, loudly,
/// where it is not there.
pub fn installed(file: &str) -> Option<PathBuf> {
    let target =
        Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("Cargo's folder is in its target folder");
    let path = target.join("servers").join(file);
    present(file, path.exists().then_some(path), "install it with `cargo xtask servers`")
}

/// A program of the system; none, loudly, where it is not there.
pub fn on_path(program: &str, how: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file());
    present(program, found, how)
}

fn present(what: &str, found: Option<PathBuf>, how: &str) -> Option<PathBuf> {
    if found.is_none() {
        let must_run =
            env::var("TIDEMILL_NO_SKIPS").is_ok_and(|value| !["", "0", "false"].contains(&&*value));
        assert!(!must_run, "{what} is not there: {how}");
        println!("SKIPPED: {what} is not there: {how}");
    }
    found
}
