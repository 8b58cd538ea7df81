//! Places in an answer: in the bytes that were passed, or from their length on in the bytes of the answer.

use std::ops::Range;

use bytestring::ByteString;
use tidemill_engine::hash::HashKey;

use crate::{bindings::processors::Tag, fault::Fault};

/// The bytes that were passed and behind them those of the answer, by their lengths.
#[derive(Clone, Copy, Debug)]
pub struct Stretch {
    passed: usize,
    end: usize,
}

impl Stretch {
    /// So many bytes were passed, and so many answered.
    pub fn new(passed: usize, answered: usize) -> Result<Self, Fault> {
        let end = passed + answered;
        if u32::try_from(end).is_err() {
            return Err(Fault::malformed(format!("too many bytes answered, bytes={answered}")));
        }
        Ok(Self { passed, end })
    }

    /// The place of something, which has to lie in one of the two. `what` and `at` are for people: a document and its
    /// number, for instance.
    pub fn place(self, offset: u32, length: u32, what: &str, at: usize) -> Result<Range<usize>, Fault> {
        let place = offset as usize..offset as usize + length as usize;
        let crosses = place.start < self.passed && place.end > self.passed;
        if crosses || place.end > self.end {
            let (offset, passed, end) = (place.start, self.passed, self.end);
            let reason = format!(
                "a place is out of range, {what}={at} offset={offset} length={length} passed={passed} end={end}"
            );
            return Err(Fault::malformed(reason));
        }
        Ok(place)
    }

    /// Whether a place is in the bytes of the answer, and then where.
    pub fn in_answer(self, place: &Range<usize>) -> Option<Range<usize>> {
        place.start.checked_sub(self.passed).map(|start| start..start + place.len())
    }
}

/// The rows of an index.
pub fn rows<const WORDS: usize>(index: &[u32]) -> Result<&[[u32; WORDS]], Fault> {
    match index.as_chunks::<WORDS>() {
        (rows, []) => Ok(rows),
        _ => Err(Fault::malformed(format!(
            "the index is not a multiple of {WORDS} words, words={}",
            index.len()
        ))),
    }
}

/// An explicit hash key of an answer.
pub fn hash_key(text: &str, what: &str, at: usize) -> Result<HashKey, Fault> {
    text.parse().map_err(|error| Fault::malformed(format!("{error}, {what}={at}")))
}

/// Tags of an answer.
pub fn tags(tags: &[Tag]) -> Vec<(ByteString, Option<ByteString>)> {
    let text = |text: &String| ByteString::from(text.as_str());
    tags.iter().map(|tag| (text(&tag.key), tag.value.as_ref().map(text))).collect()
}
