//! Ingest: documents over HTTP onto streams, for programs in any language.
//!
//! ```text
//! connections ─▶ routes ─▶ body ─▶ documents ─▶ intake ─▶ producer
//!                                               └ watches tickets: told to who waits, else counted
//! ```
//! A request is bounded in bytes and in time, a body that finds no room in the producer is refused as a whole, and
//! what was accepted is watched until it has settled.

mod answer;
mod documents;
mod intake;
mod routes;
mod wish;

use std::{
    collections::BTreeMap,
    error::Error,
    fmt, io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use futures::future::join_all;
use tidemill_backends::spool::FileSpool;
use tidemill_engine::{
    limits,
    producer::{Producer, spool::Spool},
    stream::StreamRef,
    task::Task,
};
use tokio::{net::TcpListener, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    config::{IngestConfig, IngestStreamConfig, SpoolConfig},
    exit::Exit,
    failure::Failure,
    host::{
        component::LazyEngine,
        processor::LoadedProcessor,
        report::{Totals, now_and_then},
        target::Target,
    },
    http::{body::Bodies, connections},
};

use intake::{Counts, Intake};
use routes::Front;

/// Ingest that is ready to run: its port is taken, its producers are open.
#[derive(Debug)]
pub struct Ingest {
    listener: TcpListener,
    address: SocketAddr,
    front: Front,
    watchers: Vec<Task<()>>,
    memory: usize,
}

/// What ingest did with the documents of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The stream.
    pub stream: StreamRef,
    accepted: u64,
    delivered: u64,
    spooled: u64,
    failed: u64,
    lost: u64,
}

impl Ingest {
    /// Opens the streams' producers and takes the port. `stop` makes it refuse what comes from then on.
    pub async fn build(
        config: IngestConfig,
        target: &Target,
        engine: &LazyEngine,
        stop: CancellationToken,
    ) -> Result<Self, Failure> {
        let listener = TcpListener::bind(config.listen).await;
        let listener = listener.map_err(|error| not_listening(config.listen, &error))?;
        let address = listener.local_addr().map_err(|error| not_listening(config.listen, &error))?;
        let mut memory = limits::INGEST_BODIES_BYTES.max(config.body_bytes);
        let (mut intakes, mut watchers) = (BTreeMap::new(), Vec::new());
        for (name, stream) in config.streams {
            memory += stream.producer.buffer();
            let (reference, producer) = open(&name, &stream, target, engine).await?;
            let (intake, watcher) = Intake::start(reference, producer);
            intakes.insert(name, intake);
            watchers.push(watcher);
        }
        let front =
            Front { intakes, bodies: Bodies::new(config.body_bytes, limits::INGEST_BODIES_BYTES), stop };
        Ok(Self { listener, address, front, watchers, memory })
    }

    /// Bytes that bodies and producers may hold.
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// Serves until told to stop. Then it finishes requests and puts what it has taken onto the streams, within the
    /// grace period.
    pub async fn run(self, grace: Duration) -> Vec<Ended> {
        let Self { listener, front, watchers, .. } = self;
        let stop = front.stop.clone();
        let front = Arc::new(front);
        let producers: Vec<Producer> = front.intakes.values().map(|intake| intake.producer.clone()).collect();
        let counts: Vec<(StreamRef, Arc<Counts>)> = front
            .intakes
            .values()
            .map(|intake| (intake.stream.clone(), Arc::clone(&intake.counts)))
            .collect();
        let serving = connections::serve(
            listener,
            routes::router(front),
            limits::INGEST_CONNECTIONS,
            stop.clone(),
            grace / 2,
        );
        let flushing = async {
            stop.cancelled().await;
            // Who waits for documents gets the answer without waiting for the linger.
            join_all(producers.iter().map(Producer::flush)).await;
            std::future::pending::<()>().await;
        };
        let work = async {
            let stopped = tokio::select! {
                stopped = serving => stopped,
                () = flushing => unreachable!("it is pending"),
            };
            // The rest of the grace period is for the spools to take what did not get out.
            let deadline = stopped + grace * 3 / 4;
            join_all(producers.iter().map(|producer| producer.close_by(deadline))).await;
        };
        tokio::select! {
            biased;
            () = work => {}
            () = out_of_time(&stop, grace) => {}
            () = now_and_then(|| report(&counts, &producers)) => unreachable!("it reports for ever"),
        }
        // What is not settled by now fails with its producer, and the watchers count it.
        drop(producers);
        join_all(watchers).await;
        counts.iter().map(|(stream, counts)| Ended::of(stream, counts)).collect()
    }
}

impl fmt::Display for Ingest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ingest at http://{}", self.address)
    }
}

impl Ended {
    fn of(stream: &StreamRef, counts: &Counts) -> Self {
        Self {
            stream: stream.clone(),
            accepted: counts.accepted.load(Relaxed),
            delivered: counts.delivered.load(Relaxed),
            spooled: counts.spooled.load(Relaxed),
            failed: counts.failed.load(Relaxed),
            lost: counts.lost.load(Relaxed),
        }
    }

    /// Whether documents that were accepted are neither on the stream nor in the spool.
    pub fn has_losses(&self) -> bool {
        self.lost > 0
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, accepted, delivered, spooled, failed, lost } = self;
        write!(
            f,
            "ingest {stream}: accepted={accepted} delivered={delivered} spooled={spooled} failed={failed} lost={lost}"
        )
    }
}

fn report(counts: &[(StreamRef, Arc<Counts>)], producers: &[Producer]) {
    for ((stream, counts), producer) in counts.iter().zip(producers) {
        let Ended { accepted, delivered, spooled, failed, lost, .. } = Ended::of(stream, counts);
        let Totals { entries, throttled, retried, expired, wrong_shard } = Totals::of([producer]);
        let recovered = producer.counters().recovered.load(Relaxed);
        tracing::info!(
            ingest = %stream, accepted, delivered, failed, lost, spooled, recovered, entries, throttled, retried,
            expired, wrong_shard, "so far"
        );
    }
}

async fn open(
    name: &str,
    config: &IngestStreamConfig,
    target: &Target,
    engine: &LazyEngine,
) -> Result<(StreamRef, Producer), Failure> {
    let stream = config.stream(name)?;
    let spool = match &config.spool {
        Some(spool) => Some(open_spool(spool, &stream).await?),
        None => None,
    };
    let processor = LoadedProcessor::load(engine, &config.producer.processor).await?;
    let producer = target.open(&config.producer, processor.processor, &stream, name, spool).await?;
    Ok((stream, producer))
}

async fn open_spool(config: &SpoolConfig, stream: &StreamRef) -> Result<Arc<dyn Spool>, Failure> {
    let unusable = |error: &dyn Error| Failure::caused(Exit::Surroundings, error);
    let spool =
        FileSpool::open(&config.folder, stream, config.limit_bytes).map_err(|error| unusable(&error))?;
    let waiting = spool.waiting().await.map_err(|error| unusable(&error))?;
    if waiting > 0 {
        tracing::info!(%stream, entries = waiting, "the spool holds entries of before, which are sent now");
    }
    Ok(Arc::new(spool))
}

async fn out_of_time(stop: &CancellationToken, grace: Duration) {
    stop.cancelled().await;
    sleep(grace).await;
}

fn not_listening(address: SocketAddr, error: &io::Error) -> Failure {
    Failure::new(Exit::Surroundings, format!("cannot listen: {error}, address={address}"))
        .help("choose another address with ingest.listen (--listen); port 0 takes a free one")
}
