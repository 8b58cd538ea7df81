//! Eight shards: each hands in a batch on a clock, and checks what comes back of it.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use bytes::Bytes;
use tidemill_engine::{
    batch::{Batch, BatchInfo, Documents},
    handler::{Handler, Outcome},
    record::Record,
    task::{self, Task},
    time::UnixMillis,
};
use tidemill_runtime::ComponentHandler;
use tokio::time::{Duration, Instant, MissedTickBehavior, interval};

use crate::components::named;

/// Shards.
const SHARDS: usize = 8;
/// Records of a batch.
const RECORDS: u64 = 60;
/// A batch every so often: 24,000 records a second on all shards.
const EVERY: Duration = Duration::from_millis(20);

/// Shards at work.
pub struct Shards {
    seen: Arc<Seen>,
    tasks: Vec<Task<()>>,
}

/// What the shards saw so far.
#[derive(Default)]
struct Seen {
    stop: AtomicBool,
    records: AtomicU64,
    /// The generation that each shard met last.
    met: [AtomicU64; SHARDS],
    counted: Mutex<Counted>,
}

/// What was counted and measured.
#[derive(Default)]
pub struct Counted {
    /// Records of which nothing came back.
    pub lost: u64,
    /// Records that came back more than once, or out of order.
    pub doubled: u64,
    /// Batches that more than one generation answered.
    pub mixed: u64,
    /// What the first batch of a generation took on each shard.
    pub firsts: Vec<Duration>,
    /// What the others took.
    pub others: Vec<Duration>,
}

impl Shards {
    /// Begins.
    pub fn begin(handler: &Arc<ComponentHandler>) -> Self {
        let seen = Arc::new(Seen::default());
        let begin = |shard| task::spawn("shard", work(Arc::clone(handler), Arc::clone(&seen), shard));
        let tasks = (0..SHARDS).map(begin).collect();
        Self { seen, tasks }
    }

    /// Records handled so far.
    pub fn records(&self) -> u64 {
        self.seen.records.load(Relaxed)
    }

    /// Begins to measure anew.
    pub fn forget_pauses(&self) {
        let mut counted = self.seen.counted.lock().expect("no shard panics");
        counted.firsts.clear();
        counted.others.clear();
    }

    /// Waits until every shard has met this generation.
    pub async fn all_met(&self, generation: u64) {
        while self.seen.met.iter().any(|met| met.load(Relaxed) < generation) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Stops behind the batches in hand.
    pub async fn end(self) -> Counted {
        self.seen.stop.store(true, Relaxed);
        for task in self.tasks {
            task.await.expect("no shard panics");
        }
        std::mem::take(&mut *self.seen.counted.lock().expect("no shard panics"))
    }
}

/// The batch of a shard that begins with this record.
pub fn batch(shard: usize, first: u64) -> Batch {
    let record = |number: u64| Record {
        sequence: format!("{:056}", number + 1).try_into().expect("56 digits are a sequence number"),
        partition_key: format!("customer-{:04}", number % 1_000).into(),
        data: Bytes::from(format!("{number:0>100}")),
        arrival: UnixMillis(1_700_000_000_000),
    };
    let records: Vec<Record> = (first..first + RECORDS).map(record).collect();
    let info = BatchInfo {
        stream: "bench".into(),
        shard: format!("shardId-{shard:012}").into(),
        lane: 0,
        millis_behind_latest: 0,
        attempt: 1,
        uncovered: 0,
    };
    Batch::new(info, Documents::of_records(&records))
}

async fn work(handler: Arc<ComponentHandler>, seen: Arc<Seen>, shard: usize) {
    let mut clock = interval(EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut first = 0;
    let mut last_met = 0;
    while !seen.stop.load(Relaxed) {
        clock.tick().await;
        let batch = batch(shard, first);
        let begun = Instant::now();
        let outcome = handler.handle(&batch).await.expect("all components handle every batch");
        let took = begun.elapsed();
        let (_, met) = named(&outcome.emits[0].data);
        let mut counted = seen.counted.lock().expect("no shard panics");
        counted.check(&outcome, first, met);
        if met == last_met {
            counted.others.push(took);
        } else {
            counted.firsts.push(took);
        }
        drop(counted);
        last_met = met;
        seen.met[shard].store(met, Relaxed);
        seen.records.fetch_add(RECORDS, Relaxed);
        first += RECORDS;
    }
}

impl Counted {
    fn check(&mut self, outcome: &Outcome, first: u64, generation: u64) {
        let mut expected = first;
        for emit in &outcome.emits {
            let text = std::str::from_utf8(&emit.data).expect("guests emit text");
            let number: u64 = text.rsplit(' ').next().and_then(|word| word.parse().ok()).expect("a number");
            match number.cmp(&expected) {
                std::cmp::Ordering::Less => self.doubled += 1,
                std::cmp::Ordering::Equal => expected += 1,
                std::cmp::Ordering::Greater => {
                    self.lost += number - expected;
                    expected = number + 1;
                }
            }
        }
        self.lost += (first + RECORDS).saturating_sub(expected);
        self.mixed += u64::from(outcome.emits.iter().any(|emit| named(&emit.data).1 != generation));
    }
}
