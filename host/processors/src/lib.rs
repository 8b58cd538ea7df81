//! Aggregators and serializers as pure functions over bytes, for the host and for components alike.
//!
//! An [`Aggregator`] decides how documents share a Kinesis record, a [`Serializer`] how one document becomes bytes. A
//! [`Codec`] is one of each: [`pack`] makes entries of documents with it, [`Codec::unpack`] takes a record apart
//! again. A [`Preset`] is a codec under the name that settings use.
#![warn(missing_docs)]

mod aggregator;
mod codec;
mod framing;
mod json;
mod kpl;
mod list;
mod malformed;
mod msgpack;
mod netstring;
mod newline;
mod pack;
mod preset;
mod serializer;
#[cfg(test)]
mod tests;
mod unpacked;
mod utf8;

pub use aggregator::{Aggregator, Sharing};
pub use codec::{Codec, Reader};
pub use malformed::Malformed;
pub use msgpack::MSGPACK_DEPTH;
pub use pack::{Bounds, Item, Packed, Refusal, pack};
pub use preset::Preset;
pub use serializer::Serializer;
pub use unpacked::{Origin, Tag, Unpacked};
