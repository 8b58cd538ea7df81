//! The interfaces of processors as Rust types.

use bytes::Bytes;
use wasmtime::component::{ComponentType, Lift, Lower};

/// Answers which documents may share an entry, in both interfaces that decide it.
pub const SHARES: &str = "shares";

/// What `shares` answers.
pub type SharesAnswer = (Sharing,);
/// What `decode` takes: an index and the bytes that it is over.
pub type DecodeParams<'a> = (&'a [u32], &'a [u8]);
/// What `decode` answers.
pub type DecodeAnswer = (Decoded,);
/// What `encode` takes: an index, the bytes that it is over, and how large an entry may be.
pub type EncodeParams<'a> = (&'a [u32], &'a [u8], Bounds);
/// What `encode` answers.
pub type EncodeAnswer = (Encoded,);
/// What `serialize`, `deserialize` and `unpack` take.
pub type ListsParams<'a> = (&'a [&'a [u8]],);
/// What `serialize` and `deserialize` answer.
pub type SerializerAnswer = (Vec<Result<Bytes, String>>,);
/// What `pack` takes.
pub type PackParams<'a> = (&'a [Item<'a>], u32);
/// What `pack` answers.
pub type PackAnswer = (Vec<Result<Entry, String>>,);
/// What `unpack` answers.
pub type UnpackAnswer = (Vec<Result<Vec<Part>, String>>,);

/// `types.sharing`
#[derive(ComponentType, Lift, Clone, Copy, Debug)]
#[component(enum)]
#[repr(u8)]
pub enum Sharing {
    #[component(name = "alone")]
    Alone,
    #[component(name = "per-key")]
    PerKey,
    #[component(name = "per-shard")]
    PerShard,
}

impl From<Sharing> for tidemill_engine::processor::Sharing {
    fn from(sharing: Sharing) -> Self {
        match sharing {
            Sharing::Alone => Self::Alone,
            Sharing::PerKey => Self::PerKey,
            Sharing::PerShard => Self::PerShard,
        }
    }
}

/// `types.tag`
#[derive(ComponentType, Lift, Debug)]
#[component(record)]
pub struct Tag {
    #[component(name = "key")]
    pub key: String,
    #[component(name = "value")]
    pub value: Option<String>,
}

/// `packed-processor.decoded`
#[derive(ComponentType, Lift, Debug, Default)]
#[component(record)]
pub struct Decoded {
    #[component(name = "index")]
    pub index: Vec<u32>,
    #[component(name = "bytes")]
    pub bytes: Bytes,
    #[component(name = "rejections")]
    pub rejections: Vec<Rejection>,
    #[component(name = "attributes")]
    pub attributes: Vec<Attributes>,
}

/// `packed-processor.rejection`
#[derive(ComponentType, Lift, Debug)]
#[component(record)]
pub struct Rejection {
    #[component(name = "raw-index")]
    pub raw_index: u32,
    #[component(name = "sub-index")]
    pub sub_index: u32,
    #[component(name = "reason")]
    pub reason: String,
}

/// `packed-processor.attributes`
#[derive(ComponentType, Lift, Debug)]
#[component(record)]
pub struct Attributes {
    #[component(name = "raw-index")]
    pub raw_index: u32,
    #[component(name = "sub-index")]
    pub sub_index: u32,
    #[component(name = "explicit-hash-key")]
    pub explicit_hash_key: Option<String>,
    #[component(name = "tags")]
    pub tags: Vec<Tag>,
}

/// `packed-processor.bounds`
#[derive(ComponentType, Lower, Clone, Copy, Debug)]
#[component(record)]
pub struct Bounds {
    #[component(name = "record-bytes")]
    pub record_bytes: u32,
    #[component(name = "spread-key-bytes")]
    pub spread_key_bytes: u32,
}

/// `packed-processor.encoded`
#[derive(ComponentType, Lift, Debug, Default)]
#[component(record)]
pub struct Encoded {
    #[component(name = "index")]
    pub index: Vec<u32>,
    #[component(name = "bytes")]
    pub bytes: Bytes,
    #[component(name = "refusals")]
    pub refusals: Vec<Refusal>,
}

/// `packed-processor.refusal`
#[derive(ComponentType, Lift, Debug)]
#[component(record)]
pub struct Refusal {
    #[component(name = "document")]
    pub document: u32,
    #[component(name = "reason")]
    pub reason: String,
}

/// `aggregator.item`
#[derive(ComponentType, Lower, Debug)]
#[component(record)]
pub struct Item<'a> {
    #[component(name = "data")]
    pub data: &'a [u8],
    #[component(name = "partition-key")]
    pub partition_key: Option<&'a str>,
    #[component(name = "explicit-hash-key")]
    pub explicit_hash_key: Option<String>,
}

/// `aggregator.entry`
#[derive(ComponentType, Lift, Debug)]
#[component(record)]
pub struct Entry {
    #[component(name = "data")]
    pub data: Bytes,
    #[component(name = "partition-key")]
    pub partition_key: Option<String>,
    #[component(name = "explicit-hash-key")]
    pub explicit_hash_key: Option<String>,
    #[component(name = "items")]
    pub items: u32,
}

/// `aggregator.part`
#[derive(ComponentType, Lift, Debug)]
#[component(record)]
pub struct Part {
    #[component(name = "data")]
    pub data: Bytes,
    #[component(name = "partition-key")]
    pub partition_key: Option<String>,
    #[component(name = "explicit-hash-key")]
    pub explicit_hash_key: Option<String>,
    #[component(name = "tags")]
    pub tags: Vec<Tag>,
}
