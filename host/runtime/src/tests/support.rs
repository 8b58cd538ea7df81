//! Finds the built guests and makes batches for them.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, LazyLock, Mutex},
};

use crate::{ComponentHandler, Engine, HandlerSettings};
use bytes::Bytes;
use tidemill_engine::{
    batch::{Batch, BatchInfo, Documents},
    deploy::Artifact,
    record::Record,
    time::UnixMillis,
};
use tracing_subscriber::fmt::MakeWriter;

/// One engine for all tests, as a process has one.
pub static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new().unwrap());

/// The file of a built guest.
pub fn guest(name: &str) -> PathBuf {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guests/target/wasm32-wasip2/release");
    let folder = std::env::var_os("TIDEMILL_GUESTS").map_or_else(|| PathBuf::from(built), PathBuf::from);
    let file = folder.join(format!("{name}.wasm"));
    assert!(file.exists(), "run `cargo xtask guests` first: there is no {}", file.display());
    file
}

/// A built guest as bytes.
pub fn built(name: &str) -> Arc<Artifact> {
    Arc::new(crate::artifact::read(&guest(name)).unwrap())
}

/// A guest with default settings.
pub async fn load(name: &str) -> ComponentHandler {
    load_with(name, HandlerSettings::new(name)).await
}

/// A guest with these settings.
pub async fn load_with(name: &str, settings: HandlerSettings) -> ComponentHandler {
    ComponentHandler::load(&ENGINE, &built(name), settings).await.unwrap()
}

/// A batch of one shard with these as its records, at sequence numbers 100, 101 and so on, each with its position as
/// partition key.
pub fn batch_of(shard: &str, documents: &[&str]) -> Batch {
    let records: Vec<Record> = documents.iter().enumerate().map(|(at, data)| record(at, data)).collect();
    let info = BatchInfo {
        stream: "orders".into(),
        shard: shard.into(),
        lane: 0,
        millis_behind_latest: 7,
        attempt: 1,
        uncovered: 0,
    };
    Batch::new(info, Documents::of_records(&records))
}

/// A batch of the first shard.
pub fn batch(documents: &[&str]) -> Batch {
    batch_of("shardId-000000000000", documents)
}

fn record(at: usize, data: &str) -> Record {
    Record {
        sequence: (100 + at).to_string().try_into().unwrap(),
        partition_key: format!("key-{at}").into(),
        data: Bytes::copy_from_slice(data.as_bytes()),
        arrival: UnixMillis(1_700_000_000_000 + at as u64),
    }
}

/// The lines that are logged on this thread from now on.
pub struct Logged(
    Arc<Mutex<Vec<u8>>>,
    #[expect(dead_code, reason = "logging ends when it is dropped")] Guard,
);

type Guard = tracing::subscriber::DefaultGuard;

impl Logged {
    /// Begins to listen.
    pub fn begin() -> Self {
        let lines = Arc::default();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(tracing::Level::INFO)
            .with_writer(Writer(Arc::clone(&lines)))
            .finish();
        Self(lines, tracing::subscriber::set_default(subscriber))
    }

    /// The same in the form for programs.
    pub fn begin_json() -> Self {
        let lines = Arc::default();
        let subscriber = tracing_subscriber::fmt().json().with_writer(Writer(Arc::clone(&lines))).finish();
        Self(lines, tracing::subscriber::set_default(subscriber))
    }

    /// The lines of guests so far.
    pub fn of_guests(&self) -> Vec<String> {
        self.all().lines().filter(|line| line.contains(" guest: ")).map(str::to_owned).collect()
    }

    /// All that was logged so far.
    pub fn all(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[derive(Clone)]
struct Writer(Arc<Mutex<Vec<u8>>>);

impl MakeWriter<'_> for Writer {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
