//! How far the work on a shard is done, as a value and as the text that stores and people read.

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::{sequence::SequenceNumber, time::UnixMillis};

/// How far the work on a shard is done.
///
/// Its text, both ways: `trim-horizon`, `latest`, `at-timestamp:1795243466123`, `at-sequence:4959`, `4959`, `4959:3`
/// and `shard-end`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checkpoint {
    /// Nothing yet: start at the oldest record.
    TrimHorizon,
    /// Nothing yet: start after the newest record.
    Latest,
    /// Nothing yet: start at a moment.
    AtTimestamp(UnixMillis),
    /// Nothing yet: start at this record.
    AtSequence(SequenceNumber),
    /// Everything up to this record is done.
    At {
        /// The Kinesis record.
        sequence: SequenceNumber,
        /// The last user record in it that is done; none when all of it is.
        sub_sequence: Option<u32>,
    },
    /// Everything is done, and the shard has no more to come.
    ShardEnd,
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TrimHorizon => f.write_str("trim-horizon"),
            Self::Latest => f.write_str("latest"),
            Self::AtTimestamp(at) => write!(f, "at-timestamp:{at}"),
            Self::AtSequence(sequence) => write!(f, "at-sequence:{sequence}"),
            Self::At { sequence, sub_sequence: None } => write!(f, "{sequence}"),
            Self::At { sequence, sub_sequence: Some(sub_sequence) } => write!(f, "{sequence}:{sub_sequence}"),
            Self::ShardEnd => f.write_str("shard-end"),
        }
    }
}

impl FromStr for Checkpoint {
    type Err = InvalidCheckpoint;

    fn from_str(text: &str) -> Result<Self, InvalidCheckpoint> {
        let invalid = || InvalidCheckpoint(text.to_owned());
        let sequence = |digits: &str| digits.to_owned().try_into().map_err(|_| invalid());
        match text.split_once(':') {
            Some(("at-timestamp", millis)) => {
                Ok(Self::AtTimestamp(UnixMillis(millis.parse().map_err(|_| invalid())?)))
            }
            Some(("at-sequence", digits)) => Ok(Self::AtSequence(sequence(digits)?)),
            Some((digits, sub_sequence)) => Ok(Self::At {
                sequence: sequence(digits)?,
                sub_sequence: Some(sub_sequence.parse().map_err(|_| invalid())?),
            }),
            None => match text {
                "trim-horizon" => Ok(Self::TrimHorizon),
                "latest" => Ok(Self::Latest),
                "shard-end" => Ok(Self::ShardEnd),
                digits => Ok(Self::At { sequence: sequence(digits)?, sub_sequence: None }),
            },
        }
    }
}

/// The text is no checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "not a checkpoint: expected `trim-horizon`, `latest`, `shard-end`, a sequence number such as 4959 or 4959:3, `at-sequence:4959` or `at-timestamp:1795243466123`, got={0:?}"
)]
pub struct InvalidCheckpoint(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_read_as_it_was_written() {
        let texts = [
            "trim-horizon",
            "latest",
            "at-timestamp:1795243466123",
            "at-sequence:4959",
            "0",
            "49590338271490256608559692538361571095921575989136588898:4294967295",
            "shard-end",
        ];
        for text in texts {
            assert_eq!(
                text.parse::<Checkpoint>().map(|checkpoint| checkpoint.to_string()),
                Ok(text.to_owned())
            );
        }
    }

    #[test]
    fn what_is_no_checkpoint_is_refused() {
        for text in ["", "oldest", "-1", "5:", "5:x", ":5", "at-timestamp:", "at-sequence:x", "5:4294967296"]
        {
            assert_eq!(text.parse::<Checkpoint>(), Err(InvalidCheckpoint(text.to_owned())));
        }
    }
}
