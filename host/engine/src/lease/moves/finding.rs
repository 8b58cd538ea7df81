//! What has to be told before checkpoints are moved.

use std::fmt;

use crate::{record::ShardId, sequence::SequenceNumber};

/// Something about the wish that whoever wishes should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A problem: the stream has no such shard.
    Unknown(ShardId),
    /// A problem: no record of this shard can have the number.
    OutOfRange {
        /// The shard.
        shard: ShardId,
        /// The number.
        sequence: SequenceNumber,
        /// The lowest that a record of the shard can have.
        first: SequenceNumber,
        /// The highest; none while the shard is open.
        last: Option<SequenceNumber>,
    },
    /// The record of the past names a shard that the stream no longer has.
    Gone(ShardId),
    /// A lease that the wish says nothing of.
    LeftAlone(ShardId),
    /// A shard without a lease, before one with a lease and after none: it counts as done.
    PassedOver(ShardId),
    /// A shard without a lease, behind one with a lease: it will be read from its oldest record.
    Follows(ShardId),
    /// A shard without a lease that has nothing to do with any other: the pipeline's `start` decides.
    Starts(ShardId),
}

impl Finding {
    /// Whether nothing may be written because of it.
    pub fn is_problem(&self) -> bool {
        matches!(self, Self::Unknown(_) | Self::OutOfRange { .. })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(shard) => write!(f, "the stream has no such shard: shard={shard}"),
            Self::OutOfRange { shard, sequence, first, last } => {
                write!(
                    f,
                    "no record of the shard can have this number: shard={shard} sequence={sequence} first={first}"
                )?;
                last.as_ref().map_or(Ok(()), |last| write!(f, " last={last}"))
            }
            Self::Gone(shard) => {
                write!(f, "left out, because the stream no longer has the shard: shard={shard}")
            }
            Self::LeftAlone(shard) => write!(f, "the lease stays as it is: shard={shard}"),
            Self::PassedOver(shard) => {
                write!(f, "counts as done, because a shard after it has a checkpoint: shard={shard}")
            }
            Self::Follows(shard) => {
                write!(f, "has no checkpoint, and is read from its oldest record on: shard={shard}")
            }
            Self::Starts(shard) => {
                write!(
                    f,
                    "has no checkpoint, and is read from where the pipeline's `start` says: shard={shard}"
                )
            }
        }
    }
}
