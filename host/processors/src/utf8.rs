//! Whether bytes are text: asked once of every document, on each side of a stream.

use crate::Malformed;

/// The bytes as text. The library says what is wrong only where something is.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    simdutf8::basic::from_utf8(bytes).or_else(|_| std::str::from_utf8(bytes)).map_err(Malformed::Text)
}
