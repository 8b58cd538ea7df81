//! I6 for processors: one that breaks its contract fails its call cleanly, and the next call meets a fresh instance.

use std::time::Duration;

use tidemill_engine::{
    processor::{Document, Encoded, HashCheck, Processor, ProcessorError},
    record::Record,
    time::UnixMillis,
};
use tidemill_processors::Serializer;

use super::support::{ENGINE, built};
use crate::{ComponentError, ComponentHandler, ComponentProcessor, Half, HandlerSettings, ProcessorSettings};

async fn crooked(direction: &str, answer: &str) -> ComponentProcessor {
    let mut settings = ProcessorSettings::new("crooked");
    settings.sandbox.config.insert(direction.to_owned(), answer.to_owned());
    settings.sandbox.deadline = Duration::from_secs(1);
    ComponentProcessor::load(&ENGINE, &built("fault_crooked"), &settings).await.unwrap()
}

/// Two records of three bytes, each with a key of one: eight bytes are passed, and one comes back.
async fn decoded(answer: &str) -> Result<usize, ProcessorError> {
    let record = |number: u32| Record {
        sequence: number.to_string().try_into().unwrap(),
        partition_key: "k".into(),
        data: "abc".into(),
        arrival: UnixMillis(0),
    };
    let decoded = crooked("decode", answer).await.decode(&[record(1), record(2)], HashCheck::default()).await;
    decoded.map(|decoded| decoded.documents.len())
}

/// Two documents of one byte: two bytes are passed, and 300 come back.
async fn encoded(answer: &str) -> Result<usize, ProcessorError> {
    let document =
        |data: &'static str| Document { data: data.into(), partition_key: None, explicit_hash_key: None };
    let processor = crooked("encode", answer).await;
    processor.encode(&[document("a"), document("b")], 200).await.map(|encoded| encoded.len())
}

#[tokio::test]
async fn what_a_crooked_processor_decodes_is_refused_with_the_reason() {
    assert_eq!(decoded("0 0 1 3 0 0 1 0 8 0 0 1").await.unwrap(), 2, "a straight answer is taken");
    let cases = [
        ("0", "not a multiple of 6 words, words=1"),
        ("0 0 0 9 0 0", "a place is out of range, document=0 offset=0 length=9 passed=8 end=9"),
        ("0 0 8 2 0 0", "a place is out of range"),
        ("0 0 4294967295 4294967295 0 0", "a place is out of range"),
        ("0 0 0 1 8 1", "a partition key is not UTF-8, document=0"),
        ("0 0 0 1 0 9", "a place is out of range"),
        ("0 1 0 1 0 0", "leaves a place free before it, raw_index=0 sub_index=1"),
        ("2 0 0 1 0 0", "of no record given"),
        ("1 0 0 1 0 0 0 0 0 1 0 0", "out of order"),
        ("trap", "trap"),
        ("spin", "no answer in time, deadline=1s"),
    ];
    for (answer, expected) in cases {
        let error = decoded(answer).await.unwrap_err();
        assert!(error.message.contains(expected), "{answer}: {error} does not say {expected:?}");
        assert!(error.processor.starts_with("crooked@"), "{error}");
    }
}

#[tokio::test]
async fn what_a_crooked_processor_encodes_is_refused_with_the_reason() {
    assert_eq!(encoded("1 0 1 0 0 0 0 1 2 3 0 0 0 0").await.unwrap(), 2, "a straight answer is taken");
    let cases = [
        ("1 0 1", "not a multiple of 7 words, words=3"),
        ("1 0 1 0 0 0 0", "a document is in no entry, document=1"),
        ("3 0 1 0 0 0 0", "an entry has a wrong count, entry=0 documents=3 first=0"),
        ("0 0 1 0 0 0 0", "an entry has a wrong count"),
        ("2 0 1 0 0 0 0 1 0 1 0 0 0 0", "there are more answers than documents"),
        ("2 0 3 0 0 0 0", "a place is out of range"),
        ("2 2 190 0 0 0 0", "an entry is too large, entry=0 bytes=206 limit=200"),
        ("2 0 1 2 257 0 0", "a partition key has no or more than 256 characters, entry=0"),
        ("2 0 1 0 0 2 1", "not a hash key"),
        ("trap", "trap"),
        ("spin", "no answer in time"),
    ];
    for (answer, expected) in cases {
        let error = encoded(answer).await.unwrap_err();
        assert!(error.message.contains(expected), "{answer}: {error} does not say {expected:?}");
    }
}

#[tokio::test]
async fn after_a_trap_a_fresh_instance_answers() {
    let processor = crooked("decode", "trap").await;
    for _ in 0..2 {
        let error = processor.decode(&[], HashCheck::default()).await.unwrap_err();
        assert!(error.message.contains("the configuration asks for a trap"), "{error}");
    }
}

#[tokio::test]
async fn a_handler_is_no_processor_and_a_processor_no_handler() {
    let settings = ProcessorSettings::new("wrong");
    let refused = ComponentProcessor::load(&ENGINE, &built("pass_through"), &settings).await.unwrap_err();
    assert!(matches!(refused, ComponentError::World { .. }));
    assert!(refused.to_string().contains("not a processor: it is a handler"), "{refused}");
    let file = built("processor_json");
    let refused = ComponentHandler::load(&ENGINE, &file, HandlerSettings::new("wrong")).await.unwrap_err();
    assert!(refused.to_string().contains("not a record handler: it is a processor"), "{refused}");
    let refused = ComponentProcessor::load(&ENGINE, &built("lz4_batches"), &settings).await.unwrap_err();
    assert!(refused.to_string().contains("it is an aggregator alone"), "{refused}");
}

#[tokio::test]
async fn the_examples_aggregator_packs_and_unpacks_beside_a_native_serializer() {
    let settings = ProcessorSettings::new("lz4");
    let file = built("lz4_batches");
    let aggregator = Half::Component(&file, &settings);
    let lz4 =
        ComponentProcessor::of_halves(&ENGINE, aggregator, Half::Native(Serializer::Json)).await.unwrap();
    let document = |number: usize| Document {
        data: if number == 500 { "no json".into() } else { format!("{{\"n\": {number}}}").into() },
        partition_key: Some(format!("key-{}", number / 100).into()),
        explicit_hash_key: None,
    };
    let documents: Vec<_> = (0..1_000).map(document).collect();
    let encoded = lz4.encode(&documents, 300).await.unwrap();
    let mut records = Vec::new();
    let mut covered = 0;
    for entry in encoded {
        match entry {
            Encoded::Entry { data, partition_key, documents: run, .. } => {
                assert_eq!(run.start, covered);
                assert!(data.len() <= 300);
                covered = run.end;
                let sequence = (records.len() + 1).to_string().try_into().unwrap();
                let partition_key = partition_key.unwrap();
                records.push(Record { sequence, partition_key, data, arrival: UnixMillis(0) });
            }
            Encoded::Refused { document, .. } => {
                assert_eq!((document, covered), (500, 500));
                covered += 1;
            }
        }
    }
    assert_eq!(covered, 1_000);
    assert!(records.len() < 200, "{} records", records.len());
    records.push(Record { data: "\u{1}".into(), ..records[0].clone() });
    let decoded = lz4.decode(&records, HashCheck::default()).await.unwrap();
    let expected = documents.iter().filter(|document| &document.data[..] != b"no json");
    assert!(expected.map(|document| &document.data[..]).eq((0..999).map(|at| decoded.documents.data(at))));
    assert_eq!(decoded.documents.len(), 999);
    assert_eq!(decoded.rejections.len(), 1);
}
