//! Bytes that async-kinesis 3.0.1 and aws_kinesis_agg 1.2.3 made, and what else is sure of a record.

use super::{Found, Reading, codec, entries, items};
use crate::{Aggregator, Codec, Item, Serializer};

const DOCUMENTS: [&str; 3] = ["{\"a\": 1}", "{\"b\": \"\\u00e9\"}", "[1, 2]"];

const KPL_JSON: &str = "f3899ac20a01611a0c08001a087b2261223a20317d1a1308001a0f7b2262223a20225c7530306539227d\
                        1a0a08001a065b312c20325d4af6797317e58106e6bef6de9c7e1dbd";
const KPL_STRING: &str = "f3899ac20a01611a0c08001a087b2761273a20317d1a0f08001a0b7b2762273a2027c3a9277d\
                          1a0a08001a065b312c20325d15b559f6898fff35e4c70415a5a3c40a";
/// Two user records: `1` with the key `a`, and `2` with the key `b` and the explicit hash key 123.
const KPL_HASH_KEY: &str = "f3899ac20a01610a016212033132331a0508001a01311a07080110001a0132285659d00d4df8eb2960\
                            af3155a3c588";

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn entry(codec: Codec, items: &[Item<'_>]) -> Vec<u8> {
    let [(_, Some(data))] = &entries(codec, items, 1 << 20)[..] else { panic!("they share an entry") };
    data.clone()
}

/// What is packed is what the Python package packed, and reads back as it was, save for white space in msgpack.
fn is_golden(name: &str, documents: &[&str], golden: &[u8]) {
    assert_eq!(entry(codec(name), &items(documents)), golden, "{name}");
    let read = Reading::of(codec(name), golden);
    let read: Vec<_> = read.found.into_iter().map(|found| found.document.unwrap()).collect();
    let expected: Vec<_> = documents.iter().map(|document| document.as_bytes().to_vec()).collect();
    assert_eq!(read, expected, "{name}");
}

#[test]
fn every_preset_makes_and_reads_the_golden_bytes() {
    is_golden("json-line", &DOCUMENTS, b"{\"a\": 1}\n{\"b\": \"\\u00e9\"}\n[1, 2]\n");
    is_golden("json-list", &DOCUMENTS, b"[{\"a\": 1}, {\"b\": \"\\u00e9\"}, [1, 2]]");
    is_golden("kpl-json", &DOCUMENTS, &bytes(KPL_JSON));
    is_golden("kpl-string", &["{'a': 1}", "{'b': 'é'}", "[1, 2]"], &bytes(KPL_STRING));
    let compact = ["{\"a\":1}", "{\"b\":\"é\"}", "[1,2]"];
    is_golden("msgpack", &compact, &bytes("343a81a161012c363a81a162a2c3a92c333a9201022c"));
    assert_eq!(entry(codec("msgpack"), &items(&DOCUMENTS)), entry(codec("msgpack"), &items(&compact)));
    for name in ["string", "json"] {
        is_golden(name, &DOCUMENTS[1..2], DOCUMENTS[1].as_bytes());
    }
    let json_in_netstrings = Codec { aggregator: Aggregator::Netstring, serializer: Serializer::Json };
    assert_eq!(
        entry(json_in_netstrings, &items(&DOCUMENTS)),
        b"8:{\"a\": 1},15:{\"b\": \"\\u00e9\"},6:[1, 2],"
    );
}

#[test]
fn aggregated_records_keep_keys_and_explicit_hash_keys() {
    let items = [
        Item { document: b"1", key: Some("a"), hash_key: None },
        Item { document: b"2", key: Some("b"), hash_key: Some(123) },
    ];
    let kpl = codec("kpl-string");
    assert_eq!(entry(kpl, &items), bytes(KPL_HASH_KEY));
    let golden = bytes(KPL_HASH_KEY);
    let read = Reading::of(kpl, &golden);
    let found = |document: &[u8], key: &str, hash_key| Found {
        document: Some(document.to_vec()),
        key: Some(key.to_owned()),
        hash_key,
        tags: Vec::new(),
    };
    assert_eq!(read.found, [found(b"1", "a", None), found(b"2", "b", Some(123))]);

    assert_eq!(kpl.entry_key(&items[1]), Some("a"));
    assert_eq!(kpl.entry_hash_key(&items[1]), Some(123));
    assert_eq!(
        kpl.entry_hash_key(&items[0]),
        Some(0x0cc1_75b9_c0f1_b6a8_31c3_99e2_6977_2661),
        "the MD5 of `a`"
    );
    let unkeyed = Item { key: None, ..items[0] };
    assert_eq!((kpl.entry_key(&unkeyed), kpl.entry_hash_key(&unkeyed)), (None, None));
}

#[test]
fn every_combination_writes_what_its_page_says() {
    let packed = |aggregator, serializer, documents: &[&str]| {
        let data = entry(Codec { aggregator, serializer }, &items(documents));
        String::from_utf8_lossy(&data).into_owned()
    };
    let texts = ["a", "b \"c\"\n"];
    assert_eq!(packed(Aggregator::List, Serializer::String, &texts), "[\"a\", \"b \\\"c\\\"\\n\"]");
    assert_eq!(packed(Aggregator::List, Serializer::Bytes, &texts), "[\"YQ==\", \"YiAiYyIK\"]");
    assert_eq!(packed(Aggregator::List, Serializer::Msgpack, &["1", "[2]"]), "\u{fffd}\u{1}\u{fffd}\u{2}");
    assert_eq!(packed(Aggregator::Netstring, Serializer::String, &texts), "1:a,6:b \"c\"\n,");
    assert_eq!(packed(Aggregator::Netstring, Serializer::Bytes, &[""]), "0:,");
    assert_eq!(packed(Aggregator::Newline, Serializer::String, &["a", "b"]), "a\nb\n");
    assert_eq!(packed(Aggregator::Newline, Serializer::Bytes, &["a", "b"]), "a\nb\n");
}
