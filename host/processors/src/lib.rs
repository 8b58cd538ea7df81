//! Aggregators and serializers as pure functions over bytes, for the host and for components alike.
//!
//! An [`Aggregator`] decides how documents share a Kinesis record, a [`Serializer`] how one document becomes bytes.
//! A [`Preset`] is a pair of them under the name that settings use. [`pack`] makes entries of documents with it,
//! [`Preset::unpack`] takes a record apart again.
#![warn(missing_docs)]

mod aggregator;
mod pack;
mod preset;
mod serializer;

pub use aggregator::{Aggregator, Parts};
pub use pack::{Item, Packed, Refusal, pack};
pub use preset::{Part, Preset};
pub use serializer::{Malformed, Serializer};
