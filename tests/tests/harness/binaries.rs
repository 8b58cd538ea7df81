//! What `cargo xtask test` builds before the tests, and where it says it is.

use std::{env, path::PathBuf};

/// The binary `tidemill`.
pub fn tidemill() -> PathBuf {
    existing(variable("TIDEMILL_BIN"))
}

/// The component of a guest, by its crate's name with underscores.
pub fn guest(name: &str) -> PathBuf {
    existing(variable("TIDEMILL_GUESTS").join(format!("{name}.wasm")))
}

fn variable(name: &str) -> PathBuf {
    let value = env::var_os(name);
    value.unwrap_or_else(|| panic!("{name} is not set: start these tests with `cargo xtask test`")).into()
}

fn existing(path: PathBuf) -> PathBuf {
    assert!(path.exists(), "{} is not there: start these tests with `cargo xtask test`", path.display());
    path
}
