//! What comes out of a record, copied.

use std::ops::Range;

use md5::{Digest, Md5};
use tidemill_processors::{Codec, Malformed, Origin, Unpacked};

/// Documents of a record with their keys, and how many places in it hold none.
pub struct Reading<'a> {
    record: &'a [u8],
    /// The documents.
    pub documents: Vec<Vec<u8>>,
    /// The partition key of each.
    pub keys: Vec<Option<String>>,
    /// How much was rejected.
    pub rejections: usize,
}

impl<'a> Reading<'a> {
    /// Takes a record apart. Every place has to lie in it.
    pub fn of(codec: Codec, record: &'a [u8]) -> Self {
        let mut reading = Self { record, documents: Vec::new(), keys: Vec::new(), rejections: 0 };
        codec.unpack(record, &mut reading);
        reading
    }

    fn add(&mut self, document: Vec<u8>, origin: &Origin<'_>) {
        let text =
            |place: Range<usize>| String::from_utf8(self.record[place].to_vec()).expect("keys are text");
        self.keys.push(origin.key.clone().map(text));
        self.documents.push(document);
    }
}

impl Unpacked for Reading<'_> {
    fn part(&mut self, place: Range<usize>, origin: &Origin<'_>) {
        self.add(self.record[place].to_vec(), origin);
    }

    fn made(&mut self, origin: &Origin<'_>, write: impl FnOnce(&mut Vec<u8>) -> Result<(), Malformed>) {
        let mut document = Vec::new();
        match write(&mut document) {
            Ok(()) => self.add(document, origin),
            Err(malformed) => self.rejected(&malformed),
        }
    }

    fn rejected(&mut self, why: &Malformed) {
        assert!(!why.to_string().is_empty());
        self.rejections += 1;
    }
}

/// A message between the magic number of aggregated records and its MD5.
pub fn framed(message: &[u8]) -> Vec<u8> {
    [b"\xf3\x89\x9a\xc2", message, &Md5::digest(message)].concat()
}
