//! I6: each component of `guests/faults` fails its batch by its own name, and a healthy one beside it on the same
//! thread goes on meanwhile.

use std::{cell::Cell, time::Duration};

use tidemill_engine::{
    batch::Batch,
    handler::{
        Closed, Disposition, Failure, Handler, HandlerError,
        HandlerErrorKind::{self, Deadline, HostCalls, Malformed, Memory, Output, Trap},
    },
};

use super::support::{ENGINE, Logged, batch, batch_of, built, load, load_with};
use crate::{ComponentError, ComponentHandler, HandlerSettings, Sandbox};

/// Long enough for whatever ends by itself, on a machine that has other work.
const PATIENT: Duration = Duration::from_secs(60);
/// Long enough for a healthy batch or two beside what never ends.
const HASTY: Duration = Duration::from_millis(500);

/// A component, the record that sets it off, and what its failure is called.
type Case = (&'static str, &'static str, HandlerErrorKind, &'static str);

/// Those that work well until they are asked not to.
const ON_REQUEST: [Case; 10] = [
    ("trap", "trap", Trap, "record index=1 asks for a trap"),
    ("spin", "spin", Deadline, "no answer in time, deadline=500ms"),
    ("hog", "hog", Memory, "memory_bytes="),
    ("sleep", "sleep", Deadline, "no answer in time"),
    ("exit", "exit", Trap, "the guest exited, status=1"),
    ("chatter", "chatter", HostCalls, "host_calls=1000000"),
    ("dice", "dice", Trap, "requested len 18446744073709551615 exceeds limit 65536"),
    ("handles", "handles", Trap, "resource table"),
    ("indexes", "outside", Malformed, "a failure names no record of the batch, index=4294967295 records=3"),
    ("indexes", "twice", Malformed, "two failures name the same record, index=1"),
];

/// Those that fail every batch.
const ALWAYS: [Case; 15] = [
    ("stillborn", "", Trap, "there is no way to begin"),
    ("recursion", "", Trap, "call stack exhausted"),
    ("allocation_spin", "", Deadline, "no answer in time"),
    ("allocation_astray", "", Malformed, "realloc"),
    ("table_hoard", "", Memory, "table_elements=200000"),
    ("return_trap", "", Trap, "unreachable"),
    ("return_spin", "", Deadline, "no answer in time"),
    ("result_astray", "", Malformed, "out of bounds"),
    ("result_misaligned", "", Malformed, "not aligned"),
    ("list_astray", "", Malformed, "out of bounds"),
    ("list_misaligned", "", Malformed, "not aligned"),
    ("list_endless", "", Malformed, "out of bounds"),
    ("list_gigantic", "", Output, "too much data"),
    ("text_invalid", "", Malformed, "utf-8"),
    ("variant_unknown", "", Malformed, "discriminant"),
];

async fn sick(guest: &str, kind: HandlerErrorKind) -> ComponentHandler {
    let deadline = if kind == Deadline { HASTY } else { PATIENT };
    let name = format!("fault_{guest}");
    load_with(&name, within(&name, deadline)).await
}

fn within(name: &str, deadline: Duration) -> HandlerSettings {
    HandlerSettings::within(name, Sandbox { deadline, ..Sandbox::default() })
}

/// Has a batch fail beside a healthy component, which is given one batch after the other until then.
async fn fails_beside_a_healthy_one(handler: &ComponentHandler, record: &str) -> (HandlerError, usize) {
    let healthy = load_with("pass_through", within("healthy", PATIENT)).await;
    let (bad, good) = (batch(&["good", record, "good"]), batch_of("shardId-000000000007", &["a", "b"]));
    let has_failed = Cell::new(false);
    let failing = async {
        let failed = handler.handle(&bad).await;
        has_failed.set(true);
        failed.expect_err("it fails")
    };
    let going_on = async {
        let mut batches = 0;
        while !has_failed.get() {
            assert_eq!(healthy.handle(&good).await.unwrap().emits.len(), 2);
            batches += 1;
            tokio::task::yield_now().await;
        }
        batches
    };
    tokio::join!(failing, going_on)
}

fn check(case: &Case, error: &HandlerError, healthy_batches: usize) -> Result<(), String> {
    let (guest, _, kind, says) = case;
    if error.kind != *kind || !error.message.contains(says) {
        return Err(format!("{guest}: expected {kind:?} with {says:?}, and it is {:?}: {error}", error.kind));
    }
    if *kind == Deadline && healthy_batches == 0 {
        return Err(format!("{guest} held up the other until its deadline"));
    }
    Ok(())
}

#[tokio::test]
async fn i6_what_a_component_does_on_request_costs_it_one_batch() {
    let mut wrong = Vec::new();
    for case in &ON_REQUEST {
        let (guest, record, kind, _) = case;
        let handler = sick(guest, *kind).await;
        let (error, batches) = fails_beside_a_healthy_one(&handler, record).await;
        wrong.extend(check(case, &error, batches).err());
        assert_eq!(handler.handle(&batch(&["good", "again"])).await.unwrap().emits.len(), 2, "{guest}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn i6_what_a_component_always_does_wrong_is_called_by_its_name() {
    let mut wrong = Vec::new();
    for case in &ALWAYS {
        let (guest, record, kind, _) = case;
        let handler = sick(guest, *kind).await;
        for _ in 0..2 {
            let (error, batches) = fails_beside_a_healthy_one(&handler, record).await;
            wrong.extend(check(case, &error, batches).err());
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn i6_a_component_of_which_no_instance_can_be_made_is_refused() {
    let cases = [
        ("start_spin", Deadline, "no answer in time"),
        ("start_trap", Trap, "unreachable"),
        ("memory_claim", Memory, "memory_bytes="),
    ];
    let healthy = load("pass_through").await;
    let mut wrong = Vec::new();
    for (name, expected, says) in cases {
        let artifact = built(&format!("fault_{name}"));
        let refused = ComponentHandler::load(&ENGINE, &artifact, within(name, HASTY)).await.unwrap_err();
        let fits = matches!(&refused, ComponentError::Instantiate { kind, message, .. }
            if *kind == expected && message.contains(says));
        if !fits {
            wrong.push(format!("{name}: expected {expected:?} with {says:?}, and it is {refused}"));
        }
        assert_eq!(healthy.handle(&batch(&["good"])).await.unwrap().emits.len(), 1);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn i6_what_a_component_keeps_stays_with_its_lane_and_goes_with_its_instance() {
    let handler = load("fault_remember").await;
    let (here, there) =
        (batch_of("shardId-000000000001", &["a", "b"]), batch_of("shardId-000000000002", &["c"]));
    let lane = here.lane(1, &[0]);
    let counted = async |batch: &Batch| {
        let emits = handler.handle(batch).await.unwrap().emits;
        emits.iter().map(|emit| String::from_utf8_lossy(&emit.data).into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(counted(&here).await, ["1", "2"]);
    assert_eq!(counted(&here).await, ["3", "4"], "it is kept across batches");
    assert_eq!(counted(&there).await, ["1"], "another shard sees nothing of it");
    assert_eq!(counted(&lane).await, ["1"], "nor does another lane");
    let error = handler.handle(&batch_of("shardId-000000000001", &["forget"])).await.unwrap_err();
    assert!(error.forgets(), "{error}");
    assert_eq!(counted(&here).await, ["1", "2"], "a failure costs what was kept");
    assert_eq!(counted(&there).await, ["2"], "of that shard alone");
}

#[tokio::test]
async fn a_component_may_answer_by_the_attempt() {
    let handler = load("fault_moody").await;
    let mut batch = batch(&["a", "b"]);
    for attempt in 1..=2 {
        let error = handler.handle(&batch).await.unwrap_err();
        assert!(error.message.contains(&format!("not in the mood, attempt={attempt}")), "{error}");
        batch = batch.part(&[0, 1], batch.info.attempt + 1);
    }
    assert_eq!(handler.handle(&batch).await.unwrap().emits.len(), 2);
}

#[tokio::test]
async fn i6_a_component_that_does_not_part_in_peace_is_let_go_all_the_same() {
    for (when, deadline) in [("trap", PATIENT), ("spin", HASTY)] {
        let mut settings = within("parting", deadline);
        settings.sandbox.config.insert("when".to_owned(), when.to_owned());
        let handler = load_with("fault_parting", settings).await;
        let batch = batch(&["a", "b"]);
        for _ in 0..2 {
            assert_eq!(handler.handle(&batch).await.unwrap().emits.len(), 2);
            handler.shard_closed(&batch.info.stream, &batch.info.shard, Closed::Left).await;
        }
    }
}

/// Whether a text may stand in the log: one line that shows all that is in it, and not a long one.
fn is_presentable(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() || c == '\u{202e}') && text.len() < 10_000
}

#[tokio::test]
async fn i6_words_of_a_component_stay_on_one_line_wherever_they_are_repeated() {
    let handler = load("fault_forger").await;
    for word in ["panic", "error", "sink"] {
        let error = handler.handle(&batch(&[word])).await.unwrap_err();
        assert!(is_presentable(&error.to_string()), "{word}: {error}");
        assert_eq!(error.message.contains("FORGED"), word != "sink", "{word}: {error}");
    }
    let failures = handler.handle(&batch(&["reason"])).await.unwrap().failures;
    let [Failure { disposition: Disposition::DeadLetter(reason), .. }] = &failures[..] else {
        panic!("{failures:?}")
    };
    assert!(is_presentable(reason) && reason.starts_with("so far\\r\\n"), "{reason}");
    let error = load("fault_name_forged").await.handle(&batch(&["a"])).await.unwrap_err();
    assert!(is_presentable(&error.to_string()) && error.message.contains("at=so far\\nFORGED"), "{error}");
    let logged = Logged::begin();
    handler.handle(&batch(&["log"])).await.unwrap();
    let lines = logged.of_guests();
    assert_eq!(lines.len(), 3, "a line of the log, and two of stdout: {lines:?}");
    assert!(lines.iter().all(|line| is_presentable(line)), "{lines:?}");
}
