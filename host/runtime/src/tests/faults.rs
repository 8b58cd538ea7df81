//! I6: a guest can fail its batch; it cannot stop the host, exceed its memory or outlive its deadline.

use std::{sync::Mutex, time::Duration};

use crate::{ComponentHandler, HandlerSettings, Sandbox};
use tidemill_engine::handler::{Handler, HandlerError, HandlerErrorKind};

use super::support::{batch, batch_of, load, load_with};

/// A batch with the bad word in it fails, and the shard's next batch is handled by a fresh instance.
async fn fails_and_recovers(handler: &ComponentHandler, word: &str) -> HandlerError {
    assert_eq!(handler.handle(&batch(&["good"])).await.unwrap().emits.len(), 1);
    let error = handler.handle(&batch(&["good", word, "good"])).await.unwrap_err();
    let outcome = handler.handle(&batch(&["good", "again"])).await.unwrap();
    assert_eq!(outcome.emits.len(), 2);
    assert_eq!(error.handler, handler.label().to_string());
    assert!(error.is_retryable());
    error
}

#[tokio::test]
async fn a_trap_fails_the_batch_with_the_guests_own_words() {
    let handler = load("fault_trap").await;
    let error = fails_and_recovers(&handler, "a trap here").await;
    assert_eq!(error.kind, HandlerErrorKind::Trap);
    assert!(error.message.contains("record index=1 asks for a trap"), "{error}");
    assert!(error.message.contains("at="), "there is no backtrace: {error}");
    assert!(error.handler.starts_with("fault_trap@"), "{error}");
}

#[tokio::test]
async fn a_loop_for_ever_ends_at_its_deadline() {
    let deadline = Duration::from_secs(1);
    let handler =
        load_with("fault_spin", HandlerSettings::within("spin", Sandbox { deadline, ..Sandbox::default() }))
            .await;
    let error = fails_and_recovers(&handler, "spin").await;
    assert_eq!(error.kind, HandlerErrorKind::Deadline);
    assert_eq!(error.message, "no answer in time, deadline=1s");
}

#[tokio::test]
async fn a_guest_that_hogs_memory_is_told_from_one_that_traps() {
    let memory_bytes = 8 << 20;
    let handler = load_with(
        "fault_hog",
        HandlerSettings::within("hog", Sandbox { memory_bytes, ..Sandbox::default() }),
    )
    .await;
    let error = fails_and_recovers(&handler, "hog").await;
    assert_eq!(error.kind, HandlerErrorKind::Memory);
    assert!(error.message.contains("memory_bytes=8388608"), "{error}");
}

#[tokio::test]
async fn a_guest_that_loops_on_one_shard_holds_up_no_other() {
    // Long enough for the good batch on a machine that has other work.
    let deadline = Duration::from_secs(2);
    let handler =
        load_with("fault_spin", HandlerSettings::within("spin", Sandbox { deadline, ..Sandbox::default() }))
            .await;
    let ended = Mutex::new(Vec::new());
    let (bad, good) =
        (batch_of("shardId-000000000001", &["spin"]), batch_of("shardId-000000000002", &["good"]));
    let run = async |name, batch| {
        let succeeded = handler.handle(batch).await.is_ok();
        ended.lock().unwrap().push((name, succeeded));
    };
    tokio::join!(run("bad", &bad), run("good", &good));
    assert_eq!(*ended.lock().unwrap(), [("good", true), ("bad", false)], "both share one thread");
}

#[tokio::test]
async fn a_call_that_is_dropped_half_way_costs_its_instance_alone() {
    let handler = load("fault_spin").await;
    let looping = batch(&["spin"]);
    let dropped = tokio::time::timeout(Duration::from_millis(30), handler.handle(&looping)).await;
    assert!(dropped.is_err());
    assert_eq!(handler.handle(&batch(&["good"])).await.unwrap().emits.len(), 1);
}
