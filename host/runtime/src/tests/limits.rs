//! What guests may take, write and reach.

use std::time::Duration;

use crate::{ComponentError, ComponentHandler, HandlerSettings, Sandbox};
use tidemill_engine::{
    handler::{Closed, Handler, HandlerErrorKind},
    limits::GUEST_LOG_LINES,
};

use super::support::{ENGINE, Logged, batch, batch_of, built, load, load_with};

/// Time stands still here, so that all lines are of one second.
#[tokio::test(start_paused = true)]
async fn a_flood_of_lines_is_cut_to_its_budget() {
    for way in ["log", "stderr", "stdout"] {
        let handler = load("fault_flood").await;
        let logged = Logged::begin();
        handler.handle(&batch(&[way])).await.unwrap();
        let lines = logged.of_guests();
        assert_eq!(lines.len(), GUEST_LOG_LINES as usize + 1, "the budget and one notice by way of {way}");
        assert!(
            lines[0].contains("line 0 component=fault_flood generation=1 shard=shardId-000000000000"),
            "{lines:?}"
        );
        assert!(lines.last().unwrap().contains("writes too much"), "{lines:?}");
        handler.shard_closed("orders", &"shardId-000000000000".into(), Closed::Left).await;
        let lost = 10_000 - GUEST_LOG_LINES;
        assert!(logged.of_guests().last().unwrap().contains(&format!("lines={lost}")));
    }
}

#[tokio::test]
async fn an_outcome_beyond_the_limits_is_too_much() {
    let settings =
        HandlerSettings { emitted_bytes: 1 << 20, emitted_documents: 2, ..HandlerSettings::new("flood") };
    let handler = load_with("fault_flood", settings).await;
    let error = handler.handle(&batch(&["emit"])).await.unwrap_err();
    assert_eq!(error.kind, HandlerErrorKind::Output, "{error}");
    assert!(error.message.contains("too much data"), "{error}");
    let error = handler.handle(&batch(&["1", "2", "3"])).await.unwrap_err();
    assert_eq!(error.message, "too many emits, emits=3 allowed=2");
    let error = load("fault_flood").await.handle(&batch(&["many"])).await.unwrap_err();
    assert_eq!(error.message, "too many emits, emits=200000 allowed=100000");
    assert_eq!(handler.handle(&batch(&["1", "2"])).await.unwrap().emits.len(), 2);
}

#[tokio::test]
async fn calls_of_the_host_are_counted_whether_they_are_its_own_or_those_of_wasi() {
    for way in ["log", "stderr"] {
        let sandbox = Sandbox { host_calls: 1_000, ..Sandbox::default() };
        let handler = load_with("fault_flood", HandlerSettings::within("flood", sandbox)).await;
        let error = handler.handle(&batch(&[way])).await.unwrap_err();
        assert_eq!(error.kind, HandlerErrorKind::HostCalls, "{error}");
        assert!(
            error.message.starts_with("more calls of the host than the limit, host_calls=1000"),
            "{error}"
        );
        assert_eq!(handler.handle(&batch(&["1"])).await.unwrap().emits.len(), 1);
    }
}

/// All on one thread: if the sleeping guest held it, the other would not be answered first.
#[tokio::test]
async fn a_guest_that_sleeps_ends_at_its_deadline_and_holds_no_thread() {
    let sandbox = Sandbox { deadline: Duration::from_secs(1), ..Sandbox::default() };
    let sleepy = load_with("errand", HandlerSettings::within("sleepy", sandbox)).await;
    let other = load("errand").await;
    let (asleep, awake) = (batch(&["sleep 600000"]), batch(&["sleep 1"]));
    let (failed, slept) =
        tokio::join!(async { sleepy.handle(&asleep).await.map(|_| other.label()) }, async {
            other.handle(&awake).await
        },);
    assert_eq!(failed.unwrap_err().kind, HandlerErrorKind::Deadline);
    assert_eq!(slept.unwrap().emits[0].data, "slept");
}

#[tokio::test]
async fn a_batch_that_meets_a_full_house_waits_for_its_seat_and_does_not_fail() {
    let sandbox = Sandbox { instances: 1, ..Sandbox::default() };
    let handler = load_with("errand", HandlerSettings::within("errand", sandbox)).await;
    let shards = ["shardId-000000000001", "shardId-000000000002", "shardId-000000000003"];
    let [first, second, third] = shards.map(|shard| batch_of(shard, &["sleep 20"]));
    let answers = tokio::join!(handler.handle(&first), handler.handle(&second), handler.handle(&third));
    for answer in [answers.0, answers.1, answers.2] {
        assert_eq!(answer.unwrap().emits[0].data, "slept");
    }
}

#[tokio::test]
async fn a_guest_reaches_nothing_that_it_was_not_granted() {
    let handler = load("fault_probe").await;
    let logged = Logged::begin();
    let outcome = handler.handle(&batch(&["go"])).await.unwrap();
    let reached: Vec<_> = outcome.emits.iter().map(|emit| String::from_utf8_lossy(&emit.data)).collect();
    assert_eq!(reached, Vec::<&str>::new());
    let lines = logged.of_guests();
    assert!(
        lines.len() == 1 && lines[0].contains("INFO guest: probing component=fault_probe"),
        "stdout is a line of the log: {lines:?}"
    );
}

#[tokio::test]
async fn a_component_that_needs_more_memory_than_it_may_have_is_refused_at_once() {
    let settings = HandlerSettings::within("small", Sandbox { memory_bytes: 64 << 10, ..Sandbox::default() });
    let refused = ComponentHandler::load(&ENGINE, &built("pass_through"), settings).await;
    let error = refused.unwrap_err();
    assert!(matches!(error, ComponentError::Instantiate { kind: HandlerErrorKind::Memory, .. }), "{error}");
    assert!(error.to_string().contains("memory_bytes=65536"), "{error}");
}

#[tokio::test]
async fn settings_and_deadlines_hold_for_each_handler_alone() {
    let deadline = Duration::from_secs(1);
    let hasty =
        load_with("fault_spin", HandlerSettings::within("hasty", Sandbox { deadline, ..Sandbox::default() }))
            .await;
    let calm = load("fault_spin").await;
    assert_eq!(hasty.handle(&batch(&["spin"])).await.unwrap_err().kind, HandlerErrorKind::Deadline);
    assert_eq!(calm.handle(&batch(&["good"])).await.unwrap().emits.len(), 1);
}
