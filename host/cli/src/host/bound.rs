//! The memory that the host may take (invariant I7), from what is known when it starts.

use std::{fmt, ops::AddAssign};

use bytesize::ByteSize;

/// What takes memory, and how much of it at the most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryBound {
    /// Shards that are read; each pipeline counts its own.
    pub shards: usize,
    /// Bytes that their reads may hold: those read ahead, and those being handled.
    pub reads: usize,
    /// Bytes that producers may hold.
    pub producers: usize,
    /// Instances of handlers, one for each lane of a shard.
    pub handlers: usize,
    /// Bytes that instances may hold, those of processors too.
    pub instances: usize,
    /// Bytes that ingest may hold: bodies of requests, and its producers.
    pub ingest: usize,
    /// Bytes that the admin API may hold: components on their way.
    pub admin: usize,
}

impl MemoryBound {
    /// All of it, in bytes.
    pub fn bytes(&self) -> usize {
        self.reads + self.producers + self.instances + self.ingest + self.admin
    }
}

impl AddAssign for MemoryBound {
    fn add_assign(&mut self, more: Self) {
        self.shards += more.shards;
        self.reads += more.reads;
        self.producers += more.producers;
        self.handlers += more.handlers;
        self.instances += more.instances;
        self.ingest += more.ingest;
        self.admin += more.admin;
    }
}

impl fmt::Display for MemoryBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shards, reads, producers, handlers, instances, ingest, admin } = *self;
        let size = |bytes: usize| ByteSize(bytes as u64);
        write!(
            f,
            "at most {}: reads of {shards} shards {}, producers {}, instances {} ({handlers} of handlers), ingest {}, admin {}",
            size(self.bytes()),
            size(reads),
            size(producers),
            size(instances),
            size(ingest),
            size(admin),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i7_the_bound_is_the_sum_of_reads_producers_instances_ingest_and_admin() {
        let mut bound = MemoryBound {
            shards: 4,
            reads: 80 << 20,
            producers: 32 << 20,
            handlers: 8,
            instances: 8 * (32 << 20),
            ingest: 0,
            admin: 128 << 20,
        };
        bound += MemoryBound {
            shards: 1,
            reads: 20 << 20,
            producers: 0,
            handlers: 1,
            instances: 16 << 20,
            ingest: 96 << 20,
            admin: 0,
        };
        assert_eq!(bound.bytes(), (100 + 32 + 256 + 16 + 96 + 128) << 20);
        assert_eq!(
            bound.to_string(),
            "at most 628.0 MiB: reads of 5 shards 100.0 MiB, producers 32.0 MiB, instances 272.0 MiB (9 of handlers), ingest 96.0 MiB, admin 128.0 MiB"
        );
    }
}
