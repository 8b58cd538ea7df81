//! The servers of others that the tests run against: a DynamoDB, two kinds of Kinesis, and Redis.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::repository::{Repository, cargo, run};

/// A server that is installed into the folder `servers` of the target folder.
struct Server {
    /// Its name in its registry.
    package: &'static str,
    version: &'static str,
    /// What is there once it is installed.
    file: &'static str,
    from: Registry,
}

enum Registry {
    /// crates.io, compiled with these arguments.
    Crates(&'static [&'static str]),
    /// npm, which needs Node.js.
    Npm,
}

const SERVERS: [Server; 3] = [
    Server {
        package: "dynoxide-rs",
        version: "3.2.0",
        file: "bin/dynoxide",
        from: Registry::Crates(&["--no-default-features", "--features", "native-sqlite,http-server,cli"]),
    },
    Server {
        package: "ferrokinesis",
        version: "0.7.0",
        file: "bin/ferrokinesis",
        from: Registry::Crates(&[]),
    },
    Server {
        package: "kinesis-local",
        version: "0.6.2",
        file: "node_modules/kinesis-local/main.js",
        from: Registry::Npm,
    },
];

/// Installs every server that is not there in its version. Redis comes with the system, and is only looked for.
pub fn install(repository: &Repository) -> Result<()> {
    let folder = folder(repository);
    for server in &SERVERS {
        if server.is_current(&folder) {
            continue;
        }
        let mut install = server.installation(&folder);
        run(install.current_dir(&repository.root)).with_context(|| server.hint())?;
        // Written last, so that an installation that broke off is made anew.
        fs::write(server.record(&folder), server.version).context("cannot write into the target folder")?;
    }
    if !has_redis() {
        eprintln!("{REDIS_MISSING}");
    }
    Ok(())
}

/// What is missing, each with how to get it.
pub fn missing(repository: &Repository) -> Vec<String> {
    let folder = folder(repository);
    let absent = SERVERS.iter().filter(|server| !folder.join(server.file).exists());
    let absent = absent
        .map(|server| format!("{} is not there: install it with `cargo xtask servers`", server.package));
    absent.chain((!has_redis()).then(|| REDIS_MISSING.to_owned())).collect()
}

const REDIS_MISSING: &str =
    "redis-server is not there: install Redis 7, as with `apt-get install redis-server`";

impl Server {
    /// Whether it is there, in this version as far as is recorded: who put it there by other means knows which it is.
    fn is_current(&self, folder: &Path) -> bool {
        let recorded = fs::read_to_string(self.record(folder));
        folder.join(self.file).exists() && recorded.map_or(true, |version| version == self.version)
    }

    fn record(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.version", self.package))
    }

    fn installation(&self, folder: &Path) -> Command {
        let package = format!("{}@{}", self.package, self.version);
        match self.from {
            Registry::Crates(features) => {
                let mut install = cargo();
                install.args(["install", "--locked", "--force", &package]).args(features);
                install.arg("--root").arg(folder).arg("--target-dir").arg(folder.join("build"));
                install
            }
            Registry::Npm => {
                let mut install = Command::new("npm");
                install.args(["install", "--no-audit", "--no-fund", "--save-exact", &package]);
                install.arg("--prefix").arg(folder);
                install
            }
        }
    }

    fn hint(&self) -> String {
        match self.from {
            Registry::Crates(_) => format!("{} cannot be compiled", self.package),
            Registry::Npm => format!("{} cannot be installed: it needs Node.js with npm", self.package),
        }
    }
}

fn folder(repository: &Repository) -> PathBuf {
    repository.target.join("servers")
}

fn has_redis() -> bool {
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders).any(|folder| folder.join("redis-server").is_file())
}
