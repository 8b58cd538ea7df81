//! async-kinesis, which every bench runs beside tidemill.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::measured::Cost;
use crate::{
    python,
    repository::{Repository, shown},
};

/// What one of its programs says that the work took.
#[derive(Deserialize)]
struct Told {
    documents: usize,
    cpu_seconds: f64,
    seconds: f64,
}

/// A program in `tests/bench/`, in the environment that has async-kinesis.
pub fn program(repository: &Repository, name: &str) -> Result<Command> {
    let mut program = Command::new(python::environment(repository)?);
    program.arg(repository.root.join("tests/bench").join(name)).env_clear();
    // What the tests with it share with the benches.
    program.env("PYTHONPATH", repository.root.join("tests/interop"));
    // An account and a region have to be there for a client to start; the embedded Kinesis takes any.
    program.envs([
        ("AWS_ACCESS_KEY_ID", "any"),
        ("AWS_SECRET_ACCESS_KEY", "any"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ]);
    Ok(program)
}

/// Runs a program that works on so many documents, and answers what that cost.
pub fn cost(program: &mut Command, documents: usize) -> Result<Cost> {
    let name = shown(program);
    eprintln!("$ {name}");
    let output = program.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("cannot start `{name}`"))?;
    if !output.status.success() {
        bail!("`{name}` ended with {}", output.status);
    }
    let told: Told =
        serde_json::from_slice(&output.stdout).with_context(|| format!("`{name}` told no figures"))?;
    if told.documents != documents {
        bail!("`{name}` had {} documents, expected={documents}", told.documents);
    }
    Ok(Cost { documents, cpu: told.cpu_seconds, wall: told.seconds })
}
