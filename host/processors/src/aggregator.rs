//! How documents share a Kinesis record.

use std::ops::Range;

use memchr::memchr_iter;

use crate::Origin;

/// How documents share a Kinesis record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregator {
    /// Not at all: a document is a record.
    Simple,
    /// Each on a line of its own, ended by a line feed.
    Newline,
}

/// Which documents may share a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// None: each has a record of its own.
    Alone,
    /// Those with the same partition key and the same explicit hash key.
    PerKey,
    /// All that belong to one shard, whatever their keys: each keeps its own inside the record.
    PerShard,
}

impl Aggregator {
    /// Which documents may share a record.
    pub fn sharing(self) -> Sharing {
        match self {
            Self::Simple => Sharing::Alone,
            Self::Newline => Sharing::PerKey,
        }
    }

    /// Bytes that it adds to every document.
    pub fn framing(self) -> usize {
        match self {
            Self::Simple => 0,
            Self::Newline => 1,
        }
    }

    /// Adds a document to a record's data. A document that goes on a line must have no line feed in it.
    pub fn append(self, document: &[u8], data: &mut Vec<u8>) {
        data.extend_from_slice(document);
        if self == Self::Newline {
            data.push(b'\n');
        }
    }

    /// Finds the documents of a record, in order. Lines that hold nothing are passed over.
    pub fn split(self, data: &[u8], found: &mut dyn FnMut(Range<usize>, &Origin<'_>)) {
        let origin = Origin::default();
        match self {
            Self::Simple => found(0..data.len(), &origin),
            Self::Newline => {
                let mut start = 0;
                for feed in memchr_iter(b'\n', data).chain([data.len()]) {
                    if start < feed {
                        found(start..feed, &origin);
                    }
                    start = feed + 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(aggregator: Aggregator, data: &str) -> Vec<&str> {
        let mut parts = Vec::new();
        aggregator.split(data.as_bytes(), &mut |place, _| parts.push(&data[place]));
        parts
    }

    #[test]
    fn lines_are_split_with_or_without_the_last_line_feed_and_empty_ones_are_passed_over() {
        let lines = |data| parts(Aggregator::Newline, data);
        assert_eq!(lines("a\nbc\n"), ["a", "bc"]);
        assert_eq!(lines("a\nbc"), ["a", "bc"]);
        assert_eq!(lines("\n\na\n\n\nb\n\n"), ["a", "b"]);
        assert_eq!(lines("a\r\nb"), ["a\r", "b"]);
        assert!(lines("").is_empty());
        assert!(lines("\n").is_empty());
    }

    #[test]
    fn simple_records_are_one_document_even_when_empty() {
        assert_eq!(parts(Aggregator::Simple, "a\nb"), ["a\nb"]);
        assert_eq!(parts(Aggregator::Simple, ""), [""]);
    }
}
