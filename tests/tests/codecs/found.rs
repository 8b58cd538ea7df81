//! Documents as they come out of a record, with copies of all they came with.

use std::ops::Range;

use tidemill_processors::{Codec, Malformed, Origin, Unpacked};

/// One document.
pub struct Found {
    /// Its bytes.
    pub document: Vec<u8>,
    /// Its own partition key.
    pub key: Option<String>,
    /// Its explicit hash key.
    pub hash_key: Option<u128>,
}

impl Found {
    /// The documents of a record, of which none may be rejected.
    pub fn all_in(codec: Codec, record: &[u8]) -> Vec<Self> {
        let mut reading = Reading { record, found: Vec::new() };
        codec.unpack(record, &mut reading);
        reading.found
    }
}

struct Reading<'a> {
    record: &'a [u8],
    found: Vec<Found>,
}

impl Reading<'_> {
    fn add(&mut self, document: Vec<u8>, origin: &Origin<'_>) {
        let text =
            |place: Range<usize>| String::from_utf8(self.record[place].to_vec()).expect("keys are text");
        let key = origin.key.clone().map(text);
        self.found.push(Found { document, key, hash_key: origin.hash_key });
    }
}

impl Unpacked for Reading<'_> {
    fn part(&mut self, place: Range<usize>, origin: &Origin<'_>) {
        self.add(self.record[place].to_vec(), origin);
    }

    fn made(&mut self, origin: &Origin<'_>, write: impl FnOnce(&mut Vec<u8>) -> Result<(), Malformed>) {
        let mut document = Vec::new();
        write(&mut document).unwrap_or_else(|malformed| panic!("a good document is rejected: {malformed}"));
        self.add(document, origin);
    }

    fn rejected(&mut self, why: &Malformed) {
        panic!("a good document is rejected: {why}");
    }
}
