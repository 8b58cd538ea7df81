//! A Redis of one node.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use futures::{FutureExt, future::BoxFuture};
use tempfile::TempDir;
use tidemill_backends::redis::{Redis, RedisSettings};

use super::{certificates, found, process::Server};

const PASSWORD: &str = "between the tides";

/// Who gets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Anybody.
    None,
    /// Who speaks TLS and knows the password.
    TlsAndPassword,
}

/// A Redis that keeps what it has on disk, so that it may be killed and revived.
#[derive(Debug)]
pub struct RedisServer {
    server: Server,
    security: Security,
    certificates: TempDir,
}

impl RedisServer {
    /// Starts one; none where the machine has no Redis.
    pub async fn start(security: Security) -> Option<Self> {
        let program = program()?;
        let certificates = TempDir::new().expect("there is room for a folder");
        if security == Security::TlsAndPassword {
            certificates::write(certificates.path());
        }
        let folder = certificates.path().to_owned();
        let command = {
            let folder = folder.clone();
            move |port: u16, place: &Path| command(&program, security, port, place, &folder)
        };
        let ready = move |port| answers(settings(security, port, &folder));
        let server = Server::start(command, ready).await;
        Some(Self { server, security, certificates })
    }

    /// How to reach it.
    pub fn settings(&self) -> RedisSettings {
        settings(self.security, self.server.port(), self.certificates.path())
    }

    /// The process, to be killed, revived, frozen and thawed.
    pub fn process(&mut self) -> &mut Server {
        &mut self.server
    }
}

/// The program, if this machine has it.
pub(super) fn program() -> Option<PathBuf> {
    found::on_path("redis-server", "install Redis 7, as with `apt-get install redis-server`")
}

/// Whether the Redis of some settings answers.
pub(super) fn answers(settings: RedisSettings) -> BoxFuture<'static, bool> {
    async move { Redis::connect(&settings).await.is_ok() }.boxed()
}

fn settings(security: Security, port: u16, certificates: &Path) -> RedisSettings {
    match security {
        Security::None => {
            RedisSettings { urls: vec![format!("redis://127.0.0.1:{port}")], ..RedisSettings::default() }
        }
        Security::TlsAndPassword => RedisSettings {
            urls: vec![format!("rediss://127.0.0.1:{port}")],
            ca: Some(certificates.join(certificates::CA)),
            password: Some(PASSWORD.to_owned()),
            cluster: false,
        },
    }
}

fn command(program: &Path, security: Security, port: u16, place: &Path, certificates: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--dir"]).arg(place);
    match security {
        Security::None => command.args(["--port", &port.to_string()]),
        Security::TlsAndPassword => {
            command.args(["--port", "0", "--tls-port", &port.to_string(), "--tls-auth-clients", "no"]);
            command.arg("--tls-ca-cert-file").arg(certificates.join(certificates::CA));
            command.arg("--tls-cert-file").arg(certificates.join(certificates::CERTIFICATE));
            command.arg("--tls-key-file").arg(certificates.join(certificates::KEY));
            command.args(["--requirepass", PASSWORD])
        }
    };
    command
}
