//! Records that no attempt can handle: found by halving, kept as dead letters, and everything beside them delivered.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use proptest::prelude::*;

use super::world::{Notes, Running, World, complete, echo, failure, note, stream};
use crate::{
    batch::Batch,
    consumer::{OnFailure, Pipeline, PipelineError},
    dead_letter::{DeadLetter, DeadLetterError, DeadLetters, MemoryDeadLetters, Payload},
    deploy::Digest,
    handler::{Deployed, Disposition, Failure, Handler, HandlerError, HandlerErrorKind, HandlerFn, Outcome},
    kinesis::Kinesis,
    lease::Checkpoint,
    native::NativeProcessor,
    record::Entry,
};

/// A pipeline with a place for dead letters.
fn keeping(world: &World, handler: Arc<dyn Handler>) -> (Pipeline, Arc<MemoryDeadLetters>) {
    let letters = Arc::new(MemoryDeadLetters::default());
    let mut pipeline = world.pipeline(handler);
    pipeline.dead_letters = Some(Arc::clone(&letters) as _);
    (pipeline, letters)
}

/// The data of dead letters, in the order in which they were kept.
fn texts(letters: &MemoryDeadLetters) -> Vec<String> {
    letters.all().iter().map(|letter| String::from_utf8(letter.data.to_vec()).unwrap()).collect()
}

/// What is on the output once these are left away.
fn without(
    keys: usize,
    count: usize,
    bad: &[(usize, usize)],
) -> std::collections::HashMap<String, Vec<usize>> {
    let mut expected = complete(keys, count);
    for (key, number) in bad {
        expected.get_mut(&key.to_string()).unwrap().retain(|at| at != number);
    }
    expected
}

async fn finish(pipeline: Pipeline, documents: u64) -> crate::consumer::Summary {
    let running = Running::start(pipeline);
    running.until("all is done", |progress| progress.done.load(Relaxed) == documents).await;
    running.stop().await
}

#[tokio::test(start_paused = true)]
async fn one_poison_record_in_ten_thousand_is_kept_whole_and_all_others_are_delivered_in_order() {
    let world = World::of(1).await;
    world.put(20, 0..500).await;
    let by = Arc::new(Deployed {
        component: "orders".to_owned(),
        digest: Digest::of_bytes(&[3; 32]),
        generation: 7,
    });
    let (seen, calls) = (Arc::clone(&by), Arc::new(AtomicU64::new(0)));
    let (called, inner) = (Arc::clone(&calls), echo(|data| data == "7:300"));
    let handler = crate::handler::AsyncHandlerFn(move |batch: Batch| {
        let (inner, called, by) = (Arc::clone(&inner), Arc::clone(&called), Arc::clone(&seen));
        async move {
            called.fetch_add(1, Relaxed);
            inner.handle(&batch).await.map_err(|error| HandlerError { by: Some(by), ..error })
        }
    });
    let (mut pipeline, letters) = keeping(&world, Arc::new(handler));
    pipeline.settings.batch_records = 500;
    let progress = Arc::clone(&pipeline.progress);
    let summary = finish(pipeline, 10_000).await;
    assert_eq!((summary.dead_lettered, summary.emitted, summary.stopped.len()), (1, 9_999, 0));
    assert_eq!(world.output().await, without(20, 500, &[(7, 300)]));

    let [letter] = &letters.all()[..] else { panic!("one letter is kept: {:?}", texts(&letters)) };
    let DeadLetter { sequence, arrival, at, .. } = letter.clone();
    let expected = DeadLetter {
        pipeline: "test".into(),
        stream: "in".into(),
        shard: "shardId-000000000000".into(),
        sequence,
        sub_sequence: 0,
        partition_key: "7".into(),
        explicit_hash_key: None,
        arrival,
        payload: Payload::Document,
        data: "7:300".into(),
        kind: "trapped".to_owned(),
        reason: "handler=echo@00000000: trapped: unreachable".to_owned(),
        attempts: 5,
        by: Some(by),
        at,
    };
    assert_eq!(*letter, expected);
    assert!(arrival < at && at <= world.clock.now());
    // 20 batches, 4 attempts more at one of them, and two calls at each of the nine times that 500 are halved.
    assert_eq!(calls.load(Relaxed), 20 + 4 + 18);
    assert_eq!((progress.retries.load(Relaxed), progress.bisected.load(Relaxed)), (4, 18));
}

#[tokio::test(start_paused = true)]
async fn poison_first_last_and_side_by_side_is_found_in_every_lane() {
    for lanes in [1, 4] {
        let world = World::new().await;
        world.put(20, 0..50).await;
        let bad = [(0, 0), (3, 20), (3, 21), (11, 7), (19, 49)];
        let poison: BTreeSet<String> = bad.iter().map(|(key, number)| format!("{key}:{number}")).collect();
        let wanted = poison.clone();
        let (mut pipeline, letters) = keeping(&world, echo(move |data| poison.contains(data)));
        pipeline.settings.lanes = lanes;
        pipeline.settings.batch_records = 64;
        let summary = finish(pipeline, 1_000).await;
        assert_eq!((summary.dead_lettered, summary.stopped.len()), (5, 0), "lanes={lanes}");
        assert_eq!(texts(&letters).into_iter().collect::<BTreeSet<_>>(), wanted, "lanes={lanes}");
        assert_eq!(world.output().await, without(20, 50, &bad), "lanes={lanes}");
    }
}

#[tokio::test(start_paused = true)]
async fn i1_a_shard_that_is_to_stop_does_so_right_before_the_poison_record() {
    let world = World::of(1).await;
    world.put(1, 0..50).await;
    let mut pipeline = world.pipeline(echo(|data| data == "0:33"));
    pipeline.settings.batch_records = 20;
    let running = Running::start(pipeline);
    running.until("the shard stopped", |progress| !progress.stopped().is_empty()).await;
    let summary = running.stop().await;
    assert_eq!((summary.done, summary.emitted), (33, 33));
    assert!(summary.stopped[0].reason.contains("record="), "{}", summary.stopped[0].reason);
    let again = world.pipeline(echo(|_| false));
    assert_eq!(finish(again, 17).await.records, 17, "it went on with the record that was to blame");
    assert_eq!(world.output().await, complete(1, 50));
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_refused_is_halved_at_once_and_records_too_old_are_not_tried_again() {
    for (kind, age, attempts) in [
        (HandlerErrorKind::Refused, None, 1),
        (HandlerErrorKind::Trap, Some(Duration::ZERO), 1),
        (HandlerErrorKind::Trap, Some(Duration::from_secs(3_600)), 5),
    ] {
        let world = World::of(1).await;
        world.put(1, 0..10).await;
        tokio::time::advance(Duration::from_secs(1)).await;
        let handler = HandlerFn(move |batch: &Batch| {
            let is_bad = (0..batch.documents().len()).any(|at| batch.documents().data(at) == b"0:4");
            if is_bad { Err(HandlerError { kind, ..failure() }) } else { Ok(Outcome::default()) }
        });
        let (mut pipeline, letters) = keeping(&world, Arc::new(handler));
        pipeline.settings.max_record_age = age;
        finish(pipeline, 10).await;
        let kept: Vec<_> = letters.all().iter().map(|letter| letter.attempts).collect();
        assert_eq!((texts(&letters), kept), (vec!["0:4".to_owned()], vec![attempts]), "{kind} {age:?}");
    }
}

/// Gives up 0:2 at once, and asks for 0:5 and 0:7 again for ever.
fn picky(notes: Notes) -> Arc<dyn Handler> {
    Arc::new(HandlerFn(move |batch: &Batch| {
        note(&notes, batch);
        let disposition = |data: &[u8]| match data {
            b"0:2" => Some(Disposition::DeadLetter("no price".to_owned())),
            b"0:5" | b"0:7" => Some(Disposition::Retry(Duration::from_secs(60))),
            _ => None,
        };
        let failures = (0..).zip(0..batch.documents().len()).filter_map(|(index, at)| {
            disposition(batch.documents().data(at)).map(|disposition| Failure { index, disposition })
        });
        Ok(Outcome { failures: failures.collect(), ..Outcome::default() })
    }))
}

#[tokio::test(start_paused = true)]
async fn records_that_a_handler_names_are_given_up_and_those_it_asks_for_alone_after_all_attempts() {
    let world = World::of(1).await;
    world.put(1, 0..10).await;
    let notes = Notes::default();
    let (pipeline, letters) = keeping(&world, picky(Arc::clone(&notes)));
    let progress = Arc::clone(&pipeline.progress);
    finish(pipeline, 10).await;
    let told: Vec<_> = letters.all().into_iter().map(|it| (it.kind, it.reason, it.attempts)).collect();
    let again = "the handler asked for another attempt".to_owned();
    let used_up = ("used up its attempts".to_owned(), again, 5);
    assert_eq!(told, [("was given up".to_owned(), "no price".to_owned(), 1), used_up.clone(), used_up]);
    assert_eq!(texts(&letters), ["0:2", "0:5", "0:7"]);
    // Ten records, two of them four times more, and each of the two alone.
    assert_eq!((notes.lock().unwrap().len(), progress.bisected.load(Relaxed)), (10 + 4 * 2 + 2, 2));
}

#[tokio::test(start_paused = true)]
async fn of_records_asked_for_because_they_lie_behind_a_bad_one_only_that_is_given_up() {
    let world = World::of(1).await;
    world.put(1, 0..30).await;
    tokio::time::advance(Duration::from_secs(10)).await;
    for age in [None, Some(Duration::from_secs(5))] {
        let handler = HandlerFn(|batch: &Batch| {
            let documents = batch.documents();
            let bad = (0..documents.len()).position(|at| documents.data(at) == b"0:13");
            let behind = (0..).take(documents.len()).skip(bad.unwrap_or(usize::MAX));
            let retry = |index| Failure { index, disposition: Disposition::Retry(Duration::ZERO) };
            Ok(Outcome { failures: behind.map(retry).collect(), ..Outcome::default() })
        });
        let (mut pipeline, letters) = keeping(&world, Arc::new(handler));
        pipeline.leases = Arc::new(crate::lease::memory::MemoryLeases::default());
        pipeline.settings.max_record_age = age;
        finish(pipeline, 30).await;
        assert_eq!(texts(&letters), ["0:13"], "{age:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_grew_too_old_is_given_up_while_it_is_asked_for_again() {
    let world = World::of(1).await;
    world.put(1, 0..10).await;
    let (mut pipeline, letters) = keeping(&world, picky(Notes::default()));
    pipeline.settings.max_record_age = Some(Duration::from_secs(90));
    finish(pipeline, 10).await;
    let told: Vec<_> = letters.all().into_iter().map(|letter| (letter.kind, letter.attempts)).collect();
    let old = ("was too old for another attempt".to_owned(), 3);
    assert_eq!(told[1..], [old.clone(), old]);
}

#[tokio::test(start_paused = true)]
async fn i1_a_shard_stops_before_a_record_that_is_given_up_once_those_before_it_are_done() {
    let world = World::of(1).await;
    world.put(1, 0..10).await;
    let handler = HandlerFn(move |batch: &Batch| {
        let documents = batch.documents();
        let failures = (0..).zip(0..documents.len()).filter_map(|(index, at)| match documents.data(at) {
            b"0:2" if batch.info.attempt < 3 => Some((index, Disposition::Retry(Duration::ZERO))),
            b"0:5" => Some((index, Disposition::DeadLetter("no price".to_owned()))),
            b"0:7" => Some((index, Disposition::Retry(Duration::ZERO))),
            _ => None,
        });
        let failures = failures.map(|(index, disposition)| Failure { index, disposition }).collect();
        Ok(Outcome { failures, ..Outcome::default() })
    });
    let running = Running::start(world.pipeline(Arc::new(handler)));
    running.until("the shard stopped", |progress| !progress.stopped().is_empty()).await;
    let summary = running.stop().await;
    assert_eq!(summary.done, 5);
    assert!(summary.stopped[0].reason.ends_with("the handler gave up: no price"), "{summary:?}");
}

/// Refuses everything until it is told not to.
#[derive(Debug, Default)]
struct Away {
    is_back: AtomicBool,
    refused: AtomicU64,
    letters: MemoryDeadLetters,
}

#[async_trait]
impl DeadLetters for Away {
    async fn put(&self, letters: &[DeadLetter]) -> Result<(), DeadLetterError> {
        if self.is_back.load(Relaxed) {
            return self.letters.put(letters).await;
        }
        self.refused.fetch_add(1, Relaxed);
        Err(DeadLetterError("the disk is full".to_owned()))
    }
}

#[tokio::test(start_paused = true)]
async fn i1_nothing_is_checkpointed_past_a_record_whose_letter_is_not_kept() {
    let world = World::of(1).await;
    world.put(1, 0..30).await;
    let away = Arc::new(Away::default());
    let pipeline = || {
        let mut pipeline = world.pipeline(echo(|data| data == "0:14"));
        pipeline.dead_letters = Some(Arc::clone(&away) as _);
        pipeline
    };
    let running = Running::start(pipeline());
    running.until("the first batch is done", |progress| progress.done.load(Relaxed) == 10).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(away.refused.load(Relaxed) > 10, "it is tried again and again");
    assert_eq!(running.progress.done.load(Relaxed), 10);
    let summary = running.stop().await;
    assert_eq!((summary.done, summary.dead_lettered, summary.stopped.len()), (14, 0, 0));

    let running = Running::start(pipeline());
    running.until("it waits again", |progress| progress.failed_attempts.load(Relaxed) > 5).await;
    away.is_back.store(true, Relaxed);
    running.until("all is done", |progress| progress.done.load(Relaxed) == 16).await;
    assert_eq!(running.stop().await.records, 16);
    assert_eq!(texts(&away.letters), ["0:14"]);
    assert_eq!(world.output().await, without(1, 30, &[(0, 14)]));
}

#[tokio::test(start_paused = true)]
async fn kinesis_records_that_do_not_decode_are_kept_whole_and_the_rest_of_them_is_handled() {
    let world = World::of(1).await;
    let put = async |data: &'static str| {
        let entry = Entry { data: data.into(), partition_key: "k".into(), explicit_hash_key: None };
        world.kinesis.put_records(&stream("in"), &[entry]).await.unwrap().remove(0).unwrap().sequence
    };
    put("1\n2\n").await;
    let second = put("3\nbad\n4\nworse\n").await;
    let third = put("bad\n").await;
    put("5\n").await;
    let notes = Notes::default();
    let seen = Arc::clone(&notes);
    let handler = HandlerFn(move |batch: &Batch| {
        note(&seen, batch);
        Ok(Outcome::default())
    });
    let (mut pipeline, letters) = keeping(&world, Arc::new(handler));
    pipeline.processor = Arc::new(NativeProcessor::named("json-line").unwrap());
    let summary = finish(pipeline, 5).await;
    assert_eq!((summary.rejected, summary.dead_lettered, summary.stopped.len()), (3, 2, 0));
    let letters = letters.all();
    let places: Vec<_> = letters.iter().map(|it| (it.sequence.clone(), it.sub_sequence)).collect();
    assert_eq!(places, [(second, 1), (third, 0)]);
    assert_eq!((&letters[0].data[..], letters[0].payload), (&b"3\nbad\n4\nworse\n"[..], Payload::Record));
    assert_eq!((letters[0].attempts, letters[0].partition_key.to_string()), (0, "k".to_owned()));
    assert!(letters[0].reason.starts_with("not JSON"), "{}", letters[0].reason);
    let handled: Vec<String> = notes.lock().unwrap().iter().map(|(_, text)| text.clone()).collect();
    assert_eq!(handled, ["1", "2", "3", "4", "5"]);
    assert!(matches!(world.checkpoints().await["shardId-000000000000"], Checkpoint::At { .. }));
}

#[tokio::test(start_paused = true)]
async fn dead_letters_without_a_place_for_them_are_refused_before_anything_begins() {
    let world = World::new().await;
    let mut pipeline = world.pipeline(echo(|_| false));
    pipeline.settings.on_failure = Some(OnFailure::DeadLetter);
    let error = pipeline.run(Default::default()).await.unwrap_err();
    assert!(matches!(error, PipelineError::Settings(_)), "{error}");
    assert!(world.checkpoints().await.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_poison_becomes_letters_and_all_else_is_delivered_once_and_in_order(
        bad in proptest::collection::btree_set((0_usize..5, 0_usize..40), 0..15),
        batch_records in 1_usize..60,
        lanes in 1_u32..4,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let (letters, output) = runtime.unwrap().block_on(async {
            let world = World::of(2).await;
            world.put(5, 0..40).await;
            let poison: BTreeSet<String> = bad.iter().map(|(key, number)| format!("{key}:{number}")).collect();
            let (mut pipeline, letters) = keeping(&world, echo(move |data| poison.contains(data)));
            pipeline.settings.batch_records = batch_records;
            pipeline.settings.lanes = lanes;
            finish(pipeline, 200).await;
            (texts(&letters), world.output().await)
        });
        let mut wanted: Vec<String> = bad.iter().map(|(key, number)| format!("{key}:{number}")).collect();
        wanted.sort();
        let mut letters = letters;
        letters.sort();
        prop_assert_eq!(letters, wanted);
        let mut expected = without(5, 40, &bad.iter().copied().collect::<Vec<_>>());
        expected.retain(|_, numbers| !numbers.is_empty());
        prop_assert_eq!(output, expected);
    }
}
