//! How one document becomes bytes on a stream, and back.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use thiserror::Error;

/// How one document becomes bytes.
///
/// Both leave a good document as it is, byte for byte: numbers keep their digits and objects the order of their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serializer {
    /// UTF-8 text.
    String,
    /// JSON text in UTF-8. It may be nested to any depth: the check keeps its place on the heap, a byte a level.
    Json,
}

impl Serializer {
    /// Whether these bytes are a document. The same on the way in and on the way out.
    pub fn check(self, bytes: &[u8]) -> Result<(), Malformed> {
        let text = std::str::from_utf8(bytes).map_err(Malformed::Text)?;
        match self {
            Self::String => Ok(()),
            Self::Json => serde_json::from_str::<IgnoredAny>(text).map(drop).map_err(Malformed::Json),
        }
    }

    /// The document without line feeds. A JSON document that passed [`Serializer::check`] has them only as white
    /// space, so spaces take their place; in text they are content and cannot be given up.
    pub fn on_one_line(self, document: &[u8]) -> Result<Cow<'_, [u8]>, Malformed> {
        if memchr::memchr(b'\n', document).is_none() {
            return Ok(Cow::Borrowed(document));
        }
        match self {
            Self::String => Err(Malformed::Lines),
            Self::Json => {
                Ok(Cow::Owned(document.iter().map(|&b| if b == b'\n' { b' ' } else { b }).collect()))
            }
        }
    }
}

/// Bytes that are no document.
#[derive(Debug, Error)]
pub enum Malformed {
    /// They are not text.
    #[error("not UTF-8 text: {0}")]
    Text(std::str::Utf8Error),
    /// They are not JSON.
    #[error("not JSON: {0}")]
    Json(serde_json::Error),
    /// The text has several lines, and every line would become a document of its own.
    #[error("text with a line feed cannot be framed by lines")]
    Lines,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_any_one_json_value_with_white_space_around_it() {
        for good in [&b"{\"a\":1}"[..], b" [1, 2]\r\n", b"null", b"\"\\u00e9\"", "\"é\"".as_bytes(), b"1e400"]
        {
            Serializer::Json.check(good).unwrap();
        }
        for bad in [&b""[..], b" ", b"{'a': 1}", b"{\"a\":1}{}", b"{\"a\":1", b"NaN", b"\"\xff\"", b"\xff"] {
            assert!(Serializer::Json.check(bad).is_err(), "{bad:?} was taken for JSON");
        }
    }

    #[test]
    fn deeply_nested_json_does_not_exhaust_the_stack() {
        let depth = 1_000_000;
        let nested = ["[".repeat(depth), "]".repeat(depth)].concat();
        Serializer::Json.check(nested.as_bytes()).unwrap();
        assert!(Serializer::Json.check(&nested.as_bytes()[1..]).is_err());
    }

    #[test]
    fn text_is_any_utf8_and_nothing_else() {
        Serializer::String.check(b"").unwrap();
        Serializer::String.check("naïve\n".as_bytes()).unwrap();
        let error = Serializer::String.check(b"ab\xffc").unwrap_err();
        assert_eq!(error.to_string(), "not UTF-8 text: invalid utf-8 sequence of 1 bytes from index 2");
    }

    #[test]
    fn line_feeds_of_json_become_spaces_and_those_of_text_are_refused() {
        let line = Serializer::Json.on_one_line(b"{\n\"a\":\n1}").unwrap();
        assert_eq!(&*line, b"{ \"a\": 1}");
        assert!(matches!(Serializer::Json.on_one_line(b"[1]").unwrap(), Cow::Borrowed(b"[1]")));
        assert!(matches!(Serializer::String.on_one_line(b"a\nb"), Err(Malformed::Lines)));
    }
}
