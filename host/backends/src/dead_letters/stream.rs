//! Dead letters on a stream, through the engine's producer.

use async_trait::async_trait;
use tidemill_engine::{
    dead_letter::{DeadLetter, DeadLetterError, DeadLetters},
    kinesis::is_valid_partition_key,
    processor::Document,
    producer::Producer,
    stream::StreamRef,
};

use super::{not_kept, parts};

/// Puts dead letters on a stream, with the keys of the records that they are of. One that is larger than the stream's
/// records is put in parts. Cloning gives another handle to the same producer.
#[derive(Clone, Debug)]
pub struct StreamDeadLetters {
    stream: StreamRef,
    producer: Producer,
}

impl StreamDeadLetters {
    /// A destination over an open producer whose processor leaves texts as they are and each in a record of its own,
    /// as the preset `string` does. The producer stays the caller's to close.
    pub fn new(stream: StreamRef, producer: Producer) -> Self {
        Self { stream, producer }
    }
}

#[async_trait]
impl DeadLetters for StreamDeadLetters {
    async fn put(&self, letters: &[DeadLetter]) -> Result<(), DeadLetterError> {
        let mut tickets = Vec::with_capacity(letters.len());
        for letter in letters {
            // Data and key count together.
            let most = self.producer.max_record_bytes().saturating_sub(letter.partition_key.len());
            let documents =
                parts::cut(letter, most)?.into_iter().map(|line| document(letter, line)).collect();
            tickets.push(self.producer.put_all(documents).await.map_err(|error| not_kept(&error))?);
        }
        for ticket in tickets {
            let settled = ticket.await.into_iter().collect::<Result<Vec<_>, _>>();
            settled.map_err(|error| DeadLetterError(format!("{error}, stream={}", self.stream)))?;
        }
        Ok(())
    }
}

fn document(letter: &DeadLetter, line: String) -> Document {
    // A stream that distributes records by itself may leave keys out.
    let partition_key = Some(letter.partition_key.clone()).filter(is_valid_partition_key);
    let explicit_hash_key = letter.explicit_hash_key.filter(|_| partition_key.is_some());
    Document { data: line.into(), partition_key, explicit_hash_key }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tidemill_engine::{
        kinesis::{
            Kinesis, Position, ShardFilter, StreamMode, list_all_shards,
            memory::{MemoryKinesis, Settings},
        },
        limits,
        native::NativeProcessor,
        producer::ProducerSettings,
        record::Record,
        time::{Clock, UnixMillis},
    };

    use super::{
        super::{Gathering, form, form::tests::letter},
        *,
    };

    async fn streams() -> (Arc<dyn Kinesis>, StreamRef) {
        let clock = Clock::paced(UnixMillis(1_700_000_000_000));
        let kinesis: Arc<dyn Kinesis> = Arc::new(MemoryKinesis::new(clock, Settings::default()));
        let stream: StreamRef = "failed".parse().unwrap();
        tidemill_engine::kinesis::create_stream(&*kinesis, &stream, StreamMode::Provisioned { shards: 3 })
            .await
            .unwrap();
        (kinesis, stream)
    }

    async fn open(kinesis: &Arc<dyn Kinesis>, stream: &StreamRef) -> StreamDeadLetters {
        let string = Arc::new(NativeProcessor::named("string").unwrap());
        let settings = ProducerSettings::default();
        let producer = Producer::open(settings, stream.clone(), Arc::clone(kinesis), string).await.unwrap();
        StreamDeadLetters::new(stream.clone(), producer)
    }

    async fn records(kinesis: &Arc<dyn Kinesis>, stream: &StreamRef) -> Vec<Record> {
        let mut records = Vec::new();
        for shard in list_all_shards(&**kinesis, stream, ShardFilter::All).await.unwrap() {
            let mut at =
                Some(kinesis.get_shard_iterator(stream, &shard.id, &Position::TrimHorizon).await.unwrap());
            while let Some(iterator) = at {
                let fetch =
                    kinesis.get_records(stream, &iterator, limits::GET_RECORDS_RECORDS).await.unwrap();
                at = fetch.next.filter(|_| !fetch.records.is_empty());
                records.extend(fetch.records);
            }
        }
        records
    }

    #[tokio::test(start_paused = true)]
    async fn letters_lie_on_the_stream_with_their_keys_when_put_answers() {
        let (kinesis, stream) = streams().await;
        let letters = open(&kinesis, &stream).await;
        let first = DeadLetter { explicit_hash_key: None, ..letter("one") };
        letters.put(&[first.clone(), letter("two")]).await.unwrap();
        let found = records(&kinesis, &stream).await;
        let read: Vec<_> =
            found.iter().map(|record| form::read(&record.data).unwrap().whole().unwrap()).collect();
        assert!(read.contains(&first) && read.contains(&letter("two")) && read.len() == 2, "{read:?}");
        assert!(found.iter().all(|record| record.partition_key == first.partition_key));
    }

    #[tokio::test(start_paused = true)]
    async fn a_letter_larger_than_a_record_of_the_stream_is_kept_in_parts() {
        let (kinesis, stream) = streams().await;
        let letters = open(&kinesis, &stream).await;
        let large = letter(vec![b'x'; limits::RECORD_BYTES]);
        letters.put(std::slice::from_ref(&large)).await.unwrap();
        let found = records(&kinesis, &stream).await;
        assert_eq!(found.len(), 2, "a third more than one record");
        let mut gathering = Gathering::default();
        let read: Vec<_> =
            found.iter().filter_map(|record| gathering.add(form::read(&record.data).unwrap())).collect();
        assert!(read == [large]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_is_gone_is_told_and_not_waited_for() {
        let (kinesis, stream) = streams().await;
        let letters = open(&kinesis, &stream).await;
        kinesis.delete_stream(&stream).await.unwrap();
        tokio::time::sleep(limits::STREAM_ACTIVE_WITHIN).await;
        let error = letters.put(&[letter("one")]).await.unwrap_err().to_string();
        assert!(
            error.starts_with("dead letters could not be kept: ") && error.ends_with("stream=failed"),
            "{error}"
        );
    }
}
