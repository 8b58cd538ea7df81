//! The clients of others that the tests let loose on the embedded Kinesis: they are Python packages.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::repository::{Repository, run};

/// What is installed, with versions.
const REQUIREMENTS: &str = "tests/interop/requirements.txt";

/// A virtual environment in the target folder with the required packages; made at the first call, kept for the next.
pub fn environment(repository: &Repository) -> Result<PathBuf> {
    let folder = repository.target.join("python");
    let python = folder.join("bin/python");
    let required = fs::read_to_string(repository.root.join(REQUIREMENTS)).context(REQUIREMENTS)?;
    // Written last, so that an installation that broke off is made anew.
    let installed = folder.join("requirements.txt");
    if python.exists() && fs::read_to_string(&installed).is_ok_and(|installed| installed == required) {
        return Ok(python);
    }
    let system = system_python()?;
    run(Command::new(system).args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut install = Command::new(&python);
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--requirement",
        REQUIREMENTS,
    ]);
    run(install.current_dir(&repository.root))?;
    fs::write(installed, required).context("cannot write into the target folder")?;
    Ok(python)
}

fn system_python() -> Result<&'static Path> {
    for name in ["python3", "python"] {
        let program = Path::new(name);
        let new_enough = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";
        let answer = Command::new(program).args(["-c", new_enough]).output();
        if answer.is_ok_and(|answer| answer.status.success()) {
            return Ok(program);
        }
    }
    bail!("there is no python3 of version 3.10 or newer with the modules venv and ensurepip");
}
