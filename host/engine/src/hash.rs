//! Hash keys: where in the space of 2^128 a record belongs, and so to which shard.

use std::{fmt, str::FromStr};

use md5::{Digest, Md5};
use thiserror::Error;

use crate::limits;

/// A place in the hash key space, 0 to 2^128 - 1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct HashKey(pub u128);

impl HashKey {
    /// The largest hash key.
    pub const MAX: Self = Self(u128::MAX);

    /// Where the service puts a record with this partition key: the MD5 of its UTF-8 bytes, big-endian.
    pub fn of(partition_key: &str) -> Self {
        Self(u128::from_be_bytes(Md5::digest(partition_key.as_bytes()).into()))
    }
}

impl FromStr for HashKey {
    type Err = InvalidHashKey;

    /// Takes what the service takes: decimal, no sign, no leading zero.
    fn from_str(text: &str) -> Result<Self, InvalidHashKey> {
        // As much as shows what is wrong: the text may be a guest's, and of any length.
        let invalid = || InvalidHashKey(text.chars().take(limits::HASH_KEY_DIGITS + 1).collect());
        let leading_zero = text.len() > 1 && text.starts_with('0');
        if leading_zero || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(invalid());
        }
        text.parse().map(Self).map_err(|_| invalid())
    }
}

impl fmt::Display for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A range of hash keys, both ends included, as the service gives it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct HashRange {
    /// Lowest hash key in the range.
    pub start: HashKey,
    /// Highest hash key in the range.
    pub end: HashKey,
}

impl HashRange {
    /// Whether the range holds this key.
    pub fn contains(&self, key: HashKey) -> bool {
        self.start <= key && key <= self.end
    }
}

/// The text is no hash key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a hash key: a decimal number from 0 to 2^128 - 1 without leading zeros is expected, got={0:?}")]
pub struct InvalidHashKey(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_key_hashes_as_the_service_hashes_it() {
        assert_eq!(HashKey::of("a"), HashKey(16_955_237_001_963_240_173_058_271_559_858_726_497));
    }

    #[test]
    fn hash_keys_are_decimal_without_leading_zeros() {
        assert_eq!("0".parse(), Ok(HashKey(0)));
        assert_eq!("340282366920938463463374607431768211455".parse(), Ok(HashKey::MAX));
        for text in ["", "-1", "+1", "007", "340282366920938463463374607431768211456", "x"] {
            assert!(text.parse::<HashKey>().is_err(), "{text} was taken for a hash key");
        }
    }
}
