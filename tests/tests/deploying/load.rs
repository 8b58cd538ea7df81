//! Records that keep coming while components are replaced, and what came out held against them.

use crate::harness::{
    numbered::{CameOut, Numbered, Numbers},
    streams::{Streams, lines},
    until,
};

/// Partition keys: several a shard.
const KEYS: u32 = 40;
/// Of so many rounds, one asks the guest `trap` to trap.
const TRAP_EVERY: usize = 3;

/// Puts rounds of numbered documents onto `numbers`.
pub struct Load<'a> {
    streams: &'a Streams,
    numbers: Numbers,
    rounds: usize,
    /// Whether some documents ask for a trap from now on.
    pub traps: bool,
}

impl<'a> Load<'a> {
    /// Creates the streams; nothing is put yet.
    pub async fn new(streams: &'a Streams, shards: u32) -> Self {
        streams.create("numbers", shards).await;
        streams.create("numbers-out", 2).await;
        Self { streams, numbers: Numbers::of(KEYS), rounds: 0, traps: false }
    }

    /// Puts the next document of every key.
    pub async fn round(&mut self) {
        self.rounds += 1;
        let asks = self.traps && self.rounds.is_multiple_of(TRAP_EVERY);
        let documents = self.numbers.next_round().into_iter().map(|Numbered { key, number }| {
            let wish = if asks { ",\"say\":\"trap\"" } else { "" };
            (format!("key-{key}"), format!("{{\"key\":{key},\"number\":{number}{wish}}}"))
        });
        self.streams.put("numbers", documents).await;
    }

    /// Puts so many rounds and waits until everything came out so far.
    pub async fn comes_out(&mut self, rounds: usize) {
        for _ in 0..rounds {
            self.round().await;
        }
        until("everything came out", async || {
            (self.came_out().await.count() >= self.numbers.count()).then_some(())
        })
        .await;
    }

    /// Waits for something while records keep coming.
    pub async fn until<T>(&mut self, awaited: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        until(awaited, async || {
            self.round().await;
            look().await
        })
        .await
    }

    /// Everything came out, once, each key's in order.
    ///
    /// # Panics
    /// If something is lost, doubled or out of order.
    pub async fn all_came_out_once(&mut self) {
        self.comes_out(1).await;
        let came_out = self.came_out().await;
        assert_eq!(came_out.count(), self.numbers.count(), "something is lost");
        assert!(self.numbers.all().all(|document| came_out.has(document)), "something is lost");
        assert_eq!(came_out.doubled().collect::<Vec<_>>(), [], "something came out twice");
    }

    async fn came_out(&self) -> CameOut {
        let records = self.streams.records("numbers-out").await;
        records.values().flatten().flat_map(lines).map(|line| Numbered::read(&line)).collect()
    }
}
