//! The consumer: shards in, batches to a handler, what it emits to the sinks, and the checkpoint behind all of it.
//!
//! ```text
//! coordinator ──lease won──▶ shard task
//!                            reader ──fetch──▶ decode ──batches──▶ lanes ──▶ handler ──emits──▶ producers
//!                            (some ahead)                            │                            │
//!                            lease keeper ◀──checkpoint── outstanding ◀── coverage     tickets ───┘
//! ```
//! [`Consumer`] puts a [`Pipeline`] together for programs that embed the engine. A pipeline owns the coordinator, which
//! owns one task a shard; a shard task owns its reader, its lanes and its lease keeper. Dropping an owner stops what it
//! owns. A checkpoint moves only when the batch was handled, where checkpoints are the handler's when it says so, and
//! when every document emitted for it, and for all batches before it, is acknowledged.

mod breaker;
mod builder;
mod control;
mod coordinator;
mod coverage;
mod delivery;
mod ending;
mod gathering;
mod giving_up;
mod idle;
mod lanes;
mod looking;
mod misplaced;
mod outstanding;
mod pipeline;
mod place;
mod progress;
mod shard;
mod source;
#[cfg(test)]
mod tests;
mod throughput;
mod work;
mod writing;

pub use breaker::BreakerSettings;
pub use builder::Consumer;
pub use control::{Control, PausedShard};
pub use coordinator::SharingSettings;
pub use delivery::DEFAULT_SINK;
pub use pipeline::{Checkpointing, OnFailure, Pipeline, PipelineError, PipelineSettings, Summary};
pub use progress::{Progress, StoppedShard};
pub use source::{
    Prefetch, ReadError, ReadMemory, Reader, ReaderSettings, Retrieval, Source, SourceFetch, Taken,
};
