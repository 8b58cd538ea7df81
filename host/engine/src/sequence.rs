//! Sequence numbers: decimal numbers of up to 129 digits, compared as numbers and kept as the text they came as.

use std::{cmp::Ordering, fmt};

use thiserror::Error;

use crate::limits;

/// The sequence number of a Kinesis record. Only numbers of the same shard say anything about each other's order.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SequenceNumber(String);

impl SequenceNumber {
    /// The number as the service wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SequenceNumber {
    type Error = InvalidSequenceNumber;

    fn try_from(text: String) -> Result<Self, InvalidSequenceNumber> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if digits && text.len() <= limits::SEQUENCE_NUMBER_DIGITS {
            return Ok(Self(text));
        }
        Err(InvalidSequenceNumber(text))
    }
}

impl Ord for SequenceNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b) = (self.0.trim_start_matches('0'), other.0.trim_start_matches('0'));
        a.len().cmp(&b.len()).then_with(|| a.cmp(b)).then_with(|| self.0.len().cmp(&other.0.len()))
    }
}

impl PartialOrd for SequenceNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is no sequence number.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a sequence number: 1 to 129 decimal digits are expected, got={0:?}")]
pub struct InvalidSequenceNumber(String);

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> SequenceNumber {
        text.to_owned().try_into().unwrap()
    }

    #[test]
    fn numbers_compare_as_numbers_and_not_as_text() {
        assert!(number("9") < number("10"));
        assert!(number("0009") < number("10"));
        let long = "49590338271490256608559692538361571095921575989136588898";
        assert!(number(long) < number(&format!("{long}0")));
    }

    #[test]
    fn text_that_is_no_number_is_refused() {
        for text in ["", "abc", "12a", "-1", &"1".repeat(130)] {
            assert!(SequenceNumber::try_from(text.to_owned()).is_err());
        }
    }
}
