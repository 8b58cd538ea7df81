//! Aggregators and serializers as pure functions over bytes, for the host and for components alike.
//!
//! An [`Aggregator`] decides how documents share a Kinesis record, a [`Serializer`] how one document becomes bytes. A
//! [`Codec`] is one of each: [`pack`] makes entries of documents with it, [`Codec::unpack`] takes a record apart
//! again. A [`Preset`] is a codec under the name that settings use.
#![warn(missing_docs)]

mod aggregator;
mod codec;
mod pack;
mod preset;
mod serializer;
mod unpacked;

pub use aggregator::{Aggregator, Sharing};
pub use codec::Codec;
pub use pack::{Bounds, Item, Packed, Refusal, pack};
pub use preset::Preset;
pub use serializer::{Malformed, Serializer};
pub use unpacked::{Origin, Tag, Unpacked};
