//! What every caller sees: tickets, room, closing, and what failures do to them.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_ticket_says_where_its_document_is() {
    let world = World::new().await;
    let producer = world.start("json-line", ProducerSettings::default());
    let first = producer.put(document("1", Some(1))).await.unwrap();
    let second = producer.put(document("2", Some(1))).await.unwrap();
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    let records = world.records().await;
    assert_eq!(records.len(), 1, "one partition key, one record");
    assert_eq!(records[0].data, "1\n2\n");
    assert_eq!((&first.sequence, &second.sequence), (&records[0].sequence, &records[0].sequence));
}

#[tokio::test(start_paused = true)]
async fn full_requests_go_at_once_and_the_rest_after_the_linger() {
    let world = World::new().await;
    let producer = world.start("string", ProducerSettings::default());
    let begun = Instant::now();
    let documents = (0..1_200).map(|at| document(at.to_string(), None)).collect();
    let ticket = producer.put_all(documents).await.unwrap();
    assert!(ticket.await.iter().all(Result::is_ok));
    assert_eq!(producer.counters().requests.load(Relaxed), 3, "twelve hundred are 500, 500 and 200");
    let alone = producer.put(document("x", None)).await.unwrap();
    let waiting_from = Instant::now();
    alone.await.unwrap();
    assert!(waiting_from.duration_since(begun) < limits::LINGER);
    assert!(waiting_from.elapsed() >= limits::LINGER);
}

#[tokio::test(start_paused = true)]
async fn put_waits_while_the_producer_is_full_and_takes_nothing_when_dropped() {
    let world = World::new().await;
    let settings = ProducerSettings { documents: 2, ..ProducerSettings::default() };
    let producer = world.start("string", settings);
    let _first = producer.put_all(vec![document("1", None), document("2", None)]).await.unwrap();
    let waiting = producer.put(document("dropped", None));
    assert!(tokio::time::timeout(Duration::from_millis(100), waiting).await.is_err(), "it is full");
    let third = producer.put(document("3", None)).await.unwrap();
    third.await.unwrap();
    producer.close().await;
    let mut data: Vec<_> = world.records().await.into_iter().map(|record| record.data).collect();
    data.sort();
    assert_eq!(data, ["1", "2", "3"]);
    assert_eq!(producer.put(document("4", None)).await.unwrap_err(), Closed);
}

#[tokio::test(start_paused = true)]
async fn calls_that_fail_as_a_whole_are_sent_again_until_the_attempts_are_used_up() {
    for (failures, code) in [(3, "InternalFailure"), (9, "ProvisionedThroughputExceededException")] {
        let world = World::new().await;
        world.kinesis.fail_calls("PutRecords", failures, code);
        let settings = ProducerSettings { attempts: 10, ..ProducerSettings::default() };
        let producer = world.start("string", settings);
        let ticket = producer.put(document("x", None)).await.unwrap();
        assert!(ticket.await.is_ok(), "{code}");
        assert_eq!(world.records().await.len(), 1);
    }
    let world = World::new().await;
    world.kinesis.fail_calls("PutRecords", 10, "InternalFailure");
    let settings = ProducerSettings { attempts: 10, ..ProducerSettings::default() };
    let producer = world.start("string", settings);
    let ticket = producer.put(document("x", None)).await.unwrap();
    assert!(matches!(ticket.await, Err(PutError::GaveUp { attempts: 10, .. })));
    let later = producer.put(document("y", None)).await.unwrap();
    assert!(later.await.is_ok(), "one document's failure is not another's");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_may_double_a_document_and_never_loses_one() {
    let world = World::new().await;
    world.kinesis.lose_answers(1);
    let producer = world.start("string", ProducerSettings::default());
    let ticket = producer.put(document("x", None)).await.unwrap();
    assert!(ticket.await.is_ok());
    assert_eq!(world.records().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn one_bad_entry_fails_alone() {
    let world = World::new().await;
    world.kinesis.fail_calls("PutRecords", 1, "ValidationException");
    let producer = world.start("string", ProducerSettings::default());
    let documents = (0..3).map(|key| document("good", Some(key))).collect();
    let settled = producer.put_all(documents).await.unwrap().await;
    assert!(settled.iter().all(Result::is_ok), "refused together, they went one by one");
    assert_eq!(producer.counters().requests.load(Relaxed), 4);

    let too_large = document("x".repeat(limits::RECORD_BYTES + 1), None);
    let settled = producer.put_all(vec![too_large, document("good", Some(3))]).await.unwrap().await;
    assert!(
        matches!(&settled[0], Err(PutError::Refused(reason)) if reason.contains("1048576")),
        "{settled:?}"
    );
    assert!(settled[1].is_ok());
    let long_key = Document { partition_key: Some("k".repeat(257).into()), ..document("x", None) };
    let settled = producer.put(long_key).await.unwrap().await;
    assert!(matches!(&settled, Err(PutError::Refused(reason)) if reason.contains("256 characters")));
}

#[tokio::test(start_paused = true)]
async fn a_producer_that_goes_fails_the_tickets_it_leaves() {
    let world = World::new().await;
    let settings = ProducerSettings { requests: NonZeroUsize::MIN, ..ProducerSettings::default() };
    let producer = world.start("string", settings);
    let ticket = producer.put(document("x", None)).await.unwrap();
    drop(producer);
    assert_eq!(ticket.await, Err(PutError::Closed));
    assert!(world.records().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn try_put_all_takes_all_or_nothing_and_never_waits() {
    let world = World::new().await;
    let settings = ProducerSettings { documents: 2, bytes: 10, ..ProducerSettings::default() };
    let producer = world.start("string", settings);
    let ticket = producer.try_put_all(vec![document("1", None)]).unwrap();
    let two = || vec![document("2", None), document("3", None)];
    assert_eq!(producer.try_put_all(two()).unwrap_err(), TryPutError::Full, "by count");
    let large = || vec![document("123456789", None), document("0", None)];
    assert_eq!(producer.try_put_all(large()[..1].to_vec()).unwrap().await.len(), 1, "it just fits");
    assert!(ticket.await[0].is_ok());
    let ticket = producer.try_put_all(vec![document("12", None)]).unwrap();
    assert_eq!(producer.try_put_all(large()[..1].to_vec()).unwrap_err(), TryPutError::Full, "by bytes");
    producer.close().await;
    assert!(ticket.await[0].is_ok());
    assert_eq!(producer.try_put_all(two()).unwrap_err(), TryPutError::Closed);
    assert_eq!(world.records().await.len(), 3);
}

/// What the callback of a run was told.
async fn flushes(world: &World, preset: &str, settings: ProducerSettings, documents: usize) -> Vec<Flush> {
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let teller = Arc::clone(&told);
    let on_flush = FlushCallback::new(move |flush: &Flush| teller.lock().unwrap().push(*flush));
    let settings = ProducerSettings { on_flush: Some(on_flush), shard_rate: None, ..settings };
    let producer = world.start(preset, settings);
    let documents = (0..documents).map(|key| document("x".repeat(94), Some(100_000 + key))).collect();
    assert!(producer.put_all(documents).await.unwrap().await.iter().all(Result::is_ok));
    std::mem::take(&mut *told.lock().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_request_has_at_most_five_hundred_entries_and_its_bytes_with_keys_counted() {
    let world = World::new().await;
    let more = ProducerSettings { request_entries: 501, ..ProducerSettings::default() };
    let told = flushes(&world, "string", more, 1_001).await;
    assert_eq!(told.iter().map(|flush| flush.entries).collect::<Vec<_>>(), [500, 500, 1]);
    let small = ProducerSettings { request_bytes: 1_099, ..ProducerSettings::default() };
    let told = flushes(&world, "string", small, 25).await;
    assert_eq!(told.iter().map(|flush| flush.entries).collect::<Vec<_>>(), [10, 10, 5], "each is 100 bytes");
    assert!(told.iter().all(|flush| flush.bytes == flush.entries * 100));
}

#[tokio::test(start_paused = true)]
async fn after_each_request_the_callback_is_told_what_came_of_it() {
    let world = World::new().await;
    world.kinesis.fail_entries(0.5, 0.0);
    let told = flushes(&world, "string", ProducerSettings::default(), 100).await;
    let failed: usize = told.iter().map(|flush| flush.failed_entries).sum();
    let sent: usize = told.iter().map(|flush| flush.entries).sum();
    assert!(failed > 20 && sent == 100 + failed, "{failed} {sent}");
    assert!(told.iter().all(|flush| flush.documents == flush.entries));
    world.kinesis.fail_entries(0.0, 0.0);
    world.kinesis.fail_calls("PutRecords", 1, "InternalFailure");
    let told = flushes(&world, "json-list", ProducerSettings::default(), 0).await;
    assert!(told.is_empty(), "nothing was sent");
    let told = flushes(&world, "string", ProducerSettings::default(), 3).await;
    assert_eq!((told[0].entries, told[0].failed_entries), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_shard_is_sent_what_it_takes_and_a_full_one_holds_up_nobody_else() {
    let world = World::with(Settings { enforce_limits: true, ..Settings::default() }, 2).await;
    let producer = world.open("string", ProducerSettings::default()).await.unwrap();
    let shard_of = |key: usize| crate::hash::HashKey::of(&key.to_string()).0 >> 127;
    let of = |shard| (0..).filter(move |key| shard_of(*key) == shard);
    let begun = Instant::now();
    let hot = of(0).take(3_000).map(|key| document("x", Some(key))).collect();
    let hot = producer.put_all(hot).await.unwrap();
    let cold = of(1).take(1_000).map(|key| document("x", Some(key))).collect();
    let cold = producer.put_all(cold).await.unwrap();
    assert!(cold.await.iter().all(Result::is_ok));
    assert!(begun.elapsed() <= limits::LINGER, "{:?}", begun.elapsed());
    assert!(hot.await.iter().all(Result::is_ok));
    let seconds = begun.elapsed().as_secs_f64();
    assert!((2.0..2.5).contains(&seconds), "three thousand at a thousand a second: {seconds}");
    assert_eq!(producer.counters().throttled.load(Relaxed), 0, "the service never had to say so");
}
