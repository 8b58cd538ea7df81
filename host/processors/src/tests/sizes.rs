//! How large entries grow, and which documents share one.

use std::ops::Range;

use super::{codec, entries, items};
use crate::{Bounds, Item, Packed, pack};

const MEBIBYTE: usize = 1 << 20;
/// Forty payload units: below so many bytes entries of a stream of 1 MiB stay.
const WHOLE_UNITS: usize = 1_024_000;

/// Entries as text, and the number of a refused item.
fn outcome(name: &str, items: &[Item<'_>], record_bytes: usize) -> Vec<String> {
    let text = |(run, data): (Range<usize>, Option<Vec<u8>>)| match data {
        Some(data) => format!("{run:?} {}", String::from_utf8_lossy(&data)),
        None => format!("{} refused", run.start),
    };
    entries(codec(name), items, record_bytes).into_iter().map(text).collect()
}

fn keyed<'a>(documents: &[(&'a str, &'a str)]) -> Vec<Item<'a>> {
    let item = |&(key, text): &(&'a str, &'a str)| Item {
        document: text.as_bytes(),
        key: Some(key),
        hash_key: None,
    };
    documents.iter().map(item).collect()
}

/// A JSON string of so many bytes.
fn text(bytes: usize) -> String {
    format!("\"{}\"", "x".repeat(bytes - 2))
}

fn sizes(name: &str, lengths: &[usize]) -> Vec<(Range<usize>, usize)> {
    let documents: Vec<_> = lengths.iter().map(|length| text(*length)).collect();
    let documents: Vec<_> = documents.iter().map(String::as_str).collect();
    let entries = entries(codec(name), &items(&documents), MEBIBYTE);
    entries.into_iter().map(|(run, data)| (run, data.unwrap().len())).collect()
}

#[test]
fn another_key_and_a_refused_document_close_the_entry() {
    let documents = keyed(&[("k1", "1"), ("k1", "2"), ("k2", "3"), ("k2", "no"), ("k2", "4")]);
    let expected = ["0..2 1\n2\n", "2..3 3\n", "3 refused", "4..5 4\n"];
    assert_eq!(outcome("json-line", &documents, 1_000), expected);
    let expected = ["0..2 [1, 2]", "2..3 [3]", "3 refused", "4..5 [4]"];
    assert_eq!(outcome("json-list", &documents, 1_000), expected);
}

#[test]
fn documents_of_any_key_share_an_aggregated_record_and_those_without_share_another() {
    let none = items(&["4", "5"]);
    let documents = [keyed(&[("k1", "1"), ("k2", "2"), ("k1", "3")]), none].concat();
    let runs: Vec<_> =
        entries(codec("kpl-json"), &documents, 1_000).into_iter().map(|(run, _)| run).collect();
    assert_eq!(runs, [0..3, 3..5]);
}

#[test]
fn an_entry_is_filled_to_the_last_byte_and_no_further() {
    let documents = keyed(&[("k", "11"), ("k", "22"), ("k", "33")]);
    assert_eq!(outcome("json-line", &documents, 7), ["0..2 11\n22\n", "2..3 33\n"]);
    assert_eq!(outcome("json-line", &documents, 6), ["0..1 11\n", "1..2 22\n", "2..3 33\n"]);
    assert_eq!(outcome("json-line", &documents, 4).len(), 3);
    assert_eq!(outcome("json-line", &documents, 3), ["0 refused", "1 refused", "2 refused"]);
    assert_eq!(outcome("json-list", &documents, 9), ["0..2 [11, 22]", "2..3 [33]"]);
    assert_eq!(outcome("json-list", &documents, 8), ["0..1 [11]", "1..2 [22]", "2..3 [33]"]);
    let bounds = Bounds { record_bytes: 3, spread_key_bytes: 16 };
    let refused = pack(codec("json-line"), &documents, bounds, &mut Vec::new());
    let Packed::Refused(_, reason) = &refused[0] else { panic!("the first item must be refused") };
    assert_eq!(
        reason.to_string(),
        "the document with its framing and key is larger than the stream takes, bytes=4 limit=3"
    );
}

#[test]
fn aggregated_records_are_filled_to_the_last_byte_tables_included() {
    // Magic and MD5 20, the table 3 for `k` and 5 for `123`, each record 2 + 2 + 2 + 3, the entry's key 1.
    let item = Item { document: b"1", key: Some("k"), hash_key: Some(123) };
    let documents = [item; 3];
    let runs =
        |limit| entries(codec("kpl-json"), &documents, limit).into_iter().map(|(run, _)| run).collect();
    let two: Vec<Range<usize>> = runs(20 + 3 + 5 + 2 * 9 + 1);
    assert_eq!(two, [0..2, 2..3]);
    let one: Vec<Range<usize>> = runs(20 + 3 + 5 + 2 * 9);
    assert_eq!(one, [0..1, 1..2, 2..3]);
    assert!(entries(codec("kpl-json"), &documents, 20 + 3 + 5 + 9 + 1)[0].1.is_some());
    assert!(entries(codec("kpl-json"), &documents, 20 + 3 + 5 + 9)[0].1.is_none());
}

#[test]
fn entries_stay_below_whole_payload_units_as_with_async_kinesis() {
    let half = WHOLE_UNITS / 2;
    for (name, framing) in [("json-line", 2), ("json-list", 4)] {
        assert_eq!(sizes(name, &[half, half - framing - 1]), [(0..2, WHOLE_UNITS - 1)], "{name}");
        let apart = sizes(name, &[half, half - framing]);
        assert_eq!(apart, [(0..1, half + framing / 2), (1..2, half - framing / 2)], "{name}");
    }
}

#[test]
fn a_document_near_the_limit_goes_alone_and_leaves_no_empty_entry_before_it() {
    for length in [WHOLE_UNITS - 1, WHOLE_UNITS, WHOLE_UNITS + 1, MEBIBYTE - 17] {
        assert_eq!(sizes("json-line", &[length, 9]), [(0..1, length + 1), (1..2, 10)]);
    }
    let too_large = text(MEBIBYTE - 16);
    assert_eq!(outcome("json-line", &items(&[&too_large]), MEBIBYTE), ["0 refused"]);
}

#[test]
fn the_framing_of_the_first_document_of_every_entry_counts() {
    let third = WHOLE_UNITS / 3;
    let lengths = [third, third, third, third, third, third];
    let sizes: Vec<_> = sizes("json-line", &lengths).into_iter().map(|(run, _)| run).collect();
    assert_eq!(sizes, [0..2, 2..4, 4..6], "three would reach the limit with their line feeds");
}

#[test]
fn documents_of_string_and_json_go_alone_and_as_they_are() {
    let documents = keyed(&[("k", "1"), ("k", "two"), ("k", "\"3\"\n")]);
    assert_eq!(outcome("json", &documents, 100), ["0..1 1", "1 refused", "2..3 \"3\"\n"]);
    assert_eq!(outcome("string", &documents, 4), ["0..1 1", "1..2 two", "2 refused"]);
}
