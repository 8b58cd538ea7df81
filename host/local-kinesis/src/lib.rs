//! The embedded Kinesis: the engine's model of the service behind the AWS wire protocol, on a loopback port.
//!
//! Any AWS client joins by its URL, with any credentials. It speaks JSON 1.1 and CBOR over HTTP/1.1 and cleartext
//! HTTP/2, and keeps its streams on disk where [`Settings::data_dir`] says so; records are in memory for as long as
//! their stream retains them, either way. What it cannot do, it refuses by
//! name, with `UnknownOperationException`.
#![warn(missing_docs)]

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use thiserror::Error;
use tidemill_engine::{
    kinesis::memory::{self, MemoryKinesis},
    limits,
    task::{self, Task},
    time::Clock,
};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

mod disk;
mod frame;
mod journal;
mod operations;
mod protocol;
mod server;
mod subscription;
mod values;

#[cfg(test)]
mod tests;

/// What the embedded Kinesis needs to know before it starts.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Port on the loopback interface; 0 takes a free one.
    pub port: u16,
    /// Folder to keep streams in; none to forget them at the end. One process at a time may use it.
    pub data_dir: Option<PathBuf>,
    /// How the model behaves.
    pub model: memory::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        let model = memory::Settings { transition: limits::LOCAL_TRANSITION, ..memory::Settings::default() };
        Self { port: 0, data_dir: None, model }
    }
}

/// The embedded Kinesis could not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The port cannot be listened on.
    #[error("cannot listen on {address}; choose another port, or 0 for any free one")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The folder cannot be used.
    #[error("cannot keep streams in {}; {advice}", path.display())]
    Disk {
        /// The folder or file.
        path: PathBuf,
        /// What to do.
        advice: &'static str,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A running embedded Kinesis. Dropping it stops it without waiting; what was acknowledged is on disk either way.
pub struct LocalKinesis {
    url: String,
    kinesis: Arc<MemoryKinesis>,
    stop: DropGuard,
    server: Task<io::Result<()>>,
    journal: Option<journal::Writer>,
}

impl LocalKinesis {
    /// Starts by the machine's clock: reads what is on disk, then listens.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        Self::start_at(settings, Clock::system()).await
    }

    /// Starts by another clock.
    pub async fn start_at(settings: Settings, clock: Clock) -> Result<Self, StartError> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, settings.port));
        let (kinesis, journal) = match settings.data_dir {
            None => (MemoryKinesis::new(clock, settings.model), None),
            Some(folder) => {
                let (disk, streams) = disk::Disk::open(&folder)?;
                let (journal, writer) = journal::start(disk);
                (MemoryKinesis::restore(clock, settings.model, journal, streams), Some(writer))
            }
        };
        let listener =
            TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, source })?;
        let address = listener.local_addr().map_err(|source| StartError::Listen { address, source })?;
        let kinesis = Arc::new(kinesis);
        let stop = CancellationToken::new();
        let serving = server::serve(listener, Arc::clone(&kinesis), stop.clone());
        let server = task::spawn("local-kinesis", serving);
        Ok(Self { url: format!("http://{address}"), kinesis, stop: stop.drop_guard(), server, journal })
    }

    /// Where it listens, such as `http://127.0.0.1:4567`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The streams themselves, for callers in the same process: no wire, same streams.
    pub fn kinesis(&self) -> Arc<MemoryKinesis> {
        Arc::clone(&self.kinesis)
    }

    /// Answers what is under way, closes the connections and puts the rest on disk, each within
    /// [`limits::LOCAL_STOP`].
    ///
    /// # Cancel safety
    /// Safe: dropping the future stops at once.
    pub async fn stop(self) {
        drop(self.stop);
        if tokio::time::timeout(limits::LOCAL_STOP, self.server).await.is_err() {
            tracing::warn!(wait_s = limits::LOCAL_STOP.as_secs(), "connections were still open at the stop");
        }
        if let Some(journal) = self.journal {
            journal.stop().await;
        }
    }
}

impl fmt::Debug for LocalKinesis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKinesis").field("url", &self.url).finish_non_exhaustive()
    }
}
