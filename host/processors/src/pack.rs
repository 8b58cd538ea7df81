//! Packing documents into entries.

use std::ops::Range;

use thiserror::Error;

use crate::{
    Aggregator, Codec, Malformed, Serializer, Sharing,
    framing::Framing,
    kpl::AggregatedRecord,
    list::{JsonList, MsgpackList},
    netstring::Netstrings,
    newline::Lines,
};

/// Bytes of a PUT payload unit, which the service counts in. async-kinesis closes entries at whole units.
const PAYLOAD_UNIT_BYTES: usize = 25 * 1024;

/// What most documents take besides their bytes, so that the output seldom has to move while it grows.
const FRAMING_BYTES: usize = 16;

/// A document to be packed.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// The document.
    pub document: &'a [u8],
    /// Its partition key; without one the producer picks a key.
    pub key: Option<&'a str>,
    /// Its explicit hash key.
    pub hash_key: Option<u128>,
}

/// How large an entry may be.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of data and partition key together, which no entry may exceed.
    pub record_bytes: usize,
    /// Bytes of the key that the producer picks for documents without one.
    pub spread_key_bytes: usize,
}

/// What became of a run of items.
#[derive(Debug)]
pub enum Packed {
    /// The document of this item is the entry's data as it stands, so nothing need be copied.
    Alone(usize),
    /// These items share an entry, and this part of the output is its data. The entry is put with
    /// [`Codec::entry_key`] and [`Codec::entry_hash_key`] of the first.
    Shared(Range<usize>, Range<usize>),
    /// This item can be in no entry.
    Refused(usize, Refusal),
}

/// Why a document can be in no entry.
#[derive(Debug, Error)]
pub enum Refusal {
    /// It is no document of the codec.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// An entry of it alone would be larger than the stream takes.
    #[error(
        "the document with its framing and key is larger than the stream takes, bytes={bytes} limit={limit}"
    )]
    TooLarge {
        /// Size of the entry.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
}

/// Packs documents, in order, into as few entries as their keys and the bounds allow. What had to be written is
/// appended to `out`.
///
/// The answer covers every item once, in order. No entry is without a document. A document that may not share an
/// entry with the one before it closes that entry, and so does a document that is refused, because an entry holds a
/// run of items.
pub fn pack(codec: Codec, items: &[Item<'_>], bounds: Bounds, out: &mut Vec<u8>) -> Vec<Packed> {
    let packing = Packing { codec, items, bounds };
    match (codec.aggregator, codec.serializer) {
        (Aggregator::Simple, _) => packing.alone(out),
        (Aggregator::Newline, _) => packing.shared(Lines, out),
        (Aggregator::List, Serializer::Msgpack) => packing.shared(MsgpackList::default(), out),
        (Aggregator::List, _) => packing.shared(JsonList, out),
        (Aggregator::Netstring, _) => packing.shared(Netstrings, out),
        (Aggregator::Kpl, _) => packing.shared(AggregatedRecord::default(), out),
    }
}

impl Item<'_> {
    /// Whether something that the application gave decides its shard.
    pub(crate) fn is_keyed(&self) -> bool {
        self.key.is_some() || self.hash_key.is_some()
    }
}

struct Packing<'a> {
    codec: Codec,
    items: &'a [Item<'a>],
    bounds: Bounds,
}

impl<'a> Packing<'a> {
    /// Each document in an entry of its own, as it stands where the serializer leaves it so.
    fn alone(&self, out: &mut Vec<u8>) -> Vec<Packed> {
        let mut scratch = Vec::new();
        let mut pack_one = |(at, item): (usize, &Item<'a>)| {
            let packed = self.codec.bytes(item.document, &mut scratch).map_err(Refusal::from);
            let packed = packed.and_then(|bytes| {
                self.check_size(item, bytes.len())?;
                if self.codec.serializer.keeps_bytes() {
                    return Ok(Packed::Alone(at));
                }
                let start = out.len();
                out.extend_from_slice(bytes);
                Ok(Packed::Shared(at..at + 1, start..out.len()))
            });
            packed.unwrap_or_else(|refusal| Packed::Refused(at, refusal))
        };
        self.items.iter().enumerate().map(&mut pack_one).collect()
    }

    fn shared(&self, mut framing: impl Framing<'a>, out: &mut Vec<u8>) -> Vec<Packed> {
        let mut packed = Vec::new();
        let mut scratch = Vec::new();
        out.reserve(self.items.iter().map(|item| item.document.len() + FRAMING_BYTES).sum());
        let mut open = Open::at(0, out);
        for (at, item) in self.items.iter().enumerate() {
            let bytes = match self.codec.bytes(item.document, &mut scratch) {
                Ok(bytes) => bytes,
                Err(malformed) => {
                    open.close(&mut framing, &mut packed, out);
                    packed.push(Packed::Refused(at, malformed.into()));
                    open = Open::at(at + 1, out);
                    continue;
                }
            };
            if !open.items.is_empty() {
                let size = framing.size_with(out.len() - open.start, item, bytes);
                let first = &self.items[open.items.start];
                if !self.may_grow_to(size, first) || !self.may_share(first, item) {
                    open.close(&mut framing, &mut packed, out);
                    open = Open::at(at, out);
                }
            }
            if open.items.is_empty()
                && let Err(refusal) = self.check_size(item, framing.size_with(0, item, bytes))
            {
                packed.push(Packed::Refused(at, refusal));
                open = Open::at(at + 1, out);
                continue;
            }
            framing.add(out.len() - open.start, item, bytes, out);
            open.items.end += 1;
        }
        open.close(&mut framing, &mut packed, out);
        framing.finish(out);
        packed
    }

    /// Whether an entry of this item alone may have so many bytes of data.
    fn check_size(&self, item: &Item<'_>, size: usize) -> Result<(), Refusal> {
        let bytes = size + self.key_bytes(item);
        let limit = self.bounds.record_bytes;
        if bytes > limit { Err(Refusal::TooLarge { bytes, limit }) } else { Ok(()) }
    }

    /// Whether an entry that begins with this item may grow to so many bytes of data. Lines, lists and netstrings
    /// stay below whole payload units, as with async-kinesis; aggregated records go up to the limit, as with the KPL.
    fn may_grow_to(&self, size: usize, first: &Item<'_>) -> bool {
        let whole_units = self.bounds.record_bytes / PAYLOAD_UNIT_BYTES * PAYLOAD_UNIT_BYTES;
        let is_within_units =
            self.codec.aggregator == Aggregator::Kpl || whole_units == 0 || size < whole_units;
        is_within_units && size + self.key_bytes(first) <= self.bounds.record_bytes
    }

    fn key_bytes(&self, first: &Item<'_>) -> usize {
        self.codec.entry_key(first).map_or(self.bounds.spread_key_bytes, str::len)
    }

    fn may_share(&self, first: &Item<'_>, item: &Item<'_>) -> bool {
        match self.codec.aggregator.sharing() {
            Sharing::Alone => false,
            Sharing::PerKey => first.key == item.key && first.hash_key == item.hash_key,
            Sharing::PerShard => first.is_keyed() == item.is_keyed(),
        }
    }
}

/// The entry that documents are being added to.
struct Open {
    items: Range<usize>,
    start: usize,
}

impl Open {
    fn at(item: usize, out: &[u8]) -> Self {
        Self { items: item..item, start: out.len() }
    }

    fn close<'a>(self, framing: &mut impl Framing<'a>, packed: &mut Vec<Packed>, out: &mut Vec<u8>) {
        if !self.items.is_empty() {
            framing.close(self.start, out);
            packed.push(Packed::Shared(self.items, self.start..out.len()));
        }
    }
}
