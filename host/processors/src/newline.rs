//! Documents on lines.

use std::ops::Range;

use memchr::{memchr, memchr_iter};

use crate::{Item, Malformed, Serializer, framing::Framing};

/// Ends each document with a line feed.
pub(crate) struct Lines;

impl Framing<'_> for Lines {
    fn size_with(&self, so_far: usize, _: &Item<'_>, bytes: &[u8]) -> usize {
        so_far + bytes.len() + 1
    }

    fn add(&mut self, _: usize, _: &Item<'_>, bytes: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(bytes);
        out.push(b'\n');
    }

    fn close(&mut self, _: usize, _: &mut Vec<u8>) {}

    fn finish(self, _: &mut Vec<u8>) {}
}

/// A document in the bytes that go on its line. JSON has line feeds only as white space, so spaces take their place;
/// elsewhere they are content and cannot be given up.
pub(crate) fn line<'a>(
    serializer: Serializer,
    document: &'a [u8],
    scratch: &'a mut Vec<u8>,
) -> Result<&'a [u8], Malformed> {
    if serializer == Serializer::Json && memchr(b'\n', document).is_some() {
        serializer.check(document)?;
        scratch.clear();
        scratch.extend(document.iter().map(|&byte| if byte == b'\n' { b' ' } else { byte }));
        return Ok(scratch);
    }
    let bytes = serializer.serialize(document, scratch)?;
    if bytes.is_empty() {
        return Err(Malformed::Blank);
    }
    if memchr(b'\n', bytes).is_some() {
        return Err(Malformed::Lines);
    }
    Ok(bytes)
}

/// Finds the lines of a record, in order. Those that hold nothing are passed over.
pub(crate) fn split(data: &[u8], mut found: impl FnMut(Range<usize>)) {
    let mut start = 0;
    for feed in memchr_iter(b'\n', data).chain([data.len()]) {
        if start < feed {
            found(start..feed);
        }
        start = feed + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_with_or_without_the_last_line_feed_and_empty_ones_are_passed_over() {
        let lines = |data: &str| {
            let mut lines = Vec::new();
            split(data.as_bytes(), |place| lines.push(data[place].to_owned()));
            lines
        };
        assert_eq!(lines("a\nbc\n"), ["a", "bc"]);
        assert_eq!(lines("a\nbc"), ["a", "bc"]);
        assert_eq!(lines("\n\na\n\n\nb\n\n"), ["a", "b"]);
        assert_eq!(lines("a\r\nb"), ["a\r", "b"]);
        assert!(lines("").is_empty());
        assert!(lines("\n").is_empty());
    }

    #[test]
    fn line_feeds_of_json_become_spaces_and_all_others_are_refused() {
        let mut scratch = b"old".to_vec();
        assert_eq!(line(Serializer::Json, b"{\n\"a\":\n1}", &mut scratch).unwrap(), b"{ \"a\": 1}");
        assert_eq!(line(Serializer::Json, b"[1]", &mut scratch).unwrap(), b"[1]");
        for serializer in [Serializer::Bytes, Serializer::String] {
            assert!(matches!(line(serializer, b"a\nb", &mut scratch), Err(Malformed::Lines)));
            assert!(matches!(line(serializer, b"", &mut scratch), Err(Malformed::Blank)));
        }
        assert!(matches!(line(Serializer::Msgpack, b"10", &mut scratch), Err(Malformed::Lines)));
        assert!(matches!(line(Serializer::Json, b"[\n", &mut scratch), Err(Malformed::Json(_))));
    }
}
