//! Letters on a stream, read by a pipeline like any other stream: so it follows reshards, and parents come first.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tidemill_backends::dead_letters::{Gathering, form};
use tidemill_engine::{
    batch::Batch,
    consumer::{Checkpointing, OnFailure, Pipeline, PipelineSettings, Progress, ReadMemory, ReaderSettings},
    dead_letter::DeadLetter,
    handler::Handler,
    kinesis::{Kinesis, ShardFilter, list_all_shards},
    lease::{LeaseStore, WorkerId},
    limits,
    native::NativeProcessor,
    record::ShardId,
    stream::StreamRef,
    time::Clock,
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{endpoint, exit::Exit, failure::Failure};

/// How often is looked whether every shard stopped.
const LOOK: Duration = Duration::from_millis(200);

/// Reads a stream of letters from its checkpoints to its tips, or until it is stopped. Letters have to be covered by
/// the handler's own checkpoints.
pub async fn read(
    kinesis: Arc<dyn Kinesis>,
    stream: &StreamRef,
    marks: Arc<dyn LeaseStore>,
    handler: Arc<dyn Handler>,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    endpoint::ensure_stream(&*kinesis, stream, None).await?;
    let shards = list_all_shards(&*kinesis, stream, ShardFilter::All).await;
    let shards = shards.map_err(|error| Failure::of_stream(stream, &error))?;
    let clock = Clock::system();
    let progress = Arc::new(Progress::default());
    let pipeline = Pipeline {
        settings: PipelineSettings {
            checkpointing: Checkpointing::Manual { most: u64::MAX },
            attempts: 1,
            // What is no letter is told by the handler.
            on_failure: Some(OnFailure::Drop),
            reader: ReaderSettings { idle_interval: limits::REDRIVE_LOOKS, ..ReaderSettings::default() },
            idle_timeout: Some(limits::REDRIVE_TIP),
            ..PipelineSettings::new("dead-letters", stream.clone())
        },
        kinesis,
        leases: Arc::clone(&marks),
        processor: Arc::new(NativeProcessor::named("simple+bytes").expect("both are ours")),
        handler,
        sinks: Arc::new(BTreeMap::new()),
        dead_letters: None,
        control: Arc::default(),
        worker: WorkerId::from(&*format!("redrive-{}-{}", std::process::id(), clock.now())),
        clock,
        memory: ReadMemory::default(),
        progress: Arc::clone(&progress),
    };
    let work = pipeline.run(stop.clone());
    let ended = tokio::select! {
        biased;
        ended = work => ended.map(drop),
        () = all_stopped(&progress) => Ok(()),
    };
    ended.map_err(|error| Failure::of_pipeline("dead-letters", &error))?;
    let known = marks.list().await.map_err(|error| Failure::caused(Exit::Surroundings, &error))?;
    let known: HashSet<ShardId> = known.into_iter().map(|lease| lease.key.shard).collect();
    let is_whole = stop.is_cancelled() || !progress.stopped().is_empty();
    match shards.iter().find(|shard| !is_whole && !known.contains(&shard.id)) {
        Some(shard) => {
            Err(Failure::new(Exit::Partial, format!("not all of the stream was read: shard={}", shard.id))
                .help("give the command again"))
        }
        None => Ok(()),
    }
}

/// Waits until every shard that is held has stopped.
async fn all_stopped(progress: &Progress) {
    loop {
        sleep(LOOK).await;
        let active = progress.active_shards.load(std::sync::atomic::Ordering::Relaxed);
        let stopped = progress.stopped().len() as u64;
        if stopped > 0 && stopped >= active {
            return;
        }
    }
}

/// The letters of a stream as they come, with where each begins and ends.
#[derive(Debug, Default)]
pub struct Letters {
    shards: HashMap<ShardId, OfShard>,
}

#[derive(Debug, Default)]
struct OfShard {
    gathering: Gathering,
    /// By name, where the first part of a letter lies that is not whole yet: in the batch at hand, or before it.
    begun: HashMap<String, Option<u32>>,
}

/// A letter that is whole with one record of the batch at hand.
#[derive(Debug)]
pub struct Whole {
    /// The letter.
    pub letter: DeadLetter,
    /// The record of the batch that it begins with; none where it began in an earlier one.
    pub begins: Option<u32>,
    /// The record that it ends with.
    pub ends: u32,
}

/// What one batch holds.
#[derive(Debug, Default)]
pub struct Sorted {
    /// The letters, in the order of their ends.
    pub letters: Vec<Whole>,
    /// What is wrong with the records that are none.
    pub unreadable: Vec<String>,
    /// Where letters begin that are not whole yet, the first of them; inside, none where that was in an earlier batch.
    pub open: Option<Option<u32>>,
}

impl Letters {
    /// Takes in a batch.
    pub fn sort(&mut self, batch: &Batch) -> Sorted {
        let shard = self.shards.entry(batch.info.shard.clone()).or_default();
        shard.begun.values_mut().for_each(|begins| *begins = None);
        let mut sorted = Sorted::default();
        for position in 0..batch.documents().len() {
            let at = u32::try_from(position).expect("a batch counts its records in 32 bits");
            let piece = match form::read(batch.documents().data(position)) {
                Ok(piece) => piece,
                Err(error) => {
                    let sequence = batch.documents().sequence(position);
                    sorted
                        .unreadable
                        .push(format!("{error}, shard={} sequence={sequence}", batch.info.shard));
                    continue;
                }
            };
            let id = form::id(piece.letter());
            let begins = *shard.begun.entry(id.clone()).or_insert(Some(at));
            if let Some(letter) = shard.gathering.add(piece) {
                shard.begun.remove(&id);
                sorted.letters.push(Whole { letter, begins, ends: at });
            }
        }
        shard.begun.retain(|id, _| shard.gathering.has(id));
        sorted.open = shard.begun.values().copied().min();
        sorted
    }
}
