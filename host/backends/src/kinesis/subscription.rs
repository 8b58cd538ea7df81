//! SubscribeToShard through the SDK: an event stream that is read one event at a time.

use async_trait::async_trait;
use aws_sdk_kinesis::{
    operation::subscribe_to_shard::SubscribeToShardOutput,
    types::{StartingPosition, SubscribeToShardEventStream},
};
use tidemill_engine::{
    kinesis::{KinesisError, Position, Subscription, SubscriptionEvent},
    record::ShardId,
};

use super::{
    answer::Answer,
    connections::Lent,
    error::{refused, sort, sort_event},
    request,
};

const OPERATION: &str = "SubscribeToShard";

/// A subscription under way. The SDK holds what arrived of one event; the rest stays in the connection, which has its
/// own bound.
#[derive(Debug)]
pub(super) struct AwsSubscription {
    output: SubscribeToShardOutput,
    _lent: Lent,
}

impl AwsSubscription {
    pub(super) async fn begin(
        lent: Lent,
        consumer_arn: &str,
        shard: &ShardId,
        position: &Position,
    ) -> Result<Self, KinesisError> {
        let (position_type, sequence, moment) = request::position(position);
        let position = StartingPosition::builder()
            .r#type(position_type)
            .set_sequence_number(sequence)
            .set_timestamp(moment)
            .build()
            .map_err(|error| refused(OPERATION, &error))?;
        let call = lent.client.subscribe_to_shard().consumer_arn(consumer_arn).shard_id(shard.as_str());
        let call = call.starting_position(position);
        let output = call.send().await.map_err(|error| sort(OPERATION, &error))?;
        Ok(Self { output, _lent: lent })
    }
}

#[async_trait]
impl Subscription for AwsSubscription {
    async fn next(&mut self) -> Option<Result<SubscriptionEvent, KinesisError>> {
        loop {
            match self.output.event_stream.recv().await {
                Ok(Some(SubscribeToShardEventStream::SubscribeToShardEvent(event))) => {
                    return Some(Answer(OPERATION).event(event));
                }
                // An event of a kind that this SDK does not know has no records.
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(error) => return Some(Err(sort_event(OPERATION, &error))),
            }
        }
    }
}
