//! Packing documents into entries.

use std::ops::Range;

use thiserror::Error;

use crate::{Aggregator, Malformed, Preset};

/// A document to be packed.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a, K> {
    /// The document.
    pub document: &'a [u8],
    /// What all documents of an entry must have in common: the keys that decide its shard.
    pub key: K,
    /// What the key adds to the size of the entry, in bytes.
    pub key_bytes: usize,
}

/// What became of a run of items.
#[derive(Debug)]
pub enum Packed {
    /// The document of this item is the entry's data as it stands, so nothing need be copied.
    Alone(usize),
    /// These items share an entry with this data.
    Shared(Range<usize>, Vec<u8>),
    /// This item can be in no entry.
    Refused(usize, Refusal),
}

/// Why a document can be in no entry.
#[derive(Debug, Error)]
pub enum Refusal {
    /// It is no document of the preset.
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

/// Packs documents, in order, into as few entries as their keys and `max_bytes` (data and key together) allow.
///
/// The answer covers every item once, in order. No entry is without a document. A key other than that of the document
/// before closes the entry, and so does a document that is refused, because an entry holds a run of items.
pub fn pack<K: PartialEq>(preset: Preset, items: &[Item<'_, K>], max_bytes: usize) -> Vec<Packed> {
    match preset.aggregator {
        Aggregator::Simple => pack_alone(preset, items, max_bytes),
        Aggregator::Newline => pack_shared(preset, items, max_bytes),
    }
}

fn pack_alone<K>(preset: Preset, items: &[Item<'_, K>], max_bytes: usize) -> Vec<Packed> {
    let pack_one = |(at, item)| match check(preset, item, max_bytes) {
        Ok(()) => Packed::Alone(at),
        Err(refusal) => Packed::Refused(at, refusal),
    };
    items.iter().enumerate().map(pack_one).collect()
}

fn pack_shared<K: PartialEq>(preset: Preset, items: &[Item<'_, K>], max_bytes: usize) -> Vec<Packed> {
    let mut packed = Vec::new();
    let mut open = Open::at(0);
    for (at, item) in items.iter().enumerate() {
        let checked = check(preset, item, max_bytes);
        let line = checked.and_then(|()| Ok(preset.serializer.on_one_line(item.document)?));
        let line = match line {
            Ok(line) => line,
            Err(refusal) => {
                open.close_into(&mut packed);
                packed.push(Packed::Refused(at, refusal));
                open = Open::at(at + 1);
                continue;
            }
        };
        let size = open.data.len() + line.len() + preset.aggregator.framing() + item.key_bytes;
        if size > max_bytes || items[open.items.start].key != item.key {
            open.close_into(&mut packed);
            open = Open::at(at);
        }
        open.add(preset.aggregator, &line);
    }
    open.close_into(&mut packed);
    packed
}

/// Whether the item is a document that an entry of it alone could hold.
fn check<K>(preset: Preset, item: &Item<'_, K>, max_bytes: usize) -> Result<(), Refusal> {
    let bytes = item.document.len() + preset.aggregator.framing() + item.key_bytes;
    if bytes > max_bytes {
        return Err(Refusal::TooLarge { bytes, limit: max_bytes });
    }
    Ok(preset.serializer.check(item.document)?)
}

/// The entry that documents are being added to.
struct Open {
    items: Range<usize>,
    data: Vec<u8>,
}

impl Open {
    fn at(start: usize) -> Self {
        Self { items: start..start, data: Vec::new() }
    }

    fn add(&mut self, aggregator: Aggregator, document: &[u8]) {
        aggregator.append(document, &mut self.data);
        self.items.end += 1;
    }

    fn close_into(self, packed: &mut Vec<Packed>) {
        if !self.items.is_empty() {
            packed.push(Packed::Shared(self.items, self.data));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn preset(name: &str) -> Preset {
        Preset::named(name).unwrap()
    }

    fn items<'a>(documents: &[(&'a str, &'a str)]) -> Vec<Item<'a, &'a str>> {
        let item = |&(key, document): &(&'a str, &'a str)| Item {
            document: document.as_bytes(),
            key,
            key_bytes: key.len(),
        };
        documents.iter().map(item).collect()
    }

    /// Entries as text, and the number of a refused item.
    fn outcome(packed: &[Packed]) -> Vec<String> {
        let name = |part: &Packed| match part {
            Packed::Alone(at) => format!("{at} alone"),
            Packed::Shared(items, data) => format!("{items:?} {}", String::from_utf8_lossy(data)),
            Packed::Refused(at, _) => format!("{at} refused"),
        };
        packed.iter().map(name).collect()
    }

    #[test]
    fn documents_of_json_line_share_an_entry_with_a_line_feed_after_each() {
        let documents = items(&[("", "{\"a\": 1}"), ("", "{\"b\": \"\\u00e9\"}"), ("", "[1,\n2]")]);
        let packed = pack(preset("json-line"), &documents, 1_000);
        assert_eq!(outcome(&packed), ["0..3 {\"a\": 1}\n{\"b\": \"\\u00e9\"}\n[1, 2]\n"]);
    }

    #[test]
    fn another_key_and_a_refused_document_close_the_entry() {
        let documents = items(&[("k1", "1"), ("k1", "2"), ("k2", "3"), ("k2", "no"), ("k2", "4")]);
        let packed = pack(preset("json-line"), &documents, 1_000);
        assert_eq!(outcome(&packed), ["0..2 1\n2\n", "2..3 3\n", "3 refused", "4..5 4\n"]);
    }

    #[test]
    fn an_entry_is_filled_to_the_last_byte_and_no_further() {
        let documents = items(&[("k", "11"), ("k", "22"), ("k", "33")]);
        assert_eq!(outcome(&pack(preset("json-line"), &documents, 7)), ["0..2 11\n22\n", "2..3 33\n"]);
        assert_eq!(
            outcome(&pack(preset("json-line"), &documents, 6)),
            ["0..1 11\n", "1..2 22\n", "2..3 33\n"]
        );
        assert_eq!(outcome(&pack(preset("json-line"), &documents, 4)).len(), 3);
        let refused = pack(preset("json-line"), &documents, 3);
        assert_eq!(outcome(&refused), ["0 refused", "1 refused", "2 refused"]);
        let Packed::Refused(_, reason) = &refused[0] else { panic!("the first item must be refused") };
        assert_eq!(
            reason.to_string(),
            "the document with its framing and key is larger than the stream takes, bytes=4 limit=3"
        );
    }

    #[test]
    fn documents_of_string_and_json_go_alone_and_as_they_are() {
        let documents = items(&[("k", "1"), ("k", "two"), ("k", "\"3\"\n")]);
        assert_eq!(outcome(&pack(preset("json"), &documents, 100)), ["0 alone", "1 refused", "2 alone"]);
        assert_eq!(outcome(&pack(preset("string"), &documents, 4)), ["0 alone", "1 alone", "2 refused"]);
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
            max_bytes in 0_usize..200,
        ) {
            let borrowed: Vec<_> = documents.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect();
            let items = items(&borrowed);
            let mut next = 0;
            for part in pack(preset("json-line"), &items, max_bytes) {
                match part {
                    Packed::Shared(run, data) => {
                        prop_assert_eq!(run.start, next);
                        prop_assert!(!run.is_empty());
                        prop_assert!(data.len() + items[next].key_bytes <= max_bytes);
                        let parts: Vec<_> = preset("json-line").unpack(&data).collect();
                        prop_assert_eq!(parts.len(), run.len());
                        for (part, at) in parts.into_iter().zip(run.clone()) {
                            prop_assert!(part.checked.is_ok());
                            prop_assert_eq!(items[at].key, items[next].key);
                            prop_assert_eq!(value(&data[part.place]), value(items[at].document));
                        }
                        next = run.end;
                    }
                    Packed::Refused(at, Refusal::TooLarge { bytes, .. }) => {
                        prop_assert_eq!(at, next);
                        prop_assert!(bytes > max_bytes);
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
