//! What a journal is told is enough to go on from.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::*;
use crate::kinesis::memory::{Change, Held, Journal, KeptStream, StreamImage};

/// Keeps changes as a disk would.
#[derive(Debug, Default)]
struct Kept(Mutex<BTreeMap<u64, Rows>>);

#[derive(Clone, Debug, Default)]
struct Rows {
    image: Option<StreamImage>,
    records: BTreeMap<(u32, u64), Held>,
    tips: BTreeMap<u32, u64>,
}

#[async_trait]
impl Journal for Kept {
    fn note(&self, change: Change) {
        let mut kept = self.0.lock().unwrap();
        match change {
            Change::Stream(image) => {
                let rows = kept.entry(image.id).or_default();
                rows.image = Some(image);
            }
            Change::Records { stream, shard, first, records } => {
                let rows = kept.get_mut(&stream).unwrap();
                rows.tips.insert(shard, first + records.len() as u64);
                rows.records.extend((first..).map(|index| (shard, index)).zip(records));
            }
            Change::Trimmed { stream, shard, before } => {
                let rows = kept.get_mut(&stream).unwrap();
                rows.records.retain(|(of, index), _| *of != shard || *index >= before);
            }
            Change::Deleted { stream } => drop(kept.remove(&stream)),
        }
    }

    async fn kept(&self) -> Result<(), ServiceError> {
        Ok(())
    }
}

/// The model as it is after a restart.
fn restarted(kept: &Arc<Kept>, settings: &Settings) -> MemoryKinesis {
    let rows: Vec<Rows> = kept.0.lock().unwrap().values().cloned().collect();
    let streams = rows.into_iter().map(|rows| {
        let held =
            |shard: u32| rows.records.range((shard, 0)..=(shard, u64::MAX)).map(|(_, held)| held.clone());
        let records = rows.tips.iter().map(|(shard, tip)| (*shard, (*tip, held(*shard).collect()))).collect();
        KeptStream { image: rows.image.clone().unwrap(), records }
    });
    let journal: Arc<dyn Journal> = Arc::<Kept>::clone(kept);
    MemoryKinesis::restore(Clock::paced(START), settings.clone(), journal, streams.collect())
}

#[tokio::test(start_paused = true)]
async fn a_restart_changes_nothing_that_a_client_can_see() {
    let settings = Settings { retention: Duration::from_secs(60), ..Settings::default() };
    let kept = Arc::new(Kept::default());
    let kinesis = restarted(&kept, &settings);
    let model = kinesis.model();
    create(model, "s", 2).unwrap();
    create(model, "gone", 1).unwrap();
    model.put_record("gone", entry("d", "k")).unwrap();
    put_at(model, "expired", 0);
    pass(60_001).await;
    let last = put_at(model, "kept", 0);
    model.split_shard("s", FIRST, HashKey(1 << 100)).unwrap();
    put_at(model, "child", 0);
    model.add_tags("s", BTreeMap::from([("a".to_owned(), "b".to_owned())])).unwrap();
    model.delete_stream("gone").unwrap();
    model.register_stream_consumer("s", "left").unwrap();
    model.register_stream_consumer("s", "stays").unwrap();
    model.deregister_stream_consumer("s", "left").unwrap();
    let iterator = model.get_shard_iterator("s", FIRST, &Position::TrimHorizon).unwrap();

    let again = restarted(&kept, &settings);
    let (before, after) = (kinesis.model(), again.model());
    let seen = |model: &Model| {
        let streams = model.list_streams(None, None, None).unwrap();
        let stream = model.describe_stream("s", None, None).unwrap();
        let consumers = model.list_stream_consumers("s", None, None).unwrap();
        (streams, stream, consumers, model.list_tags("s", None, None).unwrap())
    };
    assert_eq!(seen(before), seen(after));
    let read = after.get_records(None, &iterator, None).unwrap();
    assert_eq!((texts(&read), &read.next), (vec!["kept".to_owned()], &None));
    assert_eq!(read.first, 2, "the expired record keeps its index");
    let child = read_from(after, "shardId-000000000002", &Position::TrimHorizon).unwrap();
    assert_eq!(texts(&child), ["child"]);
    let next = put_at(after, "next", 0);
    assert!(next.number > child.numbered().last().unwrap().0 && next.number > last.number);
}

#[tokio::test(start_paused = true)]
async fn a_number_is_not_given_twice_when_all_records_expired_before_the_restart() {
    let settings = Settings { retention: Duration::from_secs(60), ..Settings::default() };
    let kept = Arc::new(Kept::default());
    let kinesis = restarted(&kept, &settings);
    create(kinesis.model(), "s", 1).unwrap();
    let first = put_at(kinesis.model(), "a", 0);
    pass(60_001).await;
    assert!(read_from(kinesis.model(), FIRST, &Position::TrimHorizon).unwrap().records.is_empty());
    let again = restarted(&kept, &settings);
    let second = put_at(again.model(), "b", 0);
    assert_eq!(first.number.as_str()[12..31].parse(), Ok(1));
    assert_eq!(second.number.as_str()[12..31].parse(), Ok(2));
}
