//! SIGINT and SIGTERM: the first asks to stop, the second ends the process at once.
//!
//! Ending at once is safe: a checkpoint never passes work that is not done, and leases expire.

use std::{io, process};

use tidemill_engine::task::{self, Task};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{exit::Exit, failure::Failure};

/// A stop that a signal asks for; listening ends when it is dropped.
#[derive(Debug)]
pub struct Stop {
    token: CancellationToken,
    _listening: Task<()>,
}

impl Stop {
    /// Listens from now on.
    pub fn on_signals() -> Result<Self, Failure> {
        let listen =
            || -> io::Result<_> { Ok((signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)) };
        let (interrupts, terminations) =
            listen().map_err(|error| Failure::caused(Exit::Unexpected, &error))?;
        let token = CancellationToken::new();
        let listening = task::spawn("signals", obey(interrupts, terminations, token.clone()));
        Ok(Self { token, _listening: listening })
    }

    /// Cancelled by the first signal.
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }
}

/// SIGHUP from now on, which so no longer ends the process.
pub fn hangups() -> Result<Signal, Failure> {
    signal(SignalKind::hangup()).map_err(|error| Failure::caused(Exit::Unexpected, &error))
}

async fn obey(mut interrupts: Signal, mut terminations: Signal, token: CancellationToken) {
    let mut next = async || {
        tokio::select! {
            _ = interrupts.recv() => "SIGINT",
            _ = terminations.recv() => "SIGTERM",
        }
    };
    let name = next().await;
    tracing::info!(signal = name, "stopping; a second signal ends at once");
    token.cancel();
    let name = next().await;
    tracing::warn!(signal = name, "ended at once");
    process::exit(Exit::Killed as i32);
}
