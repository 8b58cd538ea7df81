//! Records are byte for byte what async-kinesis and aws_kinesis_agg make of the same documents, and each side reads
//! the other's.

mod found;
mod strings;

use std::ops::Range;

use tidemill_processors::{Aggregator, Bounds, Codec, Item, Packed, Preset, Serializer, pack};

use crate::harness::{place::Place, python};
use found::Found;
use strings::{read, write};

/// Documents of each case.
const DOCUMENTS: usize = 10_000;
/// Few enough of them for one record.
const CHUNK: usize = 500;
/// What streams take unless they are told otherwise, and the key that a producer would pick.
const BOUNDS: Bounds = Bounds { record_bytes: 1 << 20, spread_key_bytes: 16 };
const SCRIPT: &str = "codec_peers.py";

/// Has the peer make documents and records, and answers both; none without Python.
async fn made(place: &Place, preset: &str, chunk: usize) -> Option<[Vec<Vec<u8>>; 2]> {
    let (count, chunk) = (DOCUMENTS.to_string(), chunk.to_string());
    python::script(place, SCRIPT, &["make", preset, &count, &chunk]).await?;
    Some([read(place, "documents"), read(place, "records")])
}

/// Data of the entries that the items become, none of which holds two chunks.
fn entries(codec: Codec, items: &[Item<'_>], chunk: usize) -> Vec<Vec<u8>> {
    let entries = items.chunks(chunk).flat_map(|items| {
        let mut out = Vec::new();
        let packed = pack(codec, items, BOUNDS, &mut out);
        let data = |part| match part {
            Packed::Alone(at) => items[at].document.to_vec(),
            Packed::Shared(_, data) => out[data].to_vec(),
            Packed::Refused(at, refusal) => panic!("document {at} of a chunk is refused: {refusal}"),
        };
        packed.into_iter().map(data).collect::<Vec<_>>()
    });
    entries.collect()
}

/// The documents of records, of which none may be rejected.
fn unpacked(codec: Codec, records: &[Vec<u8>]) -> Vec<Found> {
    records.iter().flat_map(|record| Found::all_in(codec, record)).collect()
}

/// Fails with the first record that differs, and where.
fn assert_same(ours: &[Vec<u8>], theirs: &[Vec<u8>]) {
    assert_eq!(ours.len(), theirs.len(), "as many records");
    for (at, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        let differing = ours.iter().zip(theirs).position(|(one, other)| one != other);
        let place: Range<usize> = differing.map_or(0..0, |at| at.saturating_sub(20)..ours.len().min(at + 20));
        assert!(ours == theirs, "record {at} differs near {:?}", ours[place].escape_ascii().to_string());
    }
}

/// What records hold on end, whatever their limits are.
fn on_end(codec: Codec, records: &[Vec<u8>]) -> Vec<u8> {
    let is_list = codec.aggregator == Aggregator::List;
    let inside =
        |record: &Vec<u8>| if is_list { record[1..record.len() - 1].to_vec() } else { record.clone() };
    let records: Vec<_> = records.iter().map(inside).collect();
    records.join(if is_list { &b", "[..] } else { b"" })
}

/// Each side makes records of the same documents in chunks, the records are the same, and each reads the other's.
async fn both_ways(preset: &str) {
    let codec = Preset::named(preset).expect("it is a preset").codec;
    let place = Place::new();
    let Some([documents, theirs]) = made(&place, preset, CHUNK).await else { return };
    let items: Vec<_> =
        documents.iter().map(|document| Item { document, key: None, hash_key: None }).collect();
    assert_eq!(items.len(), DOCUMENTS);
    let ours = entries(codec, &items, CHUNK);
    assert_same(&ours, &theirs);
    write(&place, "our-records", &ours);
    let found: Vec<_> = unpacked(codec, &theirs).into_iter().map(|found| found.document).collect();
    write(&place, "our-documents", &found);
    python::script(&place, SCRIPT, &["read", preset]).await.expect("Python is there");
}

/// Without chunks the records are as long as they get: what they hold is the same on end, and so is the first.
async fn full_records(preset: &str) {
    let codec = Preset::named(preset).expect("it is a preset").codec;
    let place = Place::new();
    let Some([documents, theirs]) = made(&place, preset, DOCUMENTS).await else { return };
    let items: Vec<_> =
        documents.iter().map(|document| Item { document, key: None, hash_key: None }).collect();
    let ours = entries(codec, &items, DOCUMENTS);
    assert!(ours.len() > 2, "too few documents for records to fill up");
    assert!(on_end(codec, &ours) == on_end(codec, &theirs), "the records hold other bytes");
    // async-kinesis counts less than lists take, and forgets framing after its first record.
    if codec.aggregator != Aggregator::List {
        assert_same(&ours[..1], &theirs[..1]);
    }
    write(&place, "our-records", &ours);
    let found: Vec<_> = unpacked(codec, &theirs).into_iter().map(|found| found.document).collect();
    write(&place, "our-documents", &found);
    python::script(&place, SCRIPT, &["read", preset]).await.expect("Python is there");
}

#[tokio::test]
async fn string_is_that_of_async_kinesis() {
    both_ways("string").await;
}

#[tokio::test]
async fn json_is_that_of_async_kinesis() {
    both_ways("json").await;
}

#[tokio::test]
async fn json_line_is_that_of_async_kinesis() {
    both_ways("json-line").await;
    full_records("json-line").await;
}

#[tokio::test]
async fn json_list_is_that_of_async_kinesis() {
    both_ways("json-list").await;
    full_records("json-list").await;
}

#[tokio::test]
async fn msgpack_is_that_of_async_kinesis() {
    both_ways("msgpack").await;
    full_records("msgpack").await;
}

#[tokio::test]
async fn kpl_json_is_that_of_async_kinesis() {
    both_ways("kpl-json").await;
}

#[tokio::test]
async fn kpl_string_is_that_of_async_kinesis() {
    both_ways("kpl-string").await;
}

#[tokio::test]
async fn aggregated_records_with_keys_are_those_of_aws_kinesis_agg() {
    let codec = Codec { aggregator: Aggregator::Kpl, serializer: Serializer::Bytes };
    let place = Place::new();
    let Some([parts, theirs]) = made(&place, "keyed", CHUNK).await else { return };
    let text = |bytes: &'_ Vec<u8>| String::from_utf8(bytes.clone()).expect("keys are text");
    let keys: Vec<_> = parts.chunks(3).map(|part| (text(&part[0]), text(&part[1]).parse().ok())).collect();
    let items: Vec<_> = parts
        .chunks(3)
        .zip(&keys)
        .map(|(part, (key, hash_key))| Item { document: &part[2], key: Some(key), hash_key: *hash_key })
        .collect();
    assert_eq!(items.len(), DOCUMENTS);
    let ours = entries(codec, &items, CHUNK);
    assert_same(&ours, &theirs);
    write(&place, "our-records", &ours);
    let found = unpacked(codec, &theirs).into_iter().flat_map(|found| {
        let hash_key = found.hash_key.map_or_else(String::new, |hash_key| hash_key.to_string());
        [found.key.expect("every user record has a key").into_bytes(), hash_key.into_bytes(), found.document]
    });
    write(&place, "our-documents", &found.collect::<Vec<_>>());
    python::script(&place, SCRIPT, &["read", "keyed"]).await.expect("Python is there");
}
