//! GetShardIterator.

use super::{Model, ServiceError, token::Cursor, validate};
use crate::kinesis::Position;

impl Model {
    /// GetShardIterator: a token that stands at a position and may be used for [`super::Settings::iterator_life`].
    /// Errors: InvalidArgumentException for a moment still to come and for a number that the shard never gave.
    pub fn get_shard_iterator(
        &self,
        name: &str,
        shard: &str,
        position: &Position,
    ) -> Result<String, ServiceError> {
        validate::shard_id(shard)?;
        self.on(name, |stream, now| {
            stream.must_be_usable(now)?;
            let id = stream.id;
            let shard = stream.shard(shard)?;
            if self.settings.enforce_limits && !shard.rates.iterators.take(now) {
                return Err(ServiceError::throughput(format!("Rate exceeded for shard {}", shard.id)));
            }
            shard.must_be_past(position, now)?;
            let index = shard.index_at(position)?;
            let number = shard.stamp.shard;
            Ok(Cursor { issued: now, stream: id, shard: number, index, name: name.to_owned() }.seal())
        })
    }
}
