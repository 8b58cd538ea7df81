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
    let begun = tokio::time::Instant::now();
    let documents = (0..1_200).map(|at| document(at.to_string(), None)).collect();
    let ticket = producer.put_all(documents).await.unwrap();
    assert!(ticket.await.iter().all(Result::is_ok));
    assert_eq!(producer.counters().requests.load(Relaxed), 3, "twelve hundred are 500, 500 and 200");
    let alone = producer.put(document("x", None)).await.unwrap();
    let waiting_from = tokio::time::Instant::now();
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
