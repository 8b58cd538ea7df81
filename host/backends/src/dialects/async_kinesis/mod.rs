//! Checkpoints of async-kinesis, in Redis and in DynamoDB: the same three values in two layouts, read and written.
//!
//! `sequence` is the number of the last record that is done, or null; `ref` and `ts` say who reads the shard and when
//! it last said so, and are null when nobody does. What is written here is always a shard that nobody reads.

use std::{collections::BTreeMap, fmt};

use async_trait::async_trait;
use thiserror::Error;
use tidemill_engine::{
    kinesis::Shard, lease::Checkpoint, limits, record::ShardId, sequence::SequenceNumber, time::UnixMillis,
};

use super::{DialectError, Holder, Place, Row, Sign};

mod dynamodb;
mod redis;

pub use dynamodb::InDynamoDb;
pub use redis::InRedis;

/// What async-kinesis keeps of one shard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Who reads it: `NAME/ID`.
    pub owner: Option<String>,
    /// The second since 1970 at which the reader last said so.
    pub seconds: Option<u64>,
    /// The last record that is done.
    pub sequence: Option<String>,
}

/// What is kept of one shard, with all that tells whether it changed since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What it says.
    pub state: State,
    /// The text it is kept as, where it is kept as text.
    text: String,
}

/// What async-kinesis keeps, to be written.
///
/// Implementations: [`InRedis`] and [`InDynamoDb`].
#[async_trait]
pub trait Writable: Send + Sync + fmt::Debug {
    /// What is kept of each shard.
    async fn states(&self) -> Result<BTreeMap<ShardId, Seen>, DialectError>;

    /// Sets the last record that is done, and that nobody reads the shard, if what is kept is still what was seen:
    /// nothing at all where there is no `seen`.
    ///
    /// # Errors
    /// [`DialectError::Changed`] when it is not; nothing was written then.
    ///
    /// # Cancel safety
    /// It may have been written.
    async fn write(
        &self,
        shard: &ShardId,
        seen: Option<&Seen>,
        sequence: Option<&SequenceNumber>,
    ) -> Result<(), DialectError>;
}

/// Why async-kinesis cannot go on where a checkpoint says.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Inexpressible {
    /// Part of a record is done.
    #[error(
        "async-kinesis goes on after whole records, and part of this one is done: let the application run on, or reset the shard to the number alone to have all of the record done, checkpoint={0}"
    )]
    MiddleOfRecord(Checkpoint),
    /// It is before a record.
    #[error(
        "async-kinesis goes on after a record and not at one: let the application run on until it has a checkpoint, checkpoint={0}"
    )]
    BeforeRecord(Checkpoint),
    /// The shard is done, and async-kinesis has no word for it but its last number.
    #[error(
        "async-kinesis needs the last number of a shard that is done, and the stream was not asked for it"
    )]
    UnknownEnd,
}

/// The record after which async-kinesis is to go on; none where its `iterator_type` has to say.
pub fn sequence_of(
    checkpoint: &Checkpoint,
    shard: Option<&Shard>,
) -> Result<Option<SequenceNumber>, Inexpressible> {
    match checkpoint {
        Checkpoint::TrimHorizon | Checkpoint::Latest | Checkpoint::AtTimestamp(_) => Ok(None),
        Checkpoint::At { sequence, sub_sequence: None } => Ok(Some(sequence.clone())),
        Checkpoint::At { sub_sequence: Some(_), .. } => {
            Err(Inexpressible::MiddleOfRecord(checkpoint.clone()))
        }
        Checkpoint::AtSequence(_) => Err(Inexpressible::BeforeRecord(checkpoint.clone())),
        Checkpoint::ShardEnd => {
            let end = shard.and_then(|shard| shard.ending_sequence.clone());
            end.map(Some).ok_or(Inexpressible::UnknownEnd)
        }
    }
}

impl State {
    /// What this says of a shard.
    fn row(self, shard: &ShardId) -> Result<Row, String> {
        let place = match self.sequence {
            None => Place::Start,
            Some(text) => {
                let sequence = text.try_into().map_err(|error| format!("{error}"))?;
                Place::At(Checkpoint::At { sequence, sub_sequence: None })
            }
        };
        let heard = UnixMillis(self.seconds.unwrap_or(0).saturating_mul(1_000));
        let sign = Sign::Until(heard.plus(limits::ASYNC_KINESIS_SESSION));
        let holder = self.owner.map(|name| Holder { name, sign });
        Ok(Row { shard: shard.clone(), place, holder })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> SequenceNumber {
        text.to_owned().try_into().unwrap()
    }

    #[test]
    fn whole_records_and_places_without_a_number_go_over() {
        let at = Checkpoint::At { sequence: number("5"), sub_sequence: None };
        assert_eq!(sequence_of(&at, None), Ok(Some(number("5"))));
        for start in [Checkpoint::TrimHorizon, Checkpoint::Latest, Checkpoint::AtTimestamp(UnixMillis(5))] {
            assert_eq!(sequence_of(&start, None), Ok(None));
        }
    }

    #[test]
    fn what_async_kinesis_has_no_word_for_is_refused_with_what_to_do() {
        let middle = Checkpoint::At { sequence: number("5"), sub_sequence: Some(3) };
        let refused = sequence_of(&middle, None).unwrap_err().to_string();
        assert!(refused.ends_with("checkpoint=5:3"), "{refused}");
        let before = Checkpoint::AtSequence(number("5"));
        assert_eq!(sequence_of(&before, None), Err(Inexpressible::BeforeRecord(before.clone())));
        assert_eq!(sequence_of(&Checkpoint::ShardEnd, None), Err(Inexpressible::UnknownEnd));
    }
}
