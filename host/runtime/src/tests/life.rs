//! What instances are told of their life, in order.

use tidemill_engine::handler::{Closed, Handler, HandlerErrorKind};

use crate::{ComponentError, ComponentHandler, HandlerSettings, Interface, Sandbox};

use super::support::{ENGINE, Logged, batch, batch_of, built, load, load_with};

const FIRST: &str = "shardId-000000000000";
const SECOND: &str = "shardId-000000000001";

/// What the guest noted since it was made.
async fn notes(handler: &ComponentHandler, shard: &str, record: &str) -> String {
    let outcome = handler.handle(&batch_of(shard, &[record])).await.unwrap();
    String::from_utf8(outcome.emits[0].data.to_vec()).unwrap()
}

/// The notes in the log, without what the host puts around them.
fn logged_notes(logged: &Logged) -> Vec<String> {
    let note = |line: String| {
        let (_, note) = line.split_once("guest: ").unwrap();
        note.split(" component=").next().unwrap().to_owned()
    };
    logged.of_guests().into_iter().map(note).collect()
}

#[tokio::test]
async fn an_instance_is_told_of_its_settings_its_shard_and_its_end() {
    let handler = load("life").await;
    assert_eq!(handler.inspection().interfaces, [Interface::PackedRecordHandler, Interface::LifeCycle]);
    let started = format!("init, started orders {FIRST}, record a");
    assert_eq!(notes(&handler, FIRST, "a").await, started);
    assert_eq!(notes(&handler, FIRST, "b").await, format!("{started}, record b"));
    assert_eq!(notes(&handler, SECOND, "c").await, format!("init, started orders {SECOND}, record c"));
    let logged = Logged::begin();
    handler.shard_closed("orders", &FIRST.into(), Closed::Ended).await;
    assert_eq!(logged_notes(&logged), [&format!("ended orders {FIRST}"), "drain"]);
    handler.shard_closed("orders", &FIRST.into(), Closed::Ended).await;
    handler.shard_closed("orders", &SECOND.into(), Closed::Left).await;
    assert_eq!(logged_notes(&logged)[2..], [format!("left orders {SECOND}"), "drain".to_owned()]);
}

#[tokio::test]
async fn settings_that_a_guest_refuses_are_told_when_it_is_loaded() {
    let config = [("refuse".to_owned(), "no such country".to_owned())].into();
    let settings = HandlerSettings::within("life", Sandbox { config, ..Sandbox::default() });
    let error = ComponentHandler::load(&ENGINE, &built("life"), settings).await.unwrap_err();
    let ComponentError::Instantiate { kind: HandlerErrorKind::Instantiate, message, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(message, "no such country");
}

#[tokio::test]
async fn an_instance_that_failed_is_told_nothing_more_and_the_next_one_begins_anew() {
    let handler = load("life").await;
    notes(&handler, FIRST, "a").await;
    let logged = Logged::begin();
    assert_eq!(handler.handle(&batch(&["panic"])).await.unwrap_err().kind, HandlerErrorKind::Trap);
    assert!(!logged_notes(&logged).contains(&"drain".to_owned()));
    assert_eq!(notes(&handler, FIRST, "b").await, format!("init, started orders {FIRST}, record b"));
}

#[tokio::test]
async fn with_fewer_instances_than_shards_the_one_that_was_idle_longest_makes_room() {
    let settings = HandlerSettings::within("life", Sandbox { instances: 2, ..Sandbox::default() });
    let handler = load_with("life", settings).await;
    let third = "shardId-000000000002";
    notes(&handler, FIRST, "a").await;
    notes(&handler, SECOND, "a").await;
    notes(&handler, FIRST, "b").await;
    let logged = Logged::begin();
    notes(&handler, third, "a").await;
    assert_eq!(logged_notes(&logged)[..2], [format!("left orders {SECOND}"), "drain".to_owned()]);
    assert!(notes(&handler, FIRST, "c").await.ends_with("record a, record b, record c"));
    assert!(notes(&handler, third, "b").await.ends_with("record a, record b"));
}

#[tokio::test]
async fn what_an_evicted_instance_kept_of_uncovered_records_is_asked_for_again() {
    let settings = HandlerSettings::within("life", Sandbox { instances: 1, ..Sandbox::default() });
    let handler = load_with("life", settings).await;
    notes(&handler, FIRST, "a").await;
    notes(&handler, SECOND, "a").await;
    let mut next = batch_of(FIRST, &["b"]);
    next.info.uncovered = 1;
    let error = handler.handle(&next).await.unwrap_err();
    assert_eq!(error.kind, HandlerErrorKind::Swapped);
    assert!(error.forgets(), "the shard begins anew behind its checkpoint");
}
