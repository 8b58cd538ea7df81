//! Why bytes are no document.

use thiserror::Error;

/// Bytes that are no document.
#[derive(Debug, Error)]
pub enum Malformed {
    /// They are not text.
    #[error("not UTF-8 text: {0}")]
    Text(std::str::Utf8Error),
    /// They are not JSON.
    #[error("not JSON: {0}")]
    Json(serde_json::Error),
    /// The document's bytes hold a line feed, and every line would become a document of its own.
    #[error("a document with a line feed in its bytes cannot be framed by lines")]
    Lines,
    /// The document has no bytes, and lines without any are passed over.
    #[error("an empty document cannot be framed by lines")]
    Blank,
    /// From this byte on, a record is no list.
    #[error("no {of} list from here on, byte={at}")]
    List {
        /// What the list should be of: `JSON` or `msgpack`.
        of: &'static str,
        /// Where in the record.
        at: usize,
    },
    /// An element of a list is not what the serializer puts there.
    #[error("the element of the list is no {0}")]
    Element(&'static str),
    /// From this byte on, a record is no sequence of netstrings.
    #[error("no netstring from here on: {why}, byte={at}")]
    Netstring {
        /// What is wrong.
        why: &'static str,
        /// Where in the record.
        at: usize,
    },
    /// The bytes are not msgpack, or JSON has no words for what they hold.
    #[error("no msgpack that JSON can hold: {why}, byte={at}")]
    Msgpack {
        /// What is wrong.
        why: &'static str,
        /// Where in the document.
        at: usize,
    },
    /// The JSON document has something in it that msgpack has no place for.
    #[error("no JSON that msgpack can hold: {why}, byte={at}")]
    Unpackable {
        /// What is wrong.
        why: &'static str,
        /// Where in the document.
        at: usize,
    },
}
