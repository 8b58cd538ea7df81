//! The contract in `wit/` as Rust types: the one place that knows it.
//!
//! What the host offers is generated. What it calls is written out by hand, because a batch is passed borrowed and
//! the bytes of an outcome come back as [`Bytes`], which later become emits without another copy.

use bytes::Bytes;
use wasmtime::component::{ComponentType, Lift, Lower};

/// What components may call.
pub mod imports {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "imports",
        imports: { default: trappable },
    });
}

pub mod life;
pub mod processors;

/// Name of the function that both have.
pub const HANDLE: &str = "handle";

/// What the function of `record-handler` takes.
pub type ListParams<'a> = (BatchInfo<'a>, &'a [UserRecord<'a>]);
/// What the function of `record-handler` answers.
pub type ListAnswer = (Result<ListOutcome, BatchError>,);
/// What the function of `packed-record-handler` takes.
pub type PackedParams<'a> = (BatchInfo<'a>, PackedBatch<'a>);
/// What the function of `packed-record-handler` answers.
pub type PackedAnswer = (Result<PackedOutcome, BatchError>,);

/// `types.batch-info`
#[derive(ComponentType, Lower, Clone, Copy)]
#[component(record)]
pub struct BatchInfo<'a> {
    #[component(name = "stream-name")]
    pub stream_name: &'a str,
    #[component(name = "shard-id")]
    pub shard_id: &'a str,
    #[component(name = "first-sequence-number")]
    pub first_sequence_number: &'a str,
    #[component(name = "last-sequence-number")]
    pub last_sequence_number: &'a str,
    #[component(name = "millis-behind-latest")]
    pub millis_behind_latest: u64,
    #[component(name = "attempt")]
    pub attempt: u32,
    #[component(name = "generation")]
    pub generation: u64,
}

/// `records.user-record`
#[derive(ComponentType, Lower)]
#[component(record)]
pub struct UserRecord<'a> {
    #[component(name = "data")]
    pub data: &'a [u8],
    #[component(name = "partition-key")]
    pub partition_key: &'a str,
    #[component(name = "raw-index")]
    pub raw_index: u32,
    #[component(name = "sub-index")]
    pub sub_index: u32,
    #[component(name = "arrival-millis")]
    pub arrival_millis: u64,
}

/// `packed-record-handler.packed-batch`
#[derive(ComponentType, Lower, Clone, Copy)]
#[component(record)]
pub struct PackedBatch<'a> {
    #[component(name = "index")]
    pub index: &'a [u32],
    #[component(name = "bytes")]
    pub bytes: &'a [u8],
}

/// `record-handler.outcome`
#[derive(ComponentType, Lift, Debug)]
#[component(record)]
pub struct ListOutcome {
    #[component(name = "emits")]
    pub emits: Vec<ListEmit>,
    #[component(name = "failures")]
    pub failures: Vec<Failure>,
    #[component(name = "checkpoint")]
    pub checkpoint: Option<u32>,
}

/// `records.emit`
#[derive(ComponentType, Lift, Debug)]
#[component(record)]
pub struct ListEmit {
    #[component(name = "data")]
    pub data: Bytes,
    #[component(name = "partition-key")]
    pub partition_key: Option<String>,
    #[component(name = "explicit-hash-key")]
    pub explicit_hash_key: Option<String>,
    #[component(name = "sink")]
    pub sink: Option<String>,
}

/// `packed-record-handler.packed-outcome`
#[derive(ComponentType, Lift, Debug)]
#[component(record)]
pub struct PackedOutcome {
    #[component(name = "index")]
    pub index: Vec<u32>,
    #[component(name = "bytes")]
    pub bytes: Bytes,
    #[component(name = "failures")]
    pub failures: Vec<Failure>,
    #[component(name = "checkpoint")]
    pub checkpoint: Option<u32>,
}

/// `types.failure`
#[derive(ComponentType, Lift, Debug)]
#[component(record)]
pub struct Failure {
    #[component(name = "index")]
    pub index: u32,
    #[component(name = "disposition")]
    pub disposition: Disposition,
}

/// `types.disposition`
#[derive(ComponentType, Lift, Debug)]
#[component(variant)]
pub enum Disposition {
    #[component(name = "retry")]
    Retry(u32),
    #[component(name = "drop")]
    Drop,
    #[component(name = "dead-letter")]
    DeadLetter(String),
}

/// `types.batch-error`
#[derive(ComponentType, Lift, Debug)]
#[component(record)]
pub struct BatchError {
    #[component(name = "retryable")]
    pub retryable: bool,
    #[component(name = "reason")]
    pub reason: String,
}
