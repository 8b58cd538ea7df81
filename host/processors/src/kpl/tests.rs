//! Aggregated records that nobody should make, and those that only others make.

use super::*;
use crate::{
    Codec, Serializer,
    tests::{Found, Reading, codec},
};

fn record(message: &[u8]) -> Vec<u8> {
    [&MAGIC[..], message, &digests(&[message])[0]].concat()
}

fn read(data: &[u8]) -> Vec<Found> {
    Reading::of(codec("kpl-string"), data).found
}

fn plain(data: &[u8]) -> [Found; 1] {
    [Found { document: Some(data.to_vec()), ..Found::default() }]
}

fn is_plain(data: &[u8]) -> bool {
    let bytes = Codec { serializer: Serializer::Bytes, ..codec("kpl-string") };
    Reading::of(bytes, data).found == plain(data)
}

/// A message with the keys `a` and `b`, and one record of `b` with the data `1`.
const GOOD: &[u8] = b"\x0a\x01a\x0a\x01b\x1a\x05\x08\x01\x1a\x011";

#[test]
fn what_is_not_aggregated_is_one_plain_document() {
    for data in [&b""[..], b"text", b"{\"a\": 1}", b"a text that is longer than the MD5 of anything"] {
        assert_eq!(read(data), plain(data));
    }
    assert!(is_plain(&MAGIC) && is_plain(&record(b"")), "nothing lies between magic number and MD5");
    let mut wrong = record(GOOD);
    *wrong.last_mut().unwrap() ^= 1;
    assert!(is_plain(&wrong));
    assert_eq!(
        Reading::of(codec("kpl-json"), b"{").rejections.len(),
        1,
        "a plain record is checked as any other"
    );
}

#[test]
fn tables_may_come_behind_records_and_unknown_fields_are_passed_over() {
    let expected = [Found { document: Some(b"1".to_vec()), key: Some("b".to_owned()), ..Found::default() }];
    assert_eq!(read(&record(GOOD)), expected);
    assert_eq!(read(&record(b"\x1a\x05\x08\x01\x1a\x011\x0a\x01a\x0a\x01b")), expected);
    // Fields 5 to 8 of every wire type, and in the record a field 9.
    let strange =
        b"\x28\x01\x31........\x3a\x02xy\x45....\x0a\x01a\x0a\x01b\x1a\x08\x08\x01\x4a\x01z\x1a\x011";
    assert_eq!(read(&record(strange)), expected);
}

#[test]
fn tags_are_kept() {
    let message = b"\x0a\x01a\x1a\x14\x08\x00\x1a\x011\x22\x06\x0a\x01k\x12\x01v\x22\x05\x0a\x03one";
    let found = read(&record(message));
    let tags = [("k".to_owned(), Some("v".to_owned())), ("one".to_owned(), None)];
    assert_eq!(found[0].tags, tags);
}

#[test]
fn a_message_that_is_broken_or_names_keys_that_are_not_there_is_plain() {
    for (what, message) in [
        ("a key that is not in the table", &b"\x0a\x01a\x1a\x05\x08\x01\x1a\x011"[..]),
        ("a hash key that is not in the table", b"\x0a\x01a\x1a\x07\x08\x00\x10\x00\x1a\x011"),
        ("a record without a key", b"\x0a\x01a\x1a\x03\x1a\x011"),
        ("a record without data", b"\x0a\x01a\x1a\x02\x08\x00"),
        ("a key that is no text", b"\x0a\x01\xff\x1a\x05\x08\x00\x1a\x011"),
        ("a hash key that is no number", b"\x0a\x01a\x12\x02+1\x1a\x05\x08\x00\x1a\x011"),
        ("a field that ends behind the message", b"\x0a\x05a"),
        ("a length that ends in the middle", b"\x0a\xff"),
        ("a length beyond all memory", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01a"),
        ("a tag without a key", b"\x0a\x01a\x1a\x09\x08\x00\x1a\x011\x22\x02\x12\x00"),
    ] {
        assert!(is_plain(&record(message)), "{what}");
    }
}

#[test]
fn user_records_of_no_bytes_are_documents() {
    let found = read(&record(b"\x0a\x01a\x1a\x04\x08\x00\x1a\x00"));
    assert_eq!(found[0].document.as_deref(), Some(&b""[..]));
}
