//! The memory that the host may take (invariant I7), from what is known when it starts.

use std::{fmt, ops::AddAssign};

use bytesize::ByteSize;
use tidemill_engine::limits;

/// What takes memory, and how much of it at the most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryBound {
    /// Shards that are read; each pipeline counts its own.
    pub shards: usize,
    /// Bytes that producers may hold.
    pub producers: usize,
    /// Bytes that instances may hold, one instance a shard.
    pub instances: usize,
    /// Bytes that ingest may hold: bodies of requests, and its producers.
    pub ingest: usize,
}

impl MemoryBound {
    /// All of it, in bytes.
    pub fn bytes(&self) -> usize {
        self.shards * limits::READS_PER_SHARD * limits::GET_RECORDS_BYTES
            + self.producers
            + self.instances
            + self.ingest
    }
}

impl AddAssign for MemoryBound {
    fn add_assign(&mut self, more: Self) {
        self.shards += more.shards;
        self.producers += more.producers;
        self.instances += more.instances;
        self.ingest += more.ingest;
    }
}

impl fmt::Display for MemoryBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shards, producers, instances, ingest } = *self;
        let read = ByteSize(limits::GET_RECORDS_BYTES as u64);
        let size = |bytes: usize| ByteSize(bytes as u64);
        write!(
            f,
            "at most {}: {shards} shards x {} reads of {read}, producers {}, instances {}, ingest {}",
            size(self.bytes()),
            limits::READS_PER_SHARD,
            size(producers),
            size(instances),
            size(ingest),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i7_the_bound_is_the_sum_of_reads_producers_instances_and_ingest() {
        let mut bound = MemoryBound { shards: 4, producers: 32 << 20, instances: 4 * (64 << 20), ingest: 0 };
        bound += MemoryBound { shards: 1, producers: 0, instances: 16 << 20, ingest: 96 << 20 };
        assert_eq!(bound.bytes(), (100 + 32 + 256 + 16 + 96) << 20);
        assert_eq!(
            bound.to_string(),
            "at most 500.0 MiB: 5 shards x 2 reads of 10.0 MiB, producers 32.0 MiB, instances 272.0 MiB, ingest 96.0 MiB"
        );
    }
}
