//! How one document becomes bytes on a stream, and back.

use std::{fmt, ops::Range};

use crate::{Malformed, Origin, Unpacked, json, msgpack, utf8};

/// How one document becomes bytes.
///
/// All but msgpack leave a good document as it is, byte for byte: numbers keep their digits and objects the order of
/// their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serializer {
    /// Any bytes.
    Bytes,
    /// UTF-8 text.
    String,
    /// JSON text in UTF-8. It may be nested to any depth: the check keeps its place on the heap, a bit a level.
    Json,
    /// msgpack on the stream, and JSON text as a document.
    Msgpack,
}

impl Serializer {
    /// All serializers.
    pub const ALL: [Self; 4] = [Self::Bytes, Self::String, Self::Json, Self::Msgpack];

    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::String => "string",
            Self::Json => "json",
            Self::Msgpack => "msgpack",
        }
    }

    /// The document as bytes: as it stands, or written to `scratch`, whose content goes.
    ///
    /// # Errors
    /// It is no document of this serializer.
    pub fn serialize<'a>(self, document: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<&'a [u8], Malformed> {
        match self {
            Self::Msgpack => {
                scratch.clear();
                msgpack::from_json(document, scratch)?;
                Ok(scratch)
            }
            _ => self.check(document).map(|()| document),
        }
    }

    /// Whether the bytes of a document are the document itself.
    pub(crate) fn keeps_bytes(self) -> bool {
        self != Self::Msgpack
    }

    /// Hands out the document that these bytes of a record are, or says why there is none.
    pub(crate) fn deserialize(
        self,
        data: &[u8],
        place: Range<usize>,
        origin: &Origin<'_>,
        out: &mut impl Unpacked,
    ) {
        let bytes = &data[place.clone()];
        if self == Self::Msgpack {
            return out.made(origin, |json| msgpack::to_json(bytes, json));
        }
        match self.check(bytes) {
            Ok(()) => out.part(place, origin),
            Err(malformed) => out.rejected(&malformed),
        }
    }

    /// Whether these bytes are a document. The same on the way in and on the way out, for all but msgpack.
    pub(crate) fn check(self, bytes: &[u8]) -> Result<(), Malformed> {
        match self {
            Self::String => utf8::text(bytes).map(drop),
            Self::Json => json::check(bytes),
            Self::Bytes | Self::Msgpack => Ok(()),
        }
    }
}

impl fmt::Display for Serializer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_any_utf8_and_nothing_else() {
        let check = |bytes: &[u8]| Serializer::String.check(bytes);
        check(b"").unwrap();
        check("naïve\n".as_bytes()).unwrap();
        let error = check(b"ab\xffc").unwrap_err();
        assert_eq!(error.to_string(), "not UTF-8 text: invalid utf-8 sequence of 1 bytes from index 2");
    }

    #[test]
    fn bytes_are_anything() {
        assert_eq!(Serializer::Bytes.serialize(b"\xff\n", &mut Vec::new()).unwrap(), b"\xff\n");
    }
}
