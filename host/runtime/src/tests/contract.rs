//! What well-behaved guests answer.

use std::collections::BTreeMap;

use md5::{Digest, Md5};
use tidemill_engine::{
    batch::{Batch, BatchInfo},
    handler::{Closed, Disposition, Failure, Handler, HandlerErrorKind},
    native::NativeProcessor,
    processor::{HashCheck, Processor},
    record::Record,
    time::UnixMillis,
};

use crate::{HandlerSettings, Interface, Sandbox};

use super::support::{batch, batch_of, load, load_with};

fn settings(pairs: &[(&str, &str)]) -> HandlerSettings {
    let config: BTreeMap<_, _> =
        pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    HandlerSettings::within("enrich", Sandbox { config, ..Sandbox::default() })
}

#[tokio::test]
async fn both_forms_of_the_contract_give_the_same_outcome() {
    let (packed, list) = (load("pass_through").await, load("pass_through_list").await);
    assert_eq!(packed.inspection().interfaces, [Interface::PackedRecordHandler]);
    assert_eq!(list.inspection().interfaces, [Interface::RecordHandler]);
    let batch = batch(&["one", "", "three ünïcode"]);
    let outcome = packed.handle(&batch).await.unwrap();
    let emitted: Vec<_> =
        outcome.emits.iter().map(|emit| (&emit.data[..], emit.partition_key.as_deref().unwrap())).collect();
    let expected = [(&b"one"[..], "key-0"), (b"", "key-1"), ("three ünïcode".as_bytes(), "key-2")];
    assert_eq!(emitted, expected);
    assert_eq!(outcome.emits, list.handle(&batch).await.unwrap().emits);
}

#[tokio::test]
async fn part_of_a_batch_is_given_with_its_own_bytes_alone() {
    let handler = load("pass_through").await;
    let retry = batch(&["a", "bb", "ccc"]).part(&[2, 0], 2);
    let outcome = handler.handle(&retry).await.unwrap();
    let emitted: Vec<_> = outcome.emits.iter().map(|emit| &emit.data[..]).collect();
    assert_eq!(emitted, [&b"ccc"[..], b"a"]);
}

#[tokio::test]
async fn a_guest_that_makes_checkpoints_covers_what_it_emitted_and_is_asked_for_the_rest() {
    let handler = load_with("gather", settings(&[("many", "2")])).await;
    let said = async |batch: Batch| {
        let outcome = handler.handle(&batch).await.unwrap();
        let emits: Vec<_> = outcome.emits.iter().map(|emit| emit.data.clone()).collect();
        (emits, outcome.checkpoint)
    };
    assert_eq!(said(batch(&["1"])).await, (vec![], None));
    assert_eq!(said(batch(&["2", "3", "4", "5"])).await, (vec!["[1,2]".into(), "[3,4]".into()], Some(3)));
    assert_eq!(said(batch(&[])).await, (vec!["[5]".into()], Some(0)));
}

#[tokio::test]
async fn each_lane_of_a_shard_has_an_instance_of_its_own_and_so_has_each_stream() {
    let handler = load_with("gather", settings(&[("many", "2")])).await;
    let whole = batch(&["1", "2", "3"]);
    let info = BatchInfo { stream: "other".into(), ..whole.info.clone() };
    let elsewhere = Batch::new(info, whole.documents().pick(&[2]));
    for alone in [whole.lane(0, &[0]), whole.lane(1, &[1]), elsewhere] {
        assert_eq!(handler.handle(&alone).await.unwrap().emits, []);
    }
    let outcome = handler.handle(&whole.lane(1, &[2])).await.unwrap();
    assert_eq!(outcome.emits[0].data, "[2,3]");
}

#[tokio::test]
async fn documents_that_match_are_enriched_and_the_broken_are_given_up() {
    let handler =
        load_with("filter_enrich", settings(&[("where-field", "kind"), ("where-equals", "sale")])).await;
    let whole = batch(&["{}", r#"{"kind":"sale","n":1}"#, r#"{"kind":"view"}"#, "no json", r#"{"n":2}"#]);
    let outcome = handler.handle(&whole.part(&[1, 2, 3, 4], 2)).await.unwrap();
    assert_eq!(outcome.emits.len(), 1);
    let expected = concat!(
        r#"{"kind":"sale","n":1,"#,
        r#""source":{"arrival-millis":1700000000001,"sequence-number":"101","shard":"shardId-000000000000"}}"#
    );
    assert_eq!(std::str::from_utf8(&outcome.emits[0].data), Ok(expected));
    assert_eq!(outcome.emits[0].partition_key.as_deref(), Some("key-1"));
    let [Failure { index: 2, disposition: Disposition::DeadLetter(reason) }] = &outcome.failures[..] else {
        panic!("{:?}", outcome.failures)
    };
    assert!(reason.starts_with("not a JSON object: expected"), "{reason}");
}

#[tokio::test]
async fn words_are_counted_in_each_batch_from_nothing() {
    let handler = load_with("word_count", settings(&[("field", "/text")])).await;
    for _ in 0..2 {
        let outcome = handler.handle(&batch(&[r#"{"text":"The tide, the mill"}"#, r#"{}"#])).await.unwrap();
        let keys: Vec<_> = outcome.emits.iter().map(|emit| emit.partition_key.as_deref().unwrap()).collect();
        assert_eq!(keys, ["mill", "the", "tide"]);
        let the = r#"{"count":2,"first":"100","last":"101","shard":"shardId-000000000000","word":"the"}"#;
        assert_eq!(std::str::from_utf8(&outcome.emits[1].data), Ok(the));
        assert_eq!(outcome.failures.len(), 1);
    }
}

#[tokio::test]
async fn a_guest_that_refuses_its_settings_says_so_and_lives() {
    let handler = load_with("word_count", settings(&[("field", "text")])).await;
    for _ in 0..2 {
        let error = handler.handle(&batch(&["x"])).await.unwrap_err();
        assert_eq!(error.kind, HandlerErrorKind::Refused);
        assert_eq!(error.message, "field must be a JSON pointer, such as /text");
        assert_eq!(error.handler, handler.label().to_string());
        assert!(!error.is_retryable());
    }
}

#[tokio::test]
async fn a_closed_shard_leaves_the_others_alone() {
    let handler = load("pass_through").await;
    let (first, second) =
        (batch_of("shardId-000000000001", &["a"]), batch_of("shardId-000000000002", &["b"]));
    handler.handle(&first).await.unwrap();
    handler.handle(&second).await.unwrap();
    handler.shard_closed(&first.info.stream, &first.info.shard, Closed::Left).await;
    assert_eq!(&handler.handle(&second).await.unwrap().emits[0].data[..], b"b");
    assert_eq!(&handler.handle(&first).await.unwrap().emits[0].data[..], b"a");
}

/// A record of the KPL with one user record: partition key, explicit hash key, tag and data, as `host/processors` reads
/// them.
#[tokio::test]
async fn a_guest_may_ask_what_a_record_was_put_with() {
    let message = b"\x0a\x01k\x12\x0242\x1a\x11\x08\x00\x10\x00\x1a\x03doc\x22\x06\x0a\x01t\x12\x01v";
    let data = [&b"\xf3\x89\x9a\xc2"[..], message, &Md5::digest(message)].concat();
    let record = Record {
        sequence: "7".to_owned().try_into().unwrap(),
        partition_key: "outer".into(),
        data: data.into(),
        arrival: UnixMillis(0),
    };
    let processor = NativeProcessor::named("kpl-string").unwrap();
    let decoded = processor.decode(&[record], HashCheck::default()).await.unwrap();
    let info = batch(&[]).info;
    let outcome = load("origins").await.handle(&Batch::new(info, decoded.documents)).await.unwrap();
    assert_eq!(outcome.emits[0].data, "key=k hash-key=42 sequence=7.0 t=v");
}
