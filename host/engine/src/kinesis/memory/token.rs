//! What the model hands out and gets back: shard iterators and the tokens of pages. They hold all they mean, so that
//! the model remembers none of them and they outlive a restart; to a client they are opaque.

use crate::time::UnixMillis;

/// A token being written: fields of fixed width, then one text, in hexadecimal behind a checksum.
pub(super) fn seal(fields: &[u64], text: &str) -> String {
    let mut bytes: Vec<u8> = fields.iter().flat_map(|field| field.to_be_bytes()).collect();
    bytes.extend_from_slice(text.as_bytes());
    format!("{:08x}{}", checksum(&bytes), hex(&bytes))
}

/// The fields and the text of a token that [`seal`] wrote; none for any other text.
pub(super) fn open<const FIELDS: usize>(token: &str) -> Option<([u64; FIELDS], String)> {
    let (sum, body) = token.split_at_checked(8)?;
    let bytes = unhex(body)?;
    if u32::from_str_radix(sum, 16).ok()? != checksum(&bytes) {
        return None;
    }
    let mut fields = [0; FIELDS];
    let mut rest = bytes.as_slice();
    for field in &mut fields {
        let (head, tail) = rest.split_first_chunk::<8>()?;
        *field = u64::from_be_bytes(*head);
        rest = tail;
    }
    Some((fields, std::str::from_utf8(rest).ok()?.to_owned()))
}

/// Where in which shard of which stream a reader stands, and when it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) issued: UnixMillis,
    /// Id of the stream, so that an iterator of a deleted stream is none of its namesake.
    pub(super) stream: u64,
    pub(super) shard: u32,
    /// Index of the next record to read.
    pub(super) index: u64,
    pub(super) name: String,
}

impl Cursor {
    pub(super) fn seal(&self) -> String {
        seal(&[self.issued.0, self.stream, u64::from(self.shard), self.index], &self.name)
    }

    pub(super) fn open(token: &str) -> Option<Self> {
        let ([issued, stream, shard, index], name) = open(token)?;
        Some(Self { issued: UnixMillis(issued), stream, shard: u32::try_from(shard).ok()?, index, name })
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: &u8| char::from(*b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect();
    rest.is_empty().then_some(bytes)?
}

/// FNV-1a: it tells a token from a typing error, no more is asked of it.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum, b| (sum ^ u32::from(*b)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_token_and_the_token_keeps_the_services_length() {
        let cursor = Cursor {
            issued: UnixMillis(u64::MAX),
            stream: u64::MAX,
            shard: u32::MAX,
            index: u64::MAX,
            name: "n".repeat(128),
        };
        let token = cursor.seal();
        assert!(token.len() <= 512, "{} characters", token.len());
        assert_eq!(Cursor::open(&token), Some(cursor));
    }

    #[test]
    fn what_was_not_sealed_does_not_open() {
        let cursor = Cursor { issued: UnixMillis(1), stream: 2, shard: 3, index: 4, name: "s".into() };
        let token = cursor.seal();
        let altered = token.replace("73", "74");
        for text in ["", "A", &"A".repeat(100), &token[1..], &altered, "ääääääää"] {
            assert_eq!(Cursor::open(text), None, "{text}");
        }
    }
}
