//! An aggregator and a serializer, put together.

use crate::{Aggregator, Item, Malformed, Origin, Serializer, Unpacked, kpl, list, netstring, newline};

/// An aggregator and a serializer: everything that decides how documents become records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codec {
    /// How documents share a record.
    pub aggregator: Aggregator,
    /// How a document becomes bytes.
    pub serializer: Serializer,
}

impl Codec {
    /// Takes a record apart, in order.
    pub fn unpack(self, data: &[u8], out: &mut impl Unpacked) {
        let none = Origin::default();
        match self.aggregator {
            Aggregator::Simple => self.serializer.deserialize(data, 0..data.len(), &none, out),
            Aggregator::Newline => {
                newline::split(data, |place| self.serializer.deserialize(data, place, &none, out));
            }
            Aggregator::List => list::unpack(self.serializer, data, out),
            Aggregator::Netstring => {
                let end =
                    netstring::split(data, |place| self.serializer.deserialize(data, place, &none, out));
                if let Err(malformed) = end {
                    out.rejected(&malformed);
                }
            }
            Aggregator::Kpl => {
                kpl::split(data, |place, origin| self.serializer.deserialize(data, place, origin, out));
            }
        }
    }

    /// The partition key of an entry that begins with this item; without one the producer picks a key. The KPL's
    /// aggregated records all have the same, and go by their explicit hash key.
    pub fn entry_key<'a>(self, first: &Item<'a>) -> Option<&'a str> {
        let keeps_keys = self.aggregator == Aggregator::Kpl && first.is_keyed();
        if keeps_keys { Some(kpl::KEY) } else { first.key }
    }

    /// The explicit hash key of an entry that begins with this item. For the KPL's aggregated records it is the first
    /// item's, or else the hash of its partition key.
    pub fn entry_hash_key(self, first: &Item<'_>) -> Option<u128> {
        let of_key = || first.key.filter(|_| self.aggregator == Aggregator::Kpl).map(kpl::hash_key);
        first.hash_key.or_else(of_key)
    }

    /// A document in the bytes that the aggregator is given.
    pub(crate) fn bytes<'a>(
        self,
        document: &'a [u8],
        scratch: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], Malformed> {
        match self.aggregator {
            Aggregator::Newline => newline::line(self.serializer, document, scratch),
            Aggregator::List => list::element(self.serializer, document, scratch),
            _ => self.serializer.serialize(document, scratch),
        }
    }
}
