//! Processors that are replaced while they encode and decode.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use tidemill_engine::{
    deploy::Verdict,
    processor::{Document, Encoded, HashCheck, Processor},
    task,
};
use tidemill_processors::Aggregator;

use super::*;
use crate::{ComponentProcessor, Half, ProcessorSettings, Role, tests::support::ENGINE};

async fn processor(name: &str, config: &[(&str, &str)]) -> ComponentProcessor {
    let mut settings = ProcessorSettings::new(name);
    settings.sandbox.config = config.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
    ComponentProcessor::load(&ENGINE, &built(name), &settings).await.unwrap()
}

fn documents() -> Vec<Document> {
    (0..50).map(|at| Document::keyed(format!("key-{}", at % 5), format!("{{\"n\":{at}}}"))).collect()
}

fn records_of(encoded: &[Encoded]) -> Vec<Record> {
    let record = |(at, encoded): (usize, &Encoded)| match encoded {
        Encoded::Entry { data, partition_key, .. } => Record {
            sequence: (100 + at).to_string().try_into().unwrap(),
            partition_key: partition_key.clone().unwrap(),
            data: data.clone(),
            arrival: UnixMillis(0),
        },
        Encoded::Refused { reason, .. } => panic!("{reason}"),
    };
    encoded.iter().enumerate().map(record).collect()
}

/// Encodes and decodes until it is told to stop, and answers how often.
async fn work(processor: Arc<ComponentProcessor>, stop: Arc<AtomicBool>) -> usize {
    let documents = documents();
    for turn in 1.. {
        let encoded = processor.encode(&documents, 1 << 20).await.unwrap();
        let records = records_of(&encoded);
        let decoded = processor.decode(&records, HashCheck::default()).await.unwrap();
        assert_eq!(decoded.rejections, []);
        let found = (0..decoded.documents.len()).map(|at| decoded.documents.data(at));
        assert!(found.eq(documents.iter().map(|document| &document.data[..])), "every document, in order");
        if stop.load(Relaxed) {
            return turn;
        }
        tokio::task::yield_now().await;
    }
    unreachable!("it goes on until it is told to stop")
}

async fn replaced_under_load(processor: ComponentProcessor, name: &str) {
    let processor = Arc::new(processor);
    let stop = Arc::new(AtomicBool::new(false));
    let begin = |_| task::spawn("work", work(Arc::clone(&processor), Arc::clone(&stop)));
    let workers: Vec<_> = (0..4).map(begin).collect();
    let slots = processor.slots();
    let (_, slot) = &slots[0];
    let components = [renamed(&built(name), 1), renamed(&built(name), 2)];
    for swap in 0..10 {
        let applied = slot.apply(&only(Arc::clone(&components[swap % 2]))).await.unwrap();
        assert!(applied.has_changed);
    }
    stop.store(true, Relaxed);
    for worker in workers {
        assert!(worker.await.unwrap() > 0);
    }
    assert!(slot.status().component.generation > 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_processor_is_replaced_under_load() {
    let processor = processor("processor_json_line", &[]).await;
    assert_eq!(processor.slots()[0].0, Role::Processor);
    replaced_under_load(processor, "processor_json_line").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_is_both_halves_is_one_part_and_replaced_under_load() {
    let processor = processor("processor_hex_words", &[]).await;
    assert_eq!(processor.slots().len(), 1);
    replaced_under_load(processor, "processor_hex_words").await;
}

#[tokio::test]
async fn halves_are_parts_of_their_own() {
    let (component, settings) = (built("processor_hex_words"), ProcessorSettings::new("hex"));
    let serializer = Half::Component(&component, &settings);
    let lines =
        ComponentProcessor::of_halves(&ENGINE, Half::Native(Aggregator::Newline), serializer).await.unwrap();
    let slots = lines.slots();
    assert_eq!(slots.iter().map(|(role, _)| *role).collect::<Vec<_>>(), [Role::Serializer]);
    assert!(slots[0].1.apply(&only(renamed(&component, 1))).await.unwrap().has_changed);
    assert!(lines.label().starts_with("newline+hex@"), "{}", lines.label());
}

#[tokio::test]
async fn a_processor_that_would_share_or_read_otherwise_is_refused() {
    let processor = processor("processor_json_line", &[]).await;
    let encoded = processor.encode(&documents(), 1 << 20).await.unwrap();
    let records = records_of(&encoded);
    processor.decode(&records, HashCheck::default()).await.unwrap();
    let (_, slot) = processor.slots().remove(0);
    let refused = async |name: &str| slot.apply(&only(built(name))).await.unwrap_err().0;
    let cases = [
        ("processor_json", "what shares a record is Alone and was PerKey"),
        ("processor_msgpack", "it rejects what the running one reads"),
        ("processor_hex_words", "it exports tidemill:streams/serializer@0.1.0 and"),
        ("blue", "not a processor: it is a handler"),
    ];
    for (name, expected) in cases {
        let found = refused(name).await;
        assert!(found.contains(expected), "{name}: {found}");
        assert_eq!(slot.status().component.generation, 1);
    }
    let canary = slot.apply(&tried("processor_json_line", "processor_json_list", Trial::Shadow)).await;
    assert!(canary.unwrap_err().0.contains("a processor has no candidate"));
    let decoded = processor.decode(&records, HashCheck::default()).await.unwrap();
    assert_eq!(decoded.documents.len(), 50);
}

#[tokio::test]
async fn a_processor_that_fails_goes_back_by_itself_and_loses_nothing() {
    let config = [("decode", "trap"), ("encode", "trap")];
    let rollout = RolloutSettings { min_batches: 20, max_error_percent: 10.0, ..RolloutSettings::default() };
    let mut settings = ProcessorSettings { rollout, ..ProcessorSettings::new("string") };
    settings.sandbox.config = config.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let processor = ComponentProcessor::load(&ENGINE, &built("processor_string"), &settings).await.unwrap();
    let (_, slot) = processor.slots().remove(0);
    // Nothing was decoded or encoded yet, so there is nothing to try it out on.
    slot.apply(&only(built("fault_crooked"))).await.unwrap();
    for _ in 0..3 {
        assert_eq!(processor.encode(&documents(), 1 << 20).await.unwrap().len(), 50);
    }
    assert!(matches!(slot.verdict().await, Verdict::Bad(reason) if reason.contains("failed=3 batches=3")));
    let status = slot.status();
    assert_eq!(
        (status.component.generation, status.component.digest),
        (3, built("processor_string").digest.clone())
    );
}
