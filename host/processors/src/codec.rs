//! An aggregator and a serializer, put together.

use std::fmt;

use crate::{
    Aggregator, Item, Malformed, Origin, Preset, Serializer, Unpacked, kpl, list, netstring, newline,
};

/// An aggregator and a serializer: everything that decides how documents become records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codec {
    /// How documents share a record.
    pub aggregator: Aggregator,
    /// How a document becomes bytes.
    pub serializer: Serializer,
}

impl Codec {
    /// The codec of this name in settings: that of a preset, or the name of an aggregator, a plus and the name of a
    /// serializer, such as `netstring+json`.
    pub fn named(name: &str) -> Option<Self> {
        Preset::named(name).map(|preset| preset.codec).or_else(|| {
            let (aggregator, serializer) = name.split_once('+')?;
            Some(Self {
                aggregator: Aggregator::ALL.into_iter().find(|known| known.name() == aggregator)?,
                serializer: Serializer::ALL.into_iter().find(|known| known.name() == serializer)?,
            })
        })
    }

    /// Takes a record apart, in order. Where there are several, [`Codec::reader`] may be faster.
    pub fn unpack(self, data: &[u8], out: &mut impl Unpacked) {
        let is_sealed = self.aggregator == Aggregator::Kpl && kpl::are_sealed(&[data])[0];
        self.unpack_sealed(data, is_sealed, out);
    }

    /// Reads records together.
    pub fn reader(self, records: Vec<&[u8]>) -> Reader<'_> {
        let sealed = if self.aggregator == Aggregator::Kpl { kpl::are_sealed(&records) } else { Vec::new() };
        Reader { codec: self, records, sealed }
    }

    fn unpack_sealed(self, data: &[u8], is_sealed: bool, out: &mut impl Unpacked) {
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
                kpl::split(data, is_sealed, |place, origin| {
                    self.serializer.deserialize(data, place, origin, out);
                });
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

/// Records that are read together. What takes less time for all of them at once was done when it was made.
#[derive(Debug)]
pub struct Reader<'a> {
    codec: Codec,
    records: Vec<&'a [u8]>,
    /// Which are sealed as aggregated records are; empty where the codec has none.
    sealed: Vec<bool>,
}

impl Reader<'_> {
    /// Takes the record at this position apart, in order.
    ///
    /// # Panics
    /// There is none at it.
    pub fn unpack(&self, at: usize, out: &mut impl Unpacked) {
        let is_sealed = self.sealed.get(at).is_some_and(|is_sealed| *is_sealed);
        self.codec.unpack_sealed(self.records[at], is_sealed, out);
    }
}

/// The name in settings.
impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Preset::ALL.iter().find(|preset| preset.codec == *self) {
            Some(preset) => f.write_str(preset.name),
            None => write!(f, "{}+{}", self.aggregator, self.serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_are_found_by_the_names_of_presets_and_of_their_parts() {
        for preset in Preset::ALL {
            assert_eq!(Codec::named(preset.name), Some(preset.codec));
        }
        for aggregator in Aggregator::ALL {
            for serializer in Serializer::ALL {
                let name = format!("{}+{}", aggregator.name(), serializer.name());
                let codec = Codec { aggregator, serializer };
                assert_eq!(Codec::named(&name), Some(codec), "{name}");
                assert_eq!(Codec::named(&codec.to_string()), Some(codec), "{codec}");
            }
        }
        for unknown in ["", "+", "netstring", "json+newline", "netstring+json+", "Netstring+json"] {
            assert_eq!(Codec::named(unknown), None, "{unknown}");
        }
    }
}
