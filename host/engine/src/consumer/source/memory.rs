//! The memory that reads may take: of one shard ahead of its handler, and of all shards of the process together.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::SourceFetch;
use crate::{limits, record::Record};

/// How much may be read of a shard ahead of what is handled. Reading pauses at whichever is reached first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefetch {
    /// Reads.
    pub reads: usize,
    /// Bytes of records; a single read may be larger.
    pub bytes: usize,
}

impl Default for Prefetch {
    fn default() -> Self {
        Self { reads: limits::PREFETCH_READS, bytes: limits::PREFETCH_BYTES }
    }
}

impl Prefetch {
    /// Bytes of one shard at the most: those read ahead, and one read that is being handled.
    pub fn most_bytes(&self) -> usize {
        let read = limits::GET_RECORDS_BYTES;
        self.bytes.max(read).min(self.reads * read) + read
    }
}

/// The memory that the reads of all shards share, those read ahead and those being handled. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct ReadMemory(Option<Room>);

/// So many bytes, of which some are taken.
#[derive(Clone, Debug)]
struct Room {
    free: Arc<Semaphore>,
    bytes: usize,
}

/// Bytes that a read takes. They are free again when it is dropped.
#[derive(Debug, Default)]
pub struct Taken(Option<OwnedSemaphorePermit>);

impl ReadMemory {
    /// So many bytes. A read reserves what the service may answer, 10 MiB, or all of it where that is less.
    pub fn of(bytes: usize) -> Self {
        let bytes = bytes.clamp(1, Semaphore::MAX_PERMITS);
        Self(Some(Room { free: Arc::new(Semaphore::new(bytes)), bytes }))
    }

    /// Waits until there is room for so many bytes. Without a bound there always is.
    ///
    /// # Cancel safety
    /// Safe: a caller that goes away gives up its place among those who wait.
    pub(super) async fn take(&self, bytes: usize) -> Taken {
        let Some(Room { free, bytes: all }) = &self.0 else { return Taken(None) };
        let bytes = u32::try_from(bytes.min(*all)).unwrap_or(u32::MAX);
        let permit = Arc::clone(free).acquire_many_owned(bytes).await;
        Taken(Some(permit.expect("the semaphore is never closed")))
    }
}

impl Taken {
    /// Gives back what is more than so many bytes.
    pub(super) fn shrink_to(&mut self, bytes: usize) {
        if let Some(permit) = &mut self.0 {
            drop(permit.split(permit.num_permits().saturating_sub(bytes)));
        }
    }

    /// Takes in what a read beside it takes, which is of the same memory.
    pub(in crate::consumer) fn and(&mut self, other: Self) {
        match (&mut self.0, other.0) {
            (Some(permit), Some(other)) => permit.merge(other),
            (none, other) => *none = none.take().or(other),
        }
    }

    pub(super) fn is_none(&self) -> bool {
        self.0.is_none()
    }
}

impl SourceFetch {
    /// Bytes that its records take: data and partition keys.
    pub fn bytes(&self) -> usize {
        self.records.iter().map(|Record { data, partition_key, .. }| data.len() + partition_key.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn i7_reads_wait_for_memory_and_give_back_what_they_do_not_need() {
        let memory = ReadMemory::of(100);
        let mut first = memory.take(80).await;
        assert!(memory.take(30).now_or_never().is_none());
        first.shrink_to(70);
        let second = memory.take(30).now_or_never().expect("there is room for 30 beside 70");
        drop(first);
        assert!(memory.take(80).now_or_never().is_none());
        drop(second);
        assert!(memory.take(1_000).now_or_never().is_some(), "what is larger than all of it takes all of it");
    }

    #[test]
    fn i7_a_shard_holds_what_is_read_ahead_and_one_read_more() {
        let read = limits::GET_RECORDS_BYTES;
        assert_eq!(Prefetch::default().most_bytes(), 2 * read);
        assert_eq!(Prefetch { reads: 8, bytes: 3 * read }.most_bytes(), 4 * read);
        assert_eq!(Prefetch { reads: 2, bytes: 1 << 40 }.most_bytes(), 3 * read);
        assert_eq!(Prefetch { reads: 8, bytes: 1 }.most_bytes(), 2 * read);
    }
}
