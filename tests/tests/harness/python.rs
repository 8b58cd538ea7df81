//! Clients that are not written here: scripts in `tests/interop/` over packages from PyPI.

use std::{env, path::Path};

use tokio::process::Command;

use super::place::Place;

/// Runs a script with the streams' URL and more arguments, and answers its output; none where the machine has no
/// Python, which `cargo xtask test` has said.
pub async fn script(place: &Place, name: &str, arguments: &[&str]) -> Option<String> {
    if env::var_os("TIDEMILL_SKIP_PYTHON").is_some() {
        println!("SKIPPED: {name} needs Python");
        return None;
    }
    let python = env::var_os("TIDEMILL_PYTHON");
    let python = python.expect("TIDEMILL_PYTHON is not set: start these tests with `cargo xtask test`");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop").join(name);
    let mut command = Command::new(python);
    command.arg(script).args(arguments).current_dir(place.path()).env_clear().env("HOME", place.path());
    let credentials =
        [("AWS_ACCESS_KEY_ID", "any"), ("AWS_SECRET_ACCESS_KEY", "any"), ("AWS_REGION", "us-east-1")];
    command.envs(credentials).env("AWS_DEFAULT_REGION", "us-east-1");
    let ended = place.end(&mut command).await;
    assert_eq!(ended.code, Some(0), "{name} failed:\n{}\n{}", ended.stdout, ended.stderr);
    Some(ended.stdout)
}
