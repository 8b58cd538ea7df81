//! What is packed unpacks to what it was, for every combination; and any bytes at all unpack to something.

use proptest::prelude::*;
use serde_json::Value;

use super::{Reading, any_json, entries};
use crate::{Aggregator, Codec, Item, Serializer};

/// Every aggregator with every serializer.
fn every_codec() -> impl Iterator<Item = Codec> {
    let with =
        |aggregator| Serializer::ALL.into_iter().map(move |serializer| Codec { aggregator, serializer });
    Aggregator::ALL.into_iter().flat_map(with)
}

/// A document that the serializer takes is the same document on the other side: JSON of the same value, or the same
/// bytes.
fn is_same(serializer: Serializer, one: &[u8], other: &[u8]) -> bool {
    let value = |json| serde_json::from_slice::<Value>(json).unwrap();
    match serializer {
        Serializer::Bytes | Serializer::String => one == other,
        Serializer::Json | Serializer::Msgpack => value(one) == value(other),
    }
}

/// Whether a combination has to take a document.
fn is_taken(codec: Codec, document: &[u8]) -> bool {
    let is_line = !document.is_empty() && !document.contains(&b'\n');
    let is_json = serde_json::from_slice::<Value>(document).is_ok();
    match codec.serializer {
        Serializer::Bytes => codec.aggregator != Aggregator::Newline || is_line,
        Serializer::String => {
            std::str::from_utf8(document).is_ok() && (codec.aggregator != Aggregator::Newline || is_line)
        }
        Serializer::Json => is_json,
        Serializer::Msgpack => is_json && codec.aggregator != Aggregator::Newline,
    }
}

type Keyed = (Option<String>, Option<u128>, Vec<u8>);

fn any_document() -> impl Strategy<Value = Keyed> {
    let document = prop_oneof![
        6 => any_json().prop_map(String::into_bytes),
        1 => any::<String>().prop_map(String::into_bytes),
        1 => any::<Vec<u8>>(),
    ];
    (prop::option::of("k?"), prop_oneof![3 => Just(None), 1 => (0..3_u128).prop_map(Some)], document)
}

/// Packs, holds every entry against the limit and its neighbours' keys, and reads it back.
fn check(codec: Codec, documents: &[Keyed], record_bytes: usize) -> Result<(), TestCaseError> {
    let item = |(key, hash_key, document): &Keyed| (key.clone(), *hash_key, document.clone());
    let owned: Vec<_> = documents.iter().map(item).collect();
    let items: Vec<_> = owned
        .iter()
        .map(|(key, hash_key, document)| Item { document, key: key.as_deref(), hash_key: *hash_key })
        .collect();
    let mut next = 0;
    for (run, data) in entries(codec, &items, record_bytes) {
        prop_assert_eq!(run.start, next);
        prop_assert!(!run.is_empty());
        next = run.end;
        let Some(data) = data else {
            let document = items[run.start].document;
            let is_large = document.len() * 4 / 3 + 60 > record_bytes;
            prop_assert!(is_large || !is_taken(codec, document), "{:?} refuses {:?}", codec, document);
            continue;
        };
        let first = &items[run.start];
        prop_assert!(data.len() + codec.entry_key(first).map_or(16, str::len) <= record_bytes);
        let read = Reading::of(codec, &data);
        prop_assert_eq!(read.found.len(), run.len(), "{:?} {:?}", codec, read.rejections);
        for (found, at) in read.found.into_iter().zip(run) {
            let document = found.document.unwrap();
            prop_assert!(is_same(codec.serializer, &document, items[at].document), "{:?}", codec);
            if codec.aggregator == Aggregator::Kpl {
                prop_assert_eq!(found.key.as_deref(), Some(items[at].key.unwrap_or("a")));
                prop_assert_eq!(found.hash_key, items[at].hash_key);
            } else {
                prop_assert_eq!((items[at].key, items[at].hash_key), (first.key, first.hash_key));
            }
        }
    }
    prop_assert_eq!(next, items.len());
    Ok(())
}

proptest! {
    #[test]
    fn what_is_packed_unpacks_to_the_same_documents_in_order_within_the_limit(
        documents in prop::collection::vec(any_document(), 0..12),
        record_bytes in prop_oneof![0_usize..400, Just(1 << 20)],
    ) {
        for codec in every_codec() {
            check(codec, &documents, record_bytes)?;
        }
    }

    #[test]
    fn any_bytes_unpack_without_a_panic_into_parts_that_lie_in_them(data: Vec<u8>) {
        for codec in every_codec() {
            Reading::of(codec, &data);
        }
    }

    #[test]
    fn records_with_a_byte_changed_unpack_without_a_panic(
        documents in prop::collection::vec(any_document(), 1..5),
        at: prop::sample::Index,
        byte: u8,
    ) {
        for codec in every_codec() {
            let item = |document| Item { document, key: Some("key"), hash_key: Some(7) };
            let items: Vec<_> = documents.iter().map(|(_, _, document)| item(&document[..])).collect();
            for (_, data) in entries(codec, &items, 1 << 20) {
                if let Some(mut data) = data.filter(|data| !data.is_empty()) {
                    let at = at.index(data.len());
                    data[at] = byte;
                    Reading::of(codec, &data);
                    Reading::of(codec, &data[..at]);
                }
            }
        }
    }
}
