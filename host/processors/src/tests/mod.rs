//! What holds for all codecs together.

mod golden;
mod round_trip;
mod sizes;

use std::ops::Range;

use proptest::prelude::*;
use serde_json::Value;

use crate::{Bounds, Codec, Item, Malformed, Origin, Packed, Preset, Unpacked, pack};

/// A document or rejection that came out of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub document: Option<Vec<u8>>,
    pub key: Option<String>,
    pub hash_key: Option<u128>,
    pub tags: Vec<(String, Option<String>)>,
}

/// Takes what is in a record, and holds every place against the record's length.
pub(crate) struct Reading<'a> {
    data: &'a [u8],
    pub found: Vec<Found>,
    pub rejections: Vec<String>,
}

impl<'a> Reading<'a> {
    pub fn of(codec: Codec, data: &'a [u8]) -> Self {
        let mut reading = Self { data, found: Vec::new(), rejections: Vec::new() };
        codec.unpack(data, &mut reading);
        reading
    }

    fn take(&mut self, document: Option<Vec<u8>>, origin: &Origin<'_>) {
        let key = origin.key.clone().map(|key| String::from_utf8(self.data[key].to_vec()).unwrap());
        let tags = origin.tags.iter().map(|tag| (tag.key.to_owned(), tag.value.map(str::to_owned))).collect();
        self.found.push(Found { document, key, hash_key: origin.hash_key, tags });
    }
}

impl Unpacked for Reading<'_> {
    fn part(&mut self, place: Range<usize>, origin: &Origin<'_>) {
        self.take(Some(self.data[place].to_vec()), origin);
    }

    fn made(&mut self, origin: &Origin<'_>, write: impl FnOnce(&mut Vec<u8>) -> Result<(), Malformed>) {
        let mut made = Vec::new();
        match write(&mut made) {
            Ok(()) => self.take(Some(made), origin),
            Err(malformed) => self.rejected(&malformed),
        }
    }

    fn rejected(&mut self, why: &Malformed) {
        self.rejections.push(why.to_string());
        self.found.push(Found::default());
    }
}

pub(crate) fn codec(name: &str) -> Codec {
    Preset::named(name).unwrap().codec
}

/// Items without keys.
pub(crate) fn items<'a>(documents: &[&'a str]) -> Vec<Item<'a>> {
    documents.iter().map(|text| Item { document: text.as_bytes(), key: None, hash_key: None }).collect()
}

/// The data of each entry, with the items that share it; none for items that are refused.
pub(crate) fn entries(
    codec: Codec,
    items: &[Item<'_>],
    record_bytes: usize,
) -> Vec<(Range<usize>, Option<Vec<u8>>)> {
    let mut out = b"before".to_vec();
    let packed = pack(codec, items, Bounds { record_bytes, spread_key_bytes: 16 }, &mut out);
    let entry = |part| match part {
        Packed::Alone(at) => (at..at + 1, Some(items[at].document.to_vec())),
        Packed::Shared(run, data) => (run, Some(out[data].to_vec())),
        Packed::Refused(at, _) => (at..at + 1, None),
    };
    let entries = packed.into_iter().map(entry).collect();
    assert!(out.starts_with(b"before"));
    entries
}

/// JSON of many shapes, some of it with white space, as text.
pub(crate) fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(4, 40, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..20)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    (value, any::<bool>()).prop_map(|(value, is_pretty)| {
        if is_pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() }
    })
}
