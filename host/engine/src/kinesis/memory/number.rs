//! Sequence numbers in the service's form: 56 decimal digits that begin with 49.
//!
//! The service's numbers hold the shard's creation, a count, the time and the shard. So do these, as decimal fields:
//!
//! ```text
//! 49 | opened: 10 | index: 19 | milliseconds: 13 | shard: 12
//! ```
//!
//! Within a shard the index grows, so the number does. A child is stamped at least a second after its parents, so
//! all of its numbers are greater than all of theirs.

use std::fmt;

use crate::{sequence::SequenceNumber, time::UnixMillis};

const DIGITS: usize = 56;
const LARGEST_INDEX: u64 = 9_999_999_999_999_999_999;

/// What all sequence numbers of a shard have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Second since 1970 in which the shard was opened, or the next one that none of its parents has.
    pub opened: u64,
    /// Number of the shard, as in its id.
    pub shard: u32,
}

impl Stamp {
    /// The number of the record at `index`.
    pub fn number(&self, index: u64, arrival: UnixMillis) -> Number {
        let mut digits = *b"49000000000000000000000000000000000000000000000000000000";
        write(&mut digits[2..12], self.opened);
        write(&mut digits[12..31], index);
        write(&mut digits[31..44], arrival.0);
        write(&mut digits[44..56], u64::from(self.shard));
        Number(digits)
    }

    /// The lowest number of the shard; no record has it.
    pub fn lowest(&self) -> Number {
        self.number(0, UnixMillis(0))
    }

    /// The highest number of the shard; no record has it.
    pub fn highest(&self) -> Number {
        self.number(LARGEST_INDEX, UnixMillis(0))
    }
}

/// A sequence number as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number([u8; DIGITS]);

impl Number {
    /// The digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("decimal digits are UTF-8")
    }

    /// The fields of a number that some [`Stamp`] wrote: stamp, index and arrival; none for any other text.
    pub(super) fn parse(text: &str) -> Option<(Stamp, u64, UnixMillis)> {
        let is_ours =
            text.len() == DIGITS && text.starts_with("49") && text.bytes().all(|b| b.is_ascii_digit());
        if !is_ours {
            return None;
        }
        let stamp = Stamp { opened: text[2..12].parse().ok()?, shard: text[44..].parse().ok()? };
        Some((stamp, text[12..31].parse().ok()?, UnixMillis(text[31..44].parse().ok()?)))
    }
}

impl From<Number> for SequenceNumber {
    fn from(number: Number) -> Self {
        number.as_str().to_owned().try_into().expect("56 digits are a sequence number")
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Writes the value's last digits over the field.
fn write(field: &mut [u8], mut value: u64) {
    for digit in field.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value % 10).expect("a digit is below ten");
        value /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { opened: 1_763_000_000, shard: 7 };

    #[test]
    fn a_number_has_56_digits_and_gives_its_fields_back() {
        let number = STAMP.number(42, UnixMillis(1_763_000_001_234));
        assert_eq!(number.as_str(), "49176300000000000000000000000421763000001234000000000007");
        assert_eq!(Number::parse(number.as_str()), Some((STAMP, 42, UnixMillis(1_763_000_001_234))));
    }

    #[test]
    fn numbers_grow_with_the_index_and_stay_between_the_shards_ends() {
        let numbers = [
            STAMP.lowest(),
            STAMP.number(1, UnixMillis(9)),
            STAMP.number(2, UnixMillis(3)),
            STAMP.number(u64::MAX / 2, UnixMillis(0)),
            STAMP.highest(),
            Stamp { opened: STAMP.opened + 1, shard: 0 }.lowest(),
        ];
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    }

    #[test]
    fn other_text_is_no_number_of_ours() {
        for text in
            ["", "0", "49", &"9".repeat(56), "4917630000000000000000000000042176300000123400000000000x"]
        {
            assert_eq!(Number::parse(text), None, "{text}");
        }
    }
}
