//! How documents share a Kinesis record.

use std::ops::Range;

use memchr::{Memchr, memchr_iter};

/// How documents share a Kinesis record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregator {
    /// Not at all: a document is a record.
    Simple,
    /// Each on a line of its own, ended by a line feed.
    Newline,
}

impl Aggregator {
    /// Whether several documents may share a record.
    pub fn shares(self) -> bool {
        self == Self::Newline
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

    /// Where the documents of a record lie in its data. Lines that hold nothing are passed over.
    pub fn parts(self, data: &[u8]) -> Parts<'_> {
        match self {
            Self::Simple => Parts(State::Whole(Some(0..data.len()))),
            Self::Newline => Parts(State::Lines { feeds: memchr_iter(b'\n', data), at: 0, end: data.len() }),
        }
    }
}

/// Where the documents of a record lie in its data, in order.
#[derive(Clone, Debug)]
pub struct Parts<'a>(State<'a>);

#[derive(Clone, Debug)]
enum State<'a> {
    Whole(Option<Range<usize>>),
    Lines { feeds: Memchr<'a>, at: usize, end: usize },
}

impl Iterator for Parts<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        match &mut self.0 {
            State::Whole(part) => part.take(),
            State::Lines { feeds, at, end } => {
                while *at < *end {
                    let feed = feeds.next().unwrap_or(*end);
                    let line = *at..feed;
                    *at = feed + 1;
                    if !line.is_empty() {
                        return Some(line);
                    }
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;

    fn lines(data: &str) -> Vec<&str> {
        Aggregator::Newline.parts(data.as_bytes()).map(|part| &data[part]).collect()
    }

    #[test]
    fn lines_are_split_with_or_without_the_last_line_feed_and_empty_ones_are_passed_over() {
        assert_eq!(lines("a\nbc\n"), ["a", "bc"]);
        assert_eq!(lines("a\nbc"), ["a", "bc"]);
        assert_eq!(lines("\n\na\n\n\nb\n\n"), ["a", "b"]);
        assert_eq!(lines("a\r\nb"), ["a\r", "b"]);
        assert!(lines("").is_empty());
        assert!(lines("\n").is_empty());
    }

    #[test]
    fn simple_records_are_one_document_even_when_empty() {
        assert!(Aggregator::Simple.parts(b"a\nb").eq(iter::once(0..3)));
        assert!(Aggregator::Simple.parts(b"").eq(iter::once(0..0)));
    }
}
