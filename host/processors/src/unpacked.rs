//! What comes out of a record.

use std::ops::Range;

use crate::Malformed;

/// Takes the documents of one record, in order, as they are found.
pub trait Unpacked {
    /// The next document is this part of the record's data.
    fn part(&mut self, place: Range<usize>, origin: &Origin<'_>);

    /// The next document is what `write` appends to the buffer it is given. When it fails, the document is rejected
    /// and what was appended counts for nothing.
    fn made(&mut self, origin: &Origin<'_>, write: impl FnOnce(&mut Vec<u8>) -> Result<(), Malformed>);

    /// What is in the place of the next document is none.
    fn rejected(&mut self, why: &Malformed);
}

/// What a document was put with, where the aggregator keeps that for each of them.
#[derive(Clone, Debug, Default)]
pub struct Origin<'a> {
    /// Where its partition key lies in the record's data: UTF-8 text. None: the key of the record.
    pub key: Option<Range<usize>>,
    /// Its explicit hash key.
    pub hash_key: Option<u128>,
    /// Its tags, in order.
    pub tags: &'a [Tag<'a>],
}

/// A tag that a producer gave a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag<'a> {
    /// Its key.
    pub key: &'a str,
    /// Its value, if it has one.
    pub value: Option<&'a str>,
}
