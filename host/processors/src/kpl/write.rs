//! Making an aggregated record.

use std::{collections::HashMap, hash::Hash, ops::Range};

use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

use super::{Digest, KEY, MAGIC, digests};
use crate::{
    Item,
    framing::{Framing, insert},
};

/// Bytes of a field's number and wire type: all numbers here are below 16.
const FIELD_BYTES: usize = 1;

/// Collects the keys beside the user records, which are written as they come, and puts them before these in the end.
#[derive(Default)]
pub(crate) struct AggregatedRecord<'a> {
    keys: Table<&'a str>,
    hash_keys: Table<u128>,
    /// Where the messages lie whose digests are still to be written: they are made together in the end.
    messages: Vec<Range<usize>>,
}

impl<'a> Framing<'a> for AggregatedRecord<'a> {
    fn size_with(&self, so_far: usize, item: &Item<'a>, bytes: &[u8]) -> usize {
        let mut tables = self.keys.bytes.len() + self.hash_keys.bytes.len();
        let key = item.key.unwrap_or(KEY);
        let key = self.keys.number(key).unwrap_or_else(|| {
            tables += length_delimited(key.len());
            self.keys.next()
        });
        let hash_key = item.hash_key.map(|hash_key| {
            self.hash_keys.number(hash_key).unwrap_or_else(|| {
                tables += length_delimited(digits(hash_key));
                self.hash_keys.next()
            })
        });
        let record = record_length(key, hash_key, bytes);
        MAGIC.len() + tables + so_far + length_delimited(record) + size_of::<Digest>()
    }

    fn add(&mut self, _: usize, item: &Item<'a>, bytes: &[u8], out: &mut Vec<u8>) {
        let key = self.keys.add(item.key.unwrap_or(KEY), |key, table| write_bytes(1, key.as_bytes(), table));
        let hash_key = item.hash_key.map(|hash_key| {
            self.hash_keys.add(hash_key, |key, table| write_bytes(2, key.to_string().as_bytes(), table))
        });
        encode_key(3, WireType::LengthDelimited, out);
        encode_varint(record_length(key, hash_key, bytes) as u64, out);
        write_number(1, key, out);
        if let Some(hash_key) = hash_key {
            write_number(2, hash_key, out);
        }
        write_bytes(3, bytes, out);
    }

    fn close(&mut self, start: usize, out: &mut Vec<u8>) {
        let head = [&MAGIC[..], &self.keys.bytes, &self.hash_keys.bytes].concat();
        insert(out, start, &head);
        self.messages.push(start + MAGIC.len()..out.len());
        out.extend_from_slice(&Digest::default());
        self.keys.clear();
        self.hash_keys.clear();
    }

    fn finish(self, out: &mut Vec<u8>) {
        let messages: Vec<_> = self.messages.iter().map(|place| &out[place.clone()]).collect();
        for (place, digest) in self.messages.iter().zip(digests(&messages)) {
            out[place.end..place.end + digest.len()].copy_from_slice(&digest);
        }
    }
}

/// A table of keys, each in it once, and as the fields it will be written in.
#[derive(Default)]
struct Table<K> {
    numbers: HashMap<K, u64>,
    /// The key that was added last: neighbours often share one.
    last: Option<(K, u64)>,
    bytes: Vec<u8>,
}

impl<K: Copy + Eq + Hash> Table<K> {
    fn number(&self, key: K) -> Option<u64> {
        match self.last {
            Some((last, number)) if last == key => Some(number),
            _ => self.numbers.get(&key).copied(),
        }
    }

    /// The number of the next key that is new.
    fn next(&self) -> u64 {
        self.numbers.len() as u64
    }

    /// The number of a key, which is written if it is new.
    fn add(&mut self, key: K, write: impl FnOnce(K, &mut Vec<u8>)) -> u64 {
        let number = self.number(key).unwrap_or_else(|| {
            write(key, &mut self.bytes);
            let number = self.next();
            self.numbers.insert(key, number);
            number
        });
        self.last = Some((key, number));
        number
    }

    fn clear(&mut self) {
        self.numbers.clear();
        self.last = None;
        self.bytes.clear();
    }
}

fn record_length(key: u64, hash_key: Option<u64>, bytes: &[u8]) -> usize {
    let number = |number| FIELD_BYTES + encoded_len_varint(number);
    number(key) + hash_key.map_or(0, number) + length_delimited(bytes.len())
}

fn length_delimited(length: usize) -> usize {
    FIELD_BYTES + encoded_len_varint(length as u64) + length
}

fn digits(number: u128) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

fn write_number(field: u32, number: u64, out: &mut Vec<u8>) {
    encode_key(field, WireType::Varint, out);
    encode_varint(number, out);
}

fn write_bytes(field: u32, bytes: &[u8], out: &mut Vec<u8>) {
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}
