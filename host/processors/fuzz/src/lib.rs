//! What the fuzz targets do: they give a decoder any bytes, and hold what it says against what must be so.
//!
//! No decoder may panic, whatever it is given. Beyond that each has a statement that a wrong answer breaks.

mod reading;

use serde::de::IgnoredAny;
use serde_json::Value;
use tidemill_processors::{Aggregator, Bounds, Codec, Item, Packed, Serializer, pack as pack_items};

use reading::Reading;

/// JSON is what `serde_json` takes for it.
pub fn json(data: &[u8]) {
    let reading = read(Aggregator::Simple, Serializer::Json, data);
    let is_json = std::str::from_utf8(data).is_ok_and(is_json);
    assert_eq!(reading.documents.len(), usize::from(is_json));
    read(Aggregator::Simple, Serializer::String, data);
}

/// Lines are the record without its line feeds.
pub fn newline(data: &[u8]) {
    let reading = read(Aggregator::Newline, Serializer::Bytes, data);
    assert!(reading.documents.concat().iter().eq(data.iter().filter(|byte| **byte != b'\n')));
    reads_with_every_serializer(Aggregator::Newline, data);
}

/// A list that is good to its end is one for `serde_json`, too, with as many elements.
pub fn list(data: &[u8]) {
    let reading = read(Aggregator::List, Serializer::Json, data);
    // On bytes it takes strings for good that are no UTF-8.
    let elements =
        std::str::from_utf8(data).ok().and_then(|text| serde_json::from_str::<Vec<IgnoredAny>>(text).ok());
    if let Some(elements) = elements {
        assert_eq!((reading.documents.len(), reading.rejections), (elements.len(), 0));
    }
    reads_with_every_serializer(Aggregator::List, data);
}

/// Netstrings that are good to the record's end make the same record again.
pub fn netstring(data: &[u8]) {
    let reading = read(Aggregator::Netstring, Serializer::Bytes, data);
    if reading.rejections == 0 {
        let framed = reading
            .documents
            .iter()
            .flat_map(|document| [format!("{}:", document.len()).as_bytes(), document, b","].concat());
        assert!(framed.eq(data.iter().copied()));
    }
    reads_with_every_serializer(Aggregator::Netstring, data);
}

/// An aggregated record's documents go with keys into one that says the same; any other record is one document. The
/// bytes are tried as they are, and as the message between the magic number and its MD5.
pub fn kpl(data: &[u8]) {
    reads_with_every_serializer(Aggregator::Kpl, data);
    let framed = reading::framed(data);
    for record in [data, &framed] {
        let reading = read(Aggregator::Kpl, Serializer::Bytes, record);
        assert_eq!(reading.rejections, 0);
        if reading.keys.iter().any(Option::is_none) {
            assert_eq!(reading.documents, [record]);
        } else if !reading.documents.is_empty() {
            let record = packed(Aggregator::Kpl, &reading);
            let again = read(Aggregator::Kpl, Serializer::Bytes, &record);
            assert_eq!((again.documents, again.keys), (reading.documents, reading.keys));
        }
    }
}

/// What is made of msgpack is JSON that becomes msgpack again, and that the same JSON.
pub fn msgpack(data: &[u8]) {
    let reading = read(Aggregator::Simple, Serializer::Msgpack, data);
    if let Some(document) = reading.documents.first() {
        assert!(is_json(std::str::from_utf8(document).expect("JSON is text")));
        let codec = Codec { aggregator: Aggregator::Simple, serializer: Serializer::Msgpack };
        let record = only_entry(codec, &[item(document)]);
        let again = read(Aggregator::Simple, Serializer::Msgpack, &record);
        assert_eq!(again.documents, std::slice::from_ref(document));
    }
}

/// A document that every combination is given is refused, or reads back as it was.
pub fn pack(data: &[u8]) {
    for aggregator in Aggregator::ALL {
        for serializer in Serializer::ALL {
            let codec = Codec { aggregator, serializer };
            let mut out = Vec::new();
            let packed = pack_items(codec, &[item(data)], BOUNDS, &mut out);
            let record = match &packed[..] {
                [Packed::Alone(0)] => data.to_vec(),
                [Packed::Shared(_, place)] => out[place.clone()].to_vec(),
                _ => continue,
            };
            let reading = read(aggregator, serializer, &record);
            assert_eq!((reading.documents.len(), reading.rejections), (1, 0), "{codec:?}");
            match serializer {
                Serializer::Bytes | Serializer::String => assert_eq!(reading.documents, [data]),
                Serializer::Json => assert_eq!(value(&reading.documents[0]), value(data)),
                Serializer::Msgpack => assert!(value(&reading.documents[0]).is_some()),
            }
        }
    }
}

const BOUNDS: Bounds = Bounds { record_bytes: 1 << 20, spread_key_bytes: 16 };

fn read(aggregator: Aggregator, serializer: Serializer, data: &[u8]) -> Reading<'_> {
    Reading::of(Codec { aggregator, serializer }, data)
}

fn reads_with_every_serializer(aggregator: Aggregator, data: &[u8]) {
    for serializer in Serializer::ALL {
        read(aggregator, serializer, data);
    }
}

fn item(document: &[u8]) -> Item<'_> {
    Item { document, key: None, hash_key: None }
}

fn packed(aggregator: Aggregator, reading: &Reading<'_>) -> Vec<u8> {
    let items: Vec<_> = reading
        .documents
        .iter()
        .zip(&reading.keys)
        .map(|(document, key)| Item { key: key.as_deref(), ..item(document) })
        .collect();
    only_entry(Codec { aggregator, serializer: Serializer::Bytes }, &items)
}

fn only_entry(codec: Codec, items: &[Item<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    match &pack_items(codec, items, BOUNDS, &mut out)[..] {
        [Packed::Shared(_, place)] => out[place.clone()].to_vec(),
        others => panic!("no single entry: {others:?}"),
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn value(json: &[u8]) -> Option<Value> {
    serde_json::from_slice(json).ok()
}
