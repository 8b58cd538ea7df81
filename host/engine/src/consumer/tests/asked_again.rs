//! A handler that asks for a record and everything behind it, as a function of AWS Lambda does.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use super::world::{Running, World, complete};
use crate::{
    batch::Batch,
    dead_letter::MemoryDeadLetters,
    handler::{Disposition, Emit, Failure, HandlerFn, Outcome},
};

/// Emits everything before the first bad record, and asks for that and all behind it.
fn until_the_first(bad: &[&str], batch: &Batch) -> Outcome {
    let documents = batch.documents();
    let is_bad = |at: &usize| bad.iter().any(|bad| bad.as_bytes() == documents.data(*at));
    let first = (0..documents.len()).find(is_bad).unwrap_or(documents.len());
    let emits = (0..first).map(|at| Emit {
        data: documents.data_bytes(at),
        partition_key: Some(documents.partition_key(at).into()),
        explicit_hash_key: None,
        sink: None,
    });
    let again = (0..).take(documents.len()).skip(first);
    let failure = |index| Failure { index, disposition: Disposition::Retry(Duration::ZERO) };
    Outcome { emits: emits.collect(), failures: again.map(failure).collect(), ..Outcome::default() }
}

#[tokio::test(start_paused = true)]
async fn of_records_that_are_asked_for_again_too_often_only_those_to_blame_are_given_up() {
    let world = World::of(1).await;
    world.put(5, 0..100).await;
    let letters = Arc::new(MemoryDeadLetters::default());
    let bad = ["1:20", "3:20", "4:90"];
    let mut pipeline =
        world.pipeline(Arc::new(HandlerFn(move |batch: &Batch| Ok(until_the_first(&bad, batch)))));
    pipeline.dead_letters = Some(Arc::clone(&letters) as _);
    pipeline.settings.attempts = 3;
    let running = Running::start(pipeline);
    running.until("all is done", |progress| progress.done.load(Relaxed) == 500).await;
    assert_eq!(running.stop().await.dead_lettered, 3);
    let kept: Vec<String> =
        letters.all().iter().map(|letter| String::from_utf8(letter.data.to_vec()).unwrap()).collect();
    assert_eq!(kept, bad);
    assert!(letters.all().iter().all(|letter| letter.kind == "used up its attempts"));
    let mut expected = complete(5, 100);
    for (key, number) in [("1", 20), ("3", 20), ("4", 90)] {
        expected.get_mut(key).unwrap().retain(|at| *at != number);
    }
    assert_eq!(world.output().await, expected, "all others once, and in order");
}
