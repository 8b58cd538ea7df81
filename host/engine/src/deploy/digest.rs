//! Digests: which component it is, whatever it is called.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// Hexadecimal digits of a digest that people are shown where the whole is too long.
const SHOWN: usize = 8;

/// SHA-256 of a component's file, written as 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// The digest of a component's file.
    pub fn of(file: &[u8]) -> Self {
        Self::of_bytes(&Sha256::digest(file).into())
    }

    /// The digest that these bytes are.
    pub fn of_bytes(bytes: &[u8; 32]) -> Self {
        use fmt::Write;
        Self(bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        }))
    }

    /// All 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first digits, which tell the components of one application apart.
    pub fn short(&self) -> &str {
        &self.0[..SHOWN]
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let is_hex = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if text.len() == 64 && is_hex {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidDigest(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Digest {
    type Error = InvalidDigest;

    fn try_from(text: String) -> Result<Self, InvalidDigest> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short())
    }
}

/// A text that is no digest.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not a digest: 64 hexadecimal digits in lower case are one, got={0:?}")]
pub struct InvalidDigest(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_as_it_is_written() {
        let digest = Digest::of_bytes(&[0xab; 32]);
        assert_eq!(digest.as_str().parse(), Ok(digest.clone()));
        assert_eq!((digest.short(), digest.as_str().len()), ("abababab", 64));
        for wrong in ["", "ab", &"AB".repeat(32), &"g".repeat(64)] {
            assert_eq!(wrong.parse::<Digest>(), Err(InvalidDigest(wrong.to_owned())));
        }
    }
}
