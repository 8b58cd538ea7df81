//! The handler of a simulated process: it emits every document as it is, and is now and then slow or fails.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::sleep;

use super::{
    ledger,
    process::ProcessId,
    scenario::{Temper, millis},
    world::World,
};
use crate::{
    batch::Batch,
    consumer::Checkpointing,
    handler::{Disposition, Emit, Failure, Handler, HandlerError, HandlerErrorKind, Outcome},
    record::ShardId,
};

/// Longest pause that the handler asks for before it is given records again, in milliseconds.
const RETRY_MILLIS: u64 = 2_000;

/// The handler of a process.
#[derive(Debug)]
pub(super) struct SimulatedHandler {
    world: Arc<World>,
    process: ProcessId,
    random: Mutex<fastrand::Rng>,
}

/// What one call is going to do.
enum Mood {
    Well,
    Fails,
    /// Fails, and loses what it kept of records that no checkpoint covers.
    Forgets,
    /// Handles what comes before this share of the batch, and asks for the rest again.
    Retries,
}

/// A number that spreads the poison among keys, so that not each has its own at the same places.
const POISON_STRIDE: usize = 5;

impl SimulatedHandler {
    pub(super) fn new(world: Arc<World>, process: ProcessId, seed: u64) -> Self {
        Self { world, process, random: Mutex::new(fastrand::Rng::with_seed(seed)) }
    }

    fn random(&self) -> MutexGuard<'_, fastrand::Rng> {
        // A draw cannot be left half done.
        self.random.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self) -> (Mood, Duration) {
        let Temper { fails, forgets, retries, slow, usual, slowest, .. } = self.world.scenario.handler;
        let mut random = self.random();
        let (mood, is_slow) = (random.u32(..1_000), random.u32(..1_000) < slow);
        let is_stormy = self.world.network.is_stormy();
        let longest = if is_slow && is_stormy { slowest } else { usual };
        let takes = Duration::from_millis(random.u64(0..=u64::try_from(longest.as_millis()).unwrap_or(0)));
        let mood = match mood {
            at if is_stormy && at < fails => Mood::Fails,
            at if is_stormy && at < fails + retries => Mood::Retries,
            at if is_stormy && at < fails + retries + forgets => Mood::Forgets,
            _ => Mood::Well,
        };
        (mood, takes)
    }

    /// The first document that cannot be handled.
    fn poison(&self, documents: &[(usize, usize)]) -> Option<(usize, usize)> {
        let one_in = self.world.scenario.handler.poison;
        let is_bad = |(key, number): &(usize, usize)| {
            one_in > 0 && (number + 1 + key * POISON_STRIDE).is_multiple_of(one_in)
        };
        documents.iter().copied().find(is_bad)
    }

    /// Fails because of a document. Whatever the handler kept it still has.
    fn poisoned(&self, (key, number): (usize, usize)) -> HandlerError {
        self.world.diary().counts.poisoned += 1;
        let error = HandlerError::failed("simulated", format!("{key}:{number} cannot be handled"));
        if number.is_multiple_of(2) {
            error
        } else {
            HandlerError { kind: HandlerErrorKind::Refused, ..error }
        }
    }

    /// In this call a document is not handled, while lanes beside may handle others of the batch.
    fn hold_up(&self, documents: &[(usize, usize)]) {
        let scenario = &self.world.scenario;
        if let Some(&(key, number)) = documents.first().filter(|_| scenario.lanes > 1) {
            self.world.ledger().held_up(self.process, key, number, scenario.batch_records);
        }
    }

    /// How far everything is done, as far as the handler has a say in it. It leaves every other batch to the next.
    fn claim(&self, documents: &[(usize, usize)]) -> Option<u32> {
        let is_asked = self.world.scenario.checkpointing != Checkpointing::Auto;
        if is_asked && !documents.is_empty() && self.random().bool() {
            // Whoever goes on from the last checkpoint handles them again.
            let mut ledger = self.world.ledger();
            documents.iter().for_each(|&(key, number)| ledger.excuse(key, number));
            return None;
        }
        u32::try_from(documents.len()).ok().filter(|_| is_asked)
    }

    /// Handles some documents of a batch, and asks for the others again. What follows a document that is asked for
    /// again is too, if it has the same key: a handler that keeps the order does so.
    fn part(&self, batch: &Batch, documents: &[(usize, usize)]) -> Outcome {
        let mut random = self.random();
        let mut again = BTreeSet::new();
        let pause = millis(&mut random, 0..RETRY_MILLIS);
        let mut outcome = Outcome::default();
        let mut ledger = self.world.ledger();
        for (position, &(key, number)) in documents.iter().enumerate() {
            if again.contains(&key) || random.u32(..4) == 0 {
                again.insert(key);
                let index = u32::try_from(position).expect("the index of a batch has 32 bits");
                outcome.failures.push(Failure { index, disposition: Disposition::Retry(pause) });
            } else {
                // Should the shard be given up before the others are handled, this one is handled again.
                ledger.excuse(key, number);
                outcome.emits.push(emit(batch, position));
            }
        }
        outcome
    }
}

#[async_trait]
impl Handler for SimulatedHandler {
    async fn handle(&self, batch: &Batch) -> Result<Outcome, HandlerError> {
        let documents: Vec<(usize, usize)> = (0..batch.documents().len())
            .filter_map(|position| ledger::parse(batch.documents().data(position)))
            .collect();
        let (world, process, shard) = (&self.world, self.process, &batch.info.shard);
        let (mood, takes) = self.draw();
        world.diary().counts.batches += 1;
        world.note(format_args!("{process} handles {documents:?} of {shard}"));
        let keys = documents.iter().map(|(key, _)| *key).collect();
        let _handling = Handling::begin(self, shard, keys);
        sleep(takes).await;
        if let Some(bad) = self.poison(&documents) {
            self.world.diary().counts.handler_failures += 1;
            self.hold_up(&documents);
            return Err(self.poisoned(bad));
        }
        if !matches!(mood, Mood::Well) {
            world.diary().counts.handler_failures += 1;
            self.hold_up(&documents);
        }
        match mood {
            Mood::Well => {
                let emits = (0..documents.len()).map(|position| emit(batch, position)).collect();
                Ok(Outcome { emits, checkpoint: self.claim(&documents), ..Outcome::default() })
            }
            Mood::Fails => Err(HandlerError::failed("simulated", "it was told to fail")),
            Mood::Forgets => Err(HandlerError {
                handler: "simulated".to_owned(),
                kind: HandlerErrorKind::Trap,
                message: "it was told to trap".to_owned(),
                by: None,
            }),
            Mood::Retries => Ok(self.part(batch, &documents)),
        }
    }
}

/// A call under way.
struct Handling<'a> {
    handler: &'a SimulatedHandler,
    shard: &'a ShardId,
    keys: BTreeSet<usize>,
}

impl<'a> Handling<'a> {
    fn begin(handler: &'a SimulatedHandler, shard: &'a ShardId, keys: BTreeSet<usize>) -> Self {
        handler.world.begins_to_handle(handler.process, shard, &keys);
        Self { handler, shard, keys }
    }
}

impl Drop for Handling<'_> {
    fn drop(&mut self) {
        self.handler.world.holders().handled(self.handler.process, self.shard, &self.keys);
    }
}

fn emit(batch: &Batch, position: usize) -> Emit {
    let documents = batch.documents();
    Emit {
        data: documents.data_bytes(position),
        partition_key: Some(key_of(documents.data(position)).into()),
        explicit_hash_key: None,
        sink: None,
    }
}

/// The partition key that a document has on the sink.
fn key_of(data: &[u8]) -> String {
    ledger::parse(data).map_or_else(String::new, |(key, _)| ledger::partition_key(key))
}
