//! Sequence numbers: decimal numbers of up to 129 digits, compared as numbers and kept as the text they came as.

use std::{cmp::Ordering, fmt};

use thiserror::Error;

use crate::{limits, time::UnixMillis};

/// The sequence number of a Kinesis record. Only numbers of the same shard say anything about each other's order.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SequenceNumber(String);

impl SequenceNumber {
    /// The number as the service wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// When the service gave the number to a record, as far as the number tells; none where it does not.
    ///
    /// No document of the service says so, so it is for people to look at and nothing may depend on it: the seconds
    /// since 1970 are in bits 36 to 71, which records with known arrival times confirm. The embedded Kinesis writes
    /// milliseconds as decimal digits.
    pub fn written(&self) -> Option<UnixMillis> {
        if self.0.len() != SERVICE_DIGITS || !self.0.starts_with("49") {
            return None;
        }
        let embedded = (self.0[2..12].parse::<u64>().ok()?, self.0[31..44].parse::<u64>().ok()?);
        if let (opened, millis) = embedded
            && opened <= EMBEDDED_LATEST
        {
            return (millis >= opened * 1_000).then_some(UnixMillis(millis));
        }
        let low_bits = self
            .0
            .bytes()
            .fold(0_u128, |number, digit| number.wrapping_mul(10).wrapping_add(u128::from(digit - b'0')));
        let seconds = u64::try_from((low_bits >> 36) & 0xF_FFFF_FFFF).expect("36 bits fit");
        (low_bits & 0xF == 2).then_some(UnixMillis(seconds * 1_000))
    }
}

/// Digits of every number that the service gives today.
const SERVICE_DIGITS: usize = 56;
/// The digits behind 49 are a second since 1970 in the embedded Kinesis, and larger in all that the service gave.
const EMBEDDED_LATEST: u64 = 4_999_999_999;

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
    fn a_number_tells_when_it_was_given() {
        let written = |text: &str| number(text).written();
        // The record of the AWS documentation's event of Lambda, which arrived at 1545084650.987.
        let service = "49590338271490256608559692538361571095921575989136588898";
        assert_eq!(written(service), Some(UnixMillis(1_545_084_650_000)));
        let embedded = "49176300000000000000000000000421763000001234000000000007";
        assert_eq!(written(embedded), Some(UnixMillis(1_763_000_001_234)));
        for other in ["0", "4959", &"4".repeat(56), &"49590".repeat(12)[..56]] {
            assert_eq!(written(other), None, "{other}");
        }
    }

    #[test]
    fn text_that_is_no_number_is_refused() {
        for text in ["", "abc", "12a", "-1", &"1".repeat(130)] {
            assert!(SequenceNumber::try_from(text.to_owned()).is_err());
        }
    }
}
