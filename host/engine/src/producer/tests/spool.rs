//! Entries that do not reach the stream in time: expired, or in the spool.

use std::sync::{Mutex, atomic::AtomicBool};

use async_trait::async_trait;

use super::*;
use crate::{
    producer::spool::{Spool, SpoolError, SpoolId},
    record::Entry,
};

/// A spool in memory that fails on request, and that a crash may keep from forgetting.
#[derive(Debug, Default)]
struct MemorySpool {
    entries: Mutex<BTreeMap<SpoolId, Entry>>,
    fails: AtomicBool,
    never_forgets: AtomicBool,
}

impl MemorySpool {
    fn len(&self) -> usize {
        self.entries.lock().unwrap().len()
    }

    fn check(&self) -> Result<(), SpoolError> {
        if self.fails.load(Relaxed) { Err(SpoolError("a fault to order".to_owned())) } else { Ok(()) }
    }
}

#[async_trait]
impl Spool for MemorySpool {
    async fn keep(&self, entries: &[Entry]) -> Result<(), SpoolError> {
        self.check()?;
        let mut kept = self.entries.lock().unwrap();
        for entry in entries {
            let next = kept.keys().next_back().map_or(1, |last| last.0 + 1);
            kept.insert(SpoolId(next), entry.clone());
        }
        Ok(())
    }

    async fn oldest(
        &self,
        after: Option<SpoolId>,
        count: usize,
    ) -> Result<Vec<(SpoolId, Entry)>, SpoolError> {
        self.check()?;
        let kept = self.entries.lock().unwrap();
        let rest = kept.iter().filter(|(id, _)| after.is_none_or(|after| **id > after));
        Ok(rest.take(count).map(|(id, entry)| (*id, entry.clone())).collect())
    }

    async fn remove(&self, ids: &[SpoolId]) -> Result<(), SpoolError> {
        self.check()?;
        if !self.never_forgets.load(Relaxed) {
            self.entries.lock().unwrap().retain(|id, _| !ids.contains(id));
        }
        Ok(())
    }
}

fn with(spool: &Arc<MemorySpool>) -> ProducerSettings {
    ProducerSettings {
        spool: Some(Arc::clone(spool) as Arc<dyn Spool>),
        record_ttl: Some(Duration::from_secs(10)),
        ..ProducerSettings::default()
    }
}

/// A stream that refuses everything until the returned world is told otherwise.
async fn outage() -> World {
    let world = World::new().await;
    world.kinesis.fail_entries(0.0, 1.0);
    world
}

#[tokio::test(start_paused = true)]
async fn a_document_past_its_time_is_not_sent_again_and_says_why() {
    let world = outage().await;
    let ttl = Duration::from_secs(10);
    let settings = ProducerSettings { record_ttl: Some(ttl), ..ProducerSettings::default() };
    let producer = world.start("string", settings);
    let begun = Instant::now();
    let ticket = producer.put(document("x", None)).await.unwrap();
    let Err(PutError::Expired { after, attempts, last }) = ticket.await else { panic!("it must expire") };
    assert_eq!((after, begun.elapsed()), (ttl, ttl), "told at once and not after the next pause");
    assert!(attempts > 3 && last.contains("a fault to order"), "{attempts} {last}");
    assert_eq!(producer.counters().expired.load(Relaxed), 1);
    world.kinesis.fail_entries(0.0, 0.0);
    assert!(producer.put(document("y", None)).await.unwrap().await.is_ok());
    assert_eq!(world.records().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn entries_wait_in_the_spool_and_a_restart_sends_them() {
    for preset in ["string", "kpl-string"] {
        let (world, spool) = (outage().await, Arc::new(MemorySpool::default()));
        let producer = world.open(preset, with(&spool)).await.unwrap();
        let documents = (0..100).map(|key| document("7", Some(key))).collect();
        let settled = producer.put_all(documents).await.unwrap().await;
        assert!(settled.iter().all(|settled| *settled == Err(PutError::Spooled)));
        let counters = producer.counters();
        assert_eq!((counters.spooled.load(Relaxed), counters.failed.load(Relaxed)), (100, 0));
        assert_eq!(spool.len(), 100, "{preset}: each alone, because the shards may change");
        drop(producer);

        world.kinesis.fail_entries(0.15, 0.15);
        let producer = world.open(preset, with(&spool)).await.unwrap();
        while spool.len() > 0 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(producer.counters().recovered.load(Relaxed), 100);
        let by_key = world.numbers(preset).await;
        assert_eq!((by_key.len(), by_key.values().map(Vec::len).sum::<usize>()), (100, 100));
    }
}

#[tokio::test(start_paused = true)]
async fn a_running_producer_sends_what_it_kept_once_the_stream_is_back() {
    let (world, spool) = (outage().await, Arc::new(MemorySpool::default()));
    let settings = ProducerSettings { attempts: 2, record_ttl: None, ..with(&spool) };
    let producer = world.start("json-line", settings);
    let ticket = producer.put(document("7", Some(1))).await.unwrap();
    assert_eq!(ticket.await, Err(PutError::Spooled), "its attempts ran out");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(spool.len(), 1, "it is tried again and stays");
    world.kinesis.fail_entries(0.0, 0.0);
    tokio::time::sleep(limits::SPOOL_INTERVAL * 2).await;
    assert_eq!((spool.len(), world.records().await.len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_refuses_everybody_fills_the_spool_and_one_bad_entry_does_not_stop_the_others() {
    let (world, spool) = (World::new().await, Arc::new(MemorySpool::default()));
    world.kinesis.fail_calls("PutRecords", 1, "AccessDeniedException");
    let producer = world.start("string", with(&spool));
    let documents = (0..40).map(|key| document("7", Some(key))).collect();
    let settled = producer.put_all(documents).await.unwrap().await;
    assert!(settled.iter().all(|settled| *settled == Err(PutError::Spooled)), "people may mend permissions");
    spool.entries.lock().unwrap().values_mut().next().unwrap().partition_key = "k".repeat(257).into();
    tokio::time::sleep(limits::SPOOL_INTERVAL * 3).await;
    assert_eq!((world.records().await.len(), spool.len()), (39, 1));
    producer.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_the_acknowledgement_and_forgetting_doubles_and_never_loses() {
    let (world, spool) = (outage().await, Arc::new(MemorySpool::default()));
    let producer = world.start("string", with(&spool));
    assert_eq!(producer.put(document("7", Some(1))).await.unwrap().await, Err(PutError::Spooled));
    drop(producer);
    world.kinesis.fail_entries(0.0, 0.0);
    spool.never_forgets.store(true, Relaxed);
    let producer = world.start("string", with(&spool));
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!((producer.counters().recovered.load(Relaxed), spool.len()), (1, 1));
    drop(producer);
    spool.never_forgets.store(false, Relaxed);
    let producer = world.start("string", with(&spool));
    tokio::time::sleep(Duration::from_millis(10)).await;
    producer.close().await;
    assert_eq!((world.records().await.len(), spool.len()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn while_the_spool_fails_the_producer_goes_on_trying_both() {
    let (world, spool) = (outage().await, Arc::new(MemorySpool::default()));
    spool.fails.store(true, Relaxed);
    let producer = world.start("string", with(&spool));
    let mut ticket = producer.put(document("7", Some(1))).await.unwrap();
    let waited = tokio::time::timeout(Duration::from_secs(60), &mut ticket).await;
    assert!(waited.is_err(), "neither takes it, so it is not settled");
    world.kinesis.fail_entries(0.0, 0.0);
    assert!(ticket.await.is_ok(), "the stream was back first");

    world.kinesis.fail_entries(0.0, 1.0);
    let ticket = producer.put(document("8", Some(1))).await.unwrap();
    tokio::time::sleep(Duration::from_secs(30)).await;
    spool.fails.store(false, Relaxed);
    assert_eq!(ticket.await, Err(PutError::Spooled), "the spool was back first");

    spool.fails.store(true, Relaxed);
    let ticket = producer.put(document("9", Some(1))).await.unwrap();
    producer.close().await;
    assert!(matches!(ticket.await, Err(PutError::Expired { .. })), "who closes does not wait for ever");
}

#[tokio::test(start_paused = true)]
async fn a_producer_that_closes_by_a_deadline_leaves_to_the_spool_what_did_not_get_out() {
    let (world, spool) = (outage().await, Arc::new(MemorySpool::default()));
    let patient = ProducerSettings { record_ttl: None, ..with(&spool) };
    let producer = world.start("string", patient.clone());
    // Two entries a key: the second waits behind the first, which waits for its next attempt.
    let documents = (0..200).map(|number| document("7", Some(number % 100))).collect();
    let ticket = producer.put_all(documents).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(spool.len(), 0, "it is patient");
    let begun = Instant::now();
    producer.close_by(begun + Duration::from_secs(5)).await;
    assert_eq!(begun.elapsed(), Duration::from_secs(5), "nothing waits past the deadline");
    assert!(ticket.await.iter().all(|settled| *settled == Err(PutError::Spooled)));
    assert_eq!(spool.len(), 200);

    let hasty = world.start("string", ProducerSettings { spool: None, ..patient });
    let ticket = hasty.put(document("7", None)).await.unwrap();
    hasty.close_by(Instant::now()).await;
    assert!(matches!(ticket.await, Err(PutError::Expired { .. })));
}
