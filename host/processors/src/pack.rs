//! Packing documents into entries.

use std::ops::Range;

use thiserror::Error;

use crate::{Aggregator, Codec, Malformed};

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
    /// These items share an entry, and this part of the output is its data.
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
    match codec.aggregator {
        Aggregator::Simple => pack_alone(codec, items, bounds),
        Aggregator::Newline => pack_shared(codec, items, bounds, out),
    }
}

fn pack_alone(codec: Codec, items: &[Item<'_>], bounds: Bounds) -> Vec<Packed> {
    let pack_one = |(at, item)| match check(codec, item, bounds) {
        Ok(()) => Packed::Alone(at),
        Err(refusal) => Packed::Refused(at, refusal),
    };
    items.iter().enumerate().map(pack_one).collect()
}

fn pack_shared(codec: Codec, items: &[Item<'_>], bounds: Bounds, out: &mut Vec<u8>) -> Vec<Packed> {
    let mut packed = Vec::new();
    let mut open = Open::at(0, out);
    for (at, item) in items.iter().enumerate() {
        let checked = check(codec, item, bounds);
        let line = checked.and_then(|()| Ok(codec.serializer.on_one_line(item.document)?));
        let line = match line {
            Ok(line) => line,
            Err(refusal) => {
                open.close_into(&mut packed, out);
                packed.push(Packed::Refused(at, refusal));
                open = Open::at(at + 1, out);
                continue;
            }
        };
        let size = out.len() - open.start + line.len() + codec.aggregator.framing() + item.key_bytes(bounds);
        if size > bounds.record_bytes || !items[open.items.start].is_akin_to(item) {
            open.close_into(&mut packed, out);
            open = Open::at(at, out);
        }
        codec.aggregator.append(&line, out);
        open.items.end += 1;
    }
    open.close_into(&mut packed, out);
    packed
}

/// Whether the item is a document that an entry of it alone could hold.
fn check(codec: Codec, item: &Item<'_>, bounds: Bounds) -> Result<(), Refusal> {
    let bytes = item.document.len() + codec.aggregator.framing() + item.key_bytes(bounds);
    if bytes > bounds.record_bytes {
        return Err(Refusal::TooLarge { bytes, limit: bounds.record_bytes });
    }
    Ok(codec.serializer.check(item.document)?)
}

impl Item<'_> {
    fn key_bytes(&self, bounds: Bounds) -> usize {
        self.key.map_or(bounds.spread_key_bytes, str::len)
    }

    fn is_akin_to(&self, other: &Self) -> bool {
        self.key == other.key && self.hash_key == other.hash_key
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

    fn close_into(self, packed: &mut Vec<Packed>, out: &[u8]) {
        if !self.items.is_empty() {
            packed.push(Packed::Shared(self.items, self.start..out.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Origin, Preset, Unpacked};

    fn codec(name: &str) -> Codec {
        Preset::named(name).unwrap().codec
    }

    fn items<'a>(documents: &[(&'a str, &'a str)]) -> Vec<Item<'a>> {
        let item = |&(key, text): &(&'a str, &'a str)| Item {
            document: text.as_bytes(),
            key: Some(key),
            hash_key: None,
        };
        documents.iter().map(item).collect()
    }

    fn packed(name: &str, items: &[Item<'_>], record_bytes: usize) -> (Vec<Packed>, Vec<u8>) {
        let mut out = Vec::new();
        let bounds = Bounds { record_bytes, spread_key_bytes: 16 };
        (pack(codec(name), items, bounds, &mut out), out)
    }

    /// Entries as text, and the number of a refused item.
    fn outcome(name: &str, items: &[Item<'_>], record_bytes: usize) -> Vec<String> {
        let (packed, out) = packed(name, items, record_bytes);
        let named = |part: &Packed| match part {
            Packed::Alone(at) => format!("{at} alone"),
            Packed::Shared(items, data) => {
                format!("{items:?} {}", String::from_utf8_lossy(&out[data.clone()]))
            }
            Packed::Refused(at, _) => format!("{at} refused"),
        };
        packed.iter().map(named).collect()
    }

    #[test]
    fn documents_of_json_line_share_an_entry_with_a_line_feed_after_each() {
        let documents = items(&[("", "{\"a\": 1}"), ("", "{\"b\": \"\\u00e9\"}"), ("", "[1,\n2]")]);
        let expected = ["0..3 {\"a\": 1}\n{\"b\": \"\\u00e9\"}\n[1, 2]\n"];
        assert_eq!(outcome("json-line", &documents, 1_000), expected);
    }

    #[test]
    fn another_key_and_a_refused_document_close_the_entry() {
        let documents = items(&[("k1", "1"), ("k1", "2"), ("k2", "3"), ("k2", "no"), ("k2", "4")]);
        let expected = ["0..2 1\n2\n", "2..3 3\n", "3 refused", "4..5 4\n"];
        assert_eq!(outcome("json-line", &documents, 1_000), expected);
    }

    #[test]
    fn an_entry_is_filled_to_the_last_byte_and_no_further() {
        let documents = items(&[("k", "11"), ("k", "22"), ("k", "33")]);
        assert_eq!(outcome("json-line", &documents, 7), ["0..2 11\n22\n", "2..3 33\n"]);
        assert_eq!(outcome("json-line", &documents, 6), ["0..1 11\n", "1..2 22\n", "2..3 33\n"]);
        assert_eq!(outcome("json-line", &documents, 4).len(), 3);
        assert_eq!(outcome("json-line", &documents, 3), ["0 refused", "1 refused", "2 refused"]);
        let (refused, _) = packed("json-line", &documents, 3);
        let Packed::Refused(_, reason) = &refused[0] else { panic!("the first item must be refused") };
        assert_eq!(
            reason.to_string(),
            "the document with its framing and key is larger than the stream takes, bytes=4 limit=3"
        );
    }

    #[test]
    fn documents_of_string_and_json_go_alone_and_as_they_are() {
        let documents = items(&[("k", "1"), ("k", "two"), ("k", "\"3\"\n")]);
        assert_eq!(outcome("json", &documents, 100), ["0 alone", "1 refused", "2 alone"]);
        assert_eq!(outcome("string", &documents, 4), ["0 alone", "1 alone", "2 refused"]);
    }

    /// The documents of a record, as they are read.
    #[derive(Default)]
    struct Read(Vec<Range<usize>>);

    impl Unpacked for Read {
        fn part(&mut self, place: Range<usize>, _: &Origin<'_>) {
            self.0.push(place);
        }

        fn made(&mut self, _: &Origin<'_>, _: impl FnOnce(&mut Vec<u8>) -> Result<(), Malformed>) {
            panic!("documents of json-line lie in the record");
        }

        fn rejected(&mut self, why: &Malformed) {
            panic!("what was packed is rejected: {why}");
        }
    }

    fn any_document() -> impl Strategy<Value = String> {
        let value = any::<(String, i64, bool)>();
        let json = value.prop_map(|value| serde_json::to_string_pretty(&value).unwrap());
        prop_oneof![4 => json, 1 => any::<String>()]
    }

    proptest! {
        #[test]
        fn what_is_packed_unpacks_to_the_same_values_in_order_within_the_limit(
            documents in prop::collection::vec(("k?", any_document()), 0..40),
            record_bytes in 0_usize..200,
        ) {
            let borrowed: Vec<_> = documents.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect();
            let items = items(&borrowed);
            let (packed, out) = packed("json-line", &items, record_bytes);
            let mut next = 0;
            for part in packed {
                match part {
                    Packed::Shared(run, data) => {
                        let data = &out[data];
                        prop_assert_eq!(run.start, next);
                        prop_assert!(!run.is_empty());
                        prop_assert!(data.len() + items[next].key.unwrap().len() <= record_bytes);
                        let mut read = Read::default();
                        codec("json-line").unpack(data, &mut read);
                        prop_assert_eq!(read.0.len(), run.len());
                        for (place, at) in read.0.into_iter().zip(run.clone()) {
                            prop_assert_eq!(items[at].key, items[next].key);
                            prop_assert_eq!(value(&data[place]), value(items[at].document));
                        }
                        next = run.end;
                    }
                    Packed::Refused(at, Refusal::TooLarge { bytes, .. }) => {
                        prop_assert_eq!(at, next);
                        prop_assert!(bytes > record_bytes);
                        next += 1;
                    }
                    Packed::Refused(at, Refusal::Malformed(_)) => {
                        prop_assert_eq!(at, next);
                        prop_assert!(serde_json::from_slice::<serde_json::Value>(items[at].document).is_err());
                        next += 1;
                    }
                    Packed::Alone(_) => prop_assert!(false, "documents of json-line share entries"),
                }
            }
            prop_assert_eq!(next, items.len());
        }
    }

    fn value(document: &[u8]) -> serde_json::Value {
        serde_json::from_slice(document).unwrap()
    }
}
