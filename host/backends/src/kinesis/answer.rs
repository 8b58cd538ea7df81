//! The SDK's values as the engine takes them. Nothing is copied: strings and data move.

use aws_sdk_kinesis::{
    operation::get_records::GetRecordsOutput,
    primitives::DateTime,
    types::{
        self, Consumer, ConsumerDescription, PutRecordsResultEntry, StreamDescriptionSummary,
        SubscribeToShardEvent,
    },
};
use tidemill_engine::{
    hash::{HashKey, HashRange},
    kinesis::{
        ChildShard, ConsumerStatus, Distribution, EntryError, ErrorKind, Fetch, KinesisError, Shard,
        ShardIterator, StreamConsumer, StreamStatus, StreamSummary, SubscriptionEvent,
    },
    limits,
    record::{Placed, Record},
    sequence::SequenceNumber,
    time::UnixMillis,
};

/// Reads the answer to the operation of this name. What no service should answer is an error of the service.
#[derive(Clone, Copy)]
pub(super) struct Answer(pub(super) &'static str);

impl Answer {
    pub(super) fn summary(
        self,
        summary: Option<StreamDescriptionSummary>,
    ) -> Result<StreamSummary, KinesisError> {
        let summary = summary.ok_or_else(|| self.lacks("StreamDescriptionSummary"))?;
        let status = match summary.stream_status {
            types::StreamStatus::Active => StreamStatus::Active,
            types::StreamStatus::Creating => StreamStatus::Creating,
            types::StreamStatus::Deleting => StreamStatus::Deleting,
            types::StreamStatus::Updating => StreamStatus::Updating,
            other => return Err(self.wrong("StreamStatus", other.as_str())),
        };
        let mode = summary.stream_mode_details.map(|details| details.stream_mode);
        let record_kib = summary.max_record_size_in_kib.and_then(|kib| usize::try_from(kib).ok());
        Ok(StreamSummary {
            name: summary.stream_name,
            arn: summary.stream_arn,
            status,
            open_shards: u32::try_from(summary.open_shard_count).unwrap_or(0),
            on_demand: mode == Some(types::StreamMode::OnDemand),
            distribution: match summary.record_distribution_strategy {
                Some(types::RecordDistributionStrategy::Auto) => Distribution::Auto,
                _ => Distribution::UserPartitionKey,
            },
            retention_hours: u32::try_from(summary.retention_period_hours).unwrap_or(0),
            max_record_bytes: record_kib.map_or(limits::RECORD_BYTES, |kib| kib << 10),
            created: self.date(&summary.stream_creation_timestamp)?,
        })
    }

    pub(super) fn shard(self, shard: types::Shard) -> Result<Shard, KinesisError> {
        let range = shard.sequence_number_range.ok_or_else(|| self.lacks("SequenceNumberRange"))?;
        Ok(Shard {
            id: shard.shard_id.into(),
            parent: shard.parent_shard_id.map(Into::into),
            adjacent_parent: shard.adjacent_parent_shard_id.map(Into::into),
            range: self.hash_range(shard.hash_key_range)?,
            starting_sequence: self.sequence(range.starting_sequence_number)?,
            ending_sequence: range.ending_sequence_number.map(|number| self.sequence(number)).transpose()?,
        })
    }

    pub(super) fn fetch(self, output: GetRecordsOutput) -> Result<Fetch, KinesisError> {
        let children = output.child_shards.unwrap_or_default().into_iter().map(|child| self.child(child));
        Ok(Fetch {
            records: output
                .records
                .into_iter()
                .map(|record| self.record(record))
                .collect::<Result<_, _>>()?,
            next: output.next_shard_iterator.filter(|iterator| !iterator.is_empty()).map(ShardIterator),
            millis_behind_latest: output
                .millis_behind_latest
                .and_then(|ms| u64::try_from(ms).ok())
                .unwrap_or(0),
            children: children.collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn event(self, event: SubscribeToShardEvent) -> Result<SubscriptionEvent, KinesisError> {
        let children = event.child_shards.unwrap_or_default().into_iter().map(|child| self.child(child));
        // The number is left out at the end of a shard, which the SDK writes as an empty one.
        let continuation = Some(event.continuation_sequence_number).filter(|number| !number.is_empty());
        Ok(SubscriptionEvent {
            records: event.records.into_iter().map(|record| self.record(record)).collect::<Result<_, _>>()?,
            continuation: continuation.map(|number| self.sequence(number)).transpose()?,
            millis_behind_latest: u64::try_from(event.millis_behind_latest).unwrap_or(0),
            children: children.collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn registered(self, consumer: Option<Consumer>) -> Result<StreamConsumer, KinesisError> {
        let consumer = consumer.ok_or_else(|| self.lacks("Consumer"))?;
        Ok(StreamConsumer {
            status: self.consumer_status(&consumer.consumer_status)?,
            created: self.date(&consumer.consumer_creation_timestamp)?,
            name: consumer.consumer_name,
            arn: consumer.consumer_arn,
        })
    }

    pub(super) fn described(
        self,
        consumer: Option<ConsumerDescription>,
    ) -> Result<StreamConsumer, KinesisError> {
        let consumer = consumer.ok_or_else(|| self.lacks("ConsumerDescription"))?;
        Ok(StreamConsumer {
            status: self.consumer_status(&consumer.consumer_status)?,
            created: self.date(&consumer.consumer_creation_timestamp)?,
            name: consumer.consumer_name,
            arn: consumer.consumer_arn,
        })
    }

    fn consumer_status(self, status: &types::ConsumerStatus) -> Result<ConsumerStatus, KinesisError> {
        match status {
            types::ConsumerStatus::Active => Ok(ConsumerStatus::Active),
            types::ConsumerStatus::Creating => Ok(ConsumerStatus::Creating),
            types::ConsumerStatus::Deleting => Ok(ConsumerStatus::Deleting),
            other => Err(self.wrong("ConsumerStatus", other.as_str())),
        }
    }

    /// One result an entry, in their order.
    pub(super) fn placed(
        self,
        results: Vec<PutRecordsResultEntry>,
        entries: usize,
    ) -> Result<Vec<Result<Placed, EntryError>>, KinesisError> {
        if results.len() != entries {
            return Err(self.wrong("number of Records", &results.len().to_string()));
        }
        results.into_iter().map(|result| self.settled(result)).collect()
    }

    fn settled(self, result: PutRecordsResultEntry) -> Result<Result<Placed, EntryError>, KinesisError> {
        if let Some(code) = result.error_code {
            let message = result.error_message.unwrap_or_default();
            let text = format!("{code}: {message}");
            let throttled = code == "ProvisionedThroughputExceededException";
            return Ok(Err(if throttled { EntryError::Throttled(text) } else { EntryError::Failed(text) }));
        }
        let shard = result.shard_id.ok_or_else(|| self.lacks("ShardId"))?.into();
        let sequence = result.sequence_number.ok_or_else(|| self.lacks("SequenceNumber"))?;
        Ok(Ok(Placed { shard, sequence: self.sequence(sequence)? }))
    }

    fn record(self, record: types::Record) -> Result<Record, KinesisError> {
        let arrival = record.approximate_arrival_timestamp.as_ref();
        Ok(Record {
            sequence: self.sequence(record.sequence_number)?,
            partition_key: record.partition_key.unwrap_or_default().into(),
            data: record.data.into_inner().into(),
            arrival: arrival.map(|date| self.date(date)).transpose()?.unwrap_or_default(),
        })
    }

    fn child(self, child: types::ChildShard) -> Result<ChildShard, KinesisError> {
        Ok(ChildShard {
            id: child.shard_id.into(),
            parents: child.parent_shards.into_iter().map(Into::into).collect(),
            range: self.hash_range(child.hash_key_range)?,
        })
    }

    fn hash_range(self, range: Option<types::HashKeyRange>) -> Result<HashRange, KinesisError> {
        let range = range.ok_or_else(|| self.lacks("HashKeyRange"))?;
        Ok(HashRange {
            start: self.hash_key(&range.starting_hash_key)?,
            end: self.hash_key(&range.ending_hash_key)?,
        })
    }

    fn hash_key(self, text: &str) -> Result<HashKey, KinesisError> {
        text.parse().map_err(|_| self.wrong("hash key", text))
    }

    fn sequence(self, text: String) -> Result<SequenceNumber, KinesisError> {
        SequenceNumber::try_from(text).map_err(|error| self.wrong("SequenceNumber", &error.to_string()))
    }

    fn date(self, date: &DateTime) -> Result<UnixMillis, KinesisError> {
        // The service writes seconds as a float, which is often a little less than the milliseconds that it means.
        let micros = (date.as_nanos() + 500) / 1_000;
        u64::try_from(micros / 1_000)
            .ok()
            .map(UnixMillis)
            .ok_or_else(|| self.wrong("timestamp", &date.to_string()))
    }

    pub(super) fn lacks(self, member: &str) -> KinesisError {
        self.bad(format!("the answer lacks {member}"))
    }

    fn wrong(self, member: &str, got: &str) -> KinesisError {
        self.bad(format!("the answer has an unexpected {member}, got={got}"))
    }

    fn bad(self, message: String) -> KinesisError {
        KinesisError { kind: ErrorKind::Unavailable, operation: self.0, message }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_kinesis::{primitives::Blob, types::HashKeyRange};

    use super::*;

    const PUT: Answer = Answer("PutRecords");

    #[test]
    fn entries_settle_each_on_its_own() {
        let placed = PutRecordsResultEntry::builder().shard_id("shardId-000000000001").sequence_number("17");
        let failed =
            |code: &str| PutRecordsResultEntry::builder().error_code(code).error_message("why").build();
        let throttled = "ProvisionedThroughputExceededException";
        let results = vec![placed.build(), failed(throttled), failed("InternalFailure")];
        let settled = PUT.placed(results, 3).unwrap();
        let number = SequenceNumber::try_from("17".to_owned()).unwrap();
        let expected = [
            Ok(Placed { shard: "shardId-000000000001".into(), sequence: number }),
            Err(EntryError::Throttled(format!("{throttled}: why"))),
            Err(EntryError::Failed("InternalFailure: why".into())),
        ];
        assert_eq!(settled, expected);
    }

    #[test]
    fn dates_are_read_to_the_millisecond_though_they_are_written_as_floats() {
        for millis in 1_795_256_320_000..1_795_256_321_000_u64 {
            let date = DateTime::from_secs_f64(millis as f64 / 1_000.0);
            assert_eq!(PUT.date(&date), Ok(UnixMillis(millis)));
        }
    }

    #[test]
    fn an_answer_that_says_too_little_is_an_error_of_the_service() {
        let nothing = PutRecordsResultEntry::builder().build();
        let error = PUT.placed(vec![nothing.clone()], 1).unwrap_err();
        assert_eq!(
            (error.kind, error.message.as_str()),
            (ErrorKind::Unavailable, "the answer lacks ShardId")
        );
        let error = PUT.placed(vec![nothing], 2).unwrap_err();
        assert_eq!(error.message, "the answer has an unexpected number of Records, got=1");
        assert!(!error.has_no_side_effects());
    }

    #[test]
    fn a_record_without_a_partition_key_has_an_empty_one() {
        let record = types::Record::builder().sequence_number("5").data(Blob::new("x")).build().unwrap();
        let record = Answer("GetRecords").record(record).unwrap();
        assert_eq!((&*record.partition_key, &*record.data), ("", &b"x"[..]));
    }

    #[test]
    fn the_end_of_a_shard_has_children_and_no_iterator() {
        let range = HashKeyRange::builder().starting_hash_key("0").ending_hash_key("9").build().unwrap();
        let child = types::ChildShard::builder().shard_id("shardId-000000000002");
        let child = child.parent_shards("shardId-000000000000").hash_key_range(range).build().unwrap();
        for iterator in [None, Some(String::new())] {
            let output = GetRecordsOutput::builder().set_records(Some(vec![])).child_shards(child.clone());
            let output = output.set_next_shard_iterator(iterator).millis_behind_latest(0).build().unwrap();
            let fetch = Answer("GetRecords").fetch(output).unwrap();
            assert_eq!(fetch.next, None);
            assert_eq!(fetch.children[0].parents, ["shardId-000000000000".into()]);
            assert_eq!(fetch.children[0].range, HashRange { start: HashKey(0), end: HashKey(9) });
        }
    }
}
