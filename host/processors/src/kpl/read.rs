//! Taking an aggregated record apart.

use std::ops::Range;

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use super::{Digest, MAGIC, digests};
use crate::{Origin, Tag};

/// Which records begin with the magic number and end with the right MD5 of what is between.
pub(crate) fn are_sealed(records: &[&[u8]]) -> Vec<bool> {
    let sealed: Vec<_> = records.iter().map(|record| message_and_digest(record)).collect();
    let messages: Vec<_> = sealed.iter().flatten().map(|(message, _)| *message).collect();
    let mut digests = digests(&messages).into_iter();
    let mut is_right = |(_, found): (&[u8], &Digest)| digests.next().as_ref() == Some(found);
    sealed.into_iter().map(|sealed| sealed.is_some_and(&mut is_right)).collect()
}

/// Finds the user records of a record, in order. One that is not sealed, or not as it should be inside, is one plain
/// document, as the KCL has it.
pub(crate) fn split(data: &[u8], is_sealed: bool, mut found: impl FnMut(Range<usize>, &Origin<'_>)) {
    let message = message_and_digest(data).filter(|_| is_sealed).map(|(message, _)| message.len());
    let place = message.map(|length| MAGIC.len()..MAGIC.len() + length);
    let Some(aggregated) = place.and_then(|place| Aggregated::read(data, place)) else {
        return found(0..data.len(), &Origin::default());
    };
    for record in &aggregated.records {
        found(record.data.clone(), &aggregated.origin(record));
    }
}

/// The message of what may be an aggregated record, and the digest that should be its.
fn message_and_digest(record: &[u8]) -> Option<(&[u8], &Digest)> {
    let (message, digest) = record.strip_prefix(&MAGIC)?.split_last_chunk()?;
    (!message.is_empty()).then_some((message, digest))
}

/// What an aggregated record says, with every number in it known to be in its table.
#[derive(Default)]
struct Aggregated<'a> {
    keys: Vec<Range<usize>>,
    hash_keys: Vec<u128>,
    records: Vec<UserRecord>,
    tags: Vec<Tag<'a>>,
}

struct UserRecord {
    key: usize,
    hash_key: Option<usize>,
    data: Range<usize>,
    tags: Range<usize>,
}

impl<'a> Aggregated<'a> {
    /// None where the message is broken, lacks what is required, or names keys that are not in its tables. The tables
    /// may come behind the records.
    fn read(data: &'a [u8], message: Range<usize>) -> Option<Self> {
        let mut all = Self::default();
        let mut fields = Fields { data, place: message };
        while let Some(field) = fields.next_field()? {
            match field {
                (1, Value::Bytes(key)) => {
                    text(data, &key)?;
                    all.keys.push(key);
                }
                (2, Value::Bytes(hash_key)) => all.hash_keys.push(number(text(data, &hash_key)?)?),
                (3, Value::Bytes(record)) => all.read_record(data, record)?,
                _ => {}
            }
        }
        let is_listed = |record: &UserRecord| {
            record.key < all.keys.len() && record.hash_key.is_none_or(|at| at < all.hash_keys.len())
        };
        all.records.iter().all(is_listed).then_some(all)
    }

    fn read_record(&mut self, data: &'a [u8], place: Range<usize>) -> Option<()> {
        let (mut key, mut hash_key, mut document) = (None, None, None);
        let first_tag = self.tags.len();
        let mut fields = Fields { data, place };
        while let Some(field) = fields.next_field()? {
            match field {
                (1, Value::Number(number)) => key = Some(usize::try_from(number).ok()?),
                (2, Value::Number(number)) => hash_key = Some(usize::try_from(number).ok()?),
                (3, Value::Bytes(bytes)) => document = Some(bytes),
                (4, Value::Bytes(tag)) => self.tags.push(tag_at(data, tag)?),
                _ => {}
            }
        }
        let tags = first_tag..self.tags.len();
        self.records.push(UserRecord { key: key?, hash_key, data: document?, tags });
        Some(())
    }

    fn origin(&self, record: &UserRecord) -> Origin<'_> {
        Origin {
            key: Some(self.keys[record.key].clone()),
            hash_key: record.hash_key.map(|at| self.hash_keys[at]),
            tags: &self.tags[record.tags.clone()],
        }
    }
}

fn tag_at(data: &[u8], place: Range<usize>) -> Option<Tag<'_>> {
    let (mut key, mut value) = (None, None);
    let mut fields = Fields { data, place };
    while let Some(field) = fields.next_field()? {
        match field {
            (1, Value::Bytes(place)) => key = Some(text(data, &place)?),
            (2, Value::Bytes(place)) => value = Some(text(data, &place)?),
            _ => {}
        }
    }
    Some(Tag { key: key?, value })
}

fn text<'a>(data: &'a [u8], place: &Range<usize>) -> Option<&'a str> {
    std::str::from_utf8(&data[place.clone()]).ok()
}

/// A hash key in decimal, without a sign.
fn number(digits: &str) -> Option<u128> {
    digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The fields of a message that lies in a record.
struct Fields<'a> {
    data: &'a [u8],
    /// What of the message is still to be read.
    place: Range<usize>,
}

/// What a field holds. Those of other wire types than these two are passed over.
enum Value {
    Number(u64),
    Bytes(Range<usize>),
}

impl Fields<'_> {
    /// The number of the next field and what it holds; an inner none at the end, an outer one where it is broken.
    fn next_field(&mut self) -> Option<Option<(u32, Value)>> {
        let end = self.place.end;
        let mut rest = &self.data[self.place.clone()];
        while !rest.is_empty() {
            let (field, wire_type) = decode_key(&mut rest).ok()?;
            let value = match wire_type {
                WireType::Varint => Value::Number(decode_varint(&mut rest).ok()?),
                WireType::LengthDelimited => {
                    let length = usize::try_from(decode_varint(&mut rest).ok()?).ok()?;
                    let start = end - rest.len();
                    rest = rest.get(length..)?;
                    Value::Bytes(start..start + length)
                }
                _ => {
                    skip_field(wire_type, field, &mut rest, DecodeContext::default()).ok()?;
                    continue;
                }
            };
            self.place.start = end - rest.len();
            return Some(Some((field, value)));
        }
        Some(None)
    }
}
