use aws_sdk_dynamodb::types::AttributeValue::{self, N, S, Ss};

use super::*;

fn item(attributes: &[(&str, AttributeValue)]) -> Item {
    attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// A lease as version 2 writes it.
fn version_2(key: &str, checkpoint: &str, sub_sequence: &str) -> Item {
    item(&[
        ("leaseKey", S(key.into())),
        ("leaseOwner", S("worker-1".into())),
        ("leaseCounter", N("317".into())),
        ("ownerSwitchesSinceCheckpoint", N("0".into())),
        ("checkpoint", S(checkpoint.into())),
        ("checkpointSubSequenceNumber", N(sub_sequence.into())),
        ("parentShardId", Ss(vec!["shardId-000000000000".into()])),
        ("childShardIds", Ss(vec!["shardId-000000000003".into(), "shardId-000000000004".into()])),
        ("startingHashKey", S("0".into())),
        ("endingHashKey", S("340282366920938463463374607431768211455".into())),
    ])
}

/// The same as version 3 writes it.
fn version_3(key: &str, checkpoint: &str, sub_sequence: &str) -> Item {
    let mut lease = version_2(key, checkpoint, sub_sequence);
    lease.remove("leaseOwner");
    lease.insert("throughputKBps".into(), N("12.5".into()));
    lease.insert("entityType".into(), S("LEASE".into()));
    lease
}

fn only(stream: &str, records: Records, item: Item) -> Row {
    let mut found = sort(stream, records, &[item]).unwrap();
    assert_eq!((found.rows.len(), found.passed_over.len()), (1, 0));
    found.rows.remove(0)
}

fn text(place: &Place) -> String {
    let Place::At(checkpoint) = place else { panic!("no checkpoint: {place:?}") };
    checkpoint.to_string()
}

#[test]
fn a_lease_of_version_2_is_read_with_its_holder() {
    let row = only("orders", Records::LikeKcl, version_2("shardId-000000000001", "4959", "3"));
    assert_eq!((row.shard.as_str(), text(&row.place)), ("shardId-000000000001", "4959:3".into()));
    assert_eq!(row.holder, Some(Holder { name: "worker-1".into(), sign: Sign::Counter(317) }));
}

#[test]
fn a_lease_of_version_3_is_read_and_its_throughput_may_have_a_fraction() {
    let row = only("orders", Records::LikeKcl, version_3("shardId-000000000001", "4959", "0"));
    assert_eq!((text(&row.place), row.holder), ("4959:0".into(), None));
}

#[test]
fn a_table_of_several_streams_gives_the_leases_of_the_one_that_is_meant() {
    let items = [
        version_3("123456789012:orders:1700000000:shardId-000000000000", "1", "0"),
        version_3("123456789012:orders-paid:1700000000:shardId-000000000000", "2", "0"),
    ];
    let found = sort("orders", Records::Otherwise, &items).unwrap();
    assert_eq!(found.rows.len(), 1);
    assert_eq!(
        (found.rows[0].shard.as_str(), text(&found.rows[0].place)),
        ("shardId-000000000000", "1".into())
    );
    let other = "of another stream: 123456789012:orders-paid:1700000000:shardId-000000000000";
    assert_eq!(found.passed_over, [other]);
}

#[test]
fn what_is_no_lease_is_passed_over_and_told() {
    let kinds = ["STREAM", "LEADER", "CLIENT_VERSION_MIGRATION", "TABLE_MIGRATION", "WORKER_METRIC_STATS"];
    let items = kinds.map(|kind| item(&[("leaseKey", S("x".into())), ("entityType", S(kind.into()))]));
    let found = sort("orders", Records::LikeKcl, &items).unwrap();
    assert_eq!(found.rows, []);
    assert_eq!(found.passed_over, kinds.map(|kind| format!("no lease but {kind}: x")));
}

#[test]
fn every_sentinel_has_its_place() {
    let place =
        |sentinel| only("orders", Records::LikeKcl, version_2("shardId-000000000001", sentinel, "0")).place;
    assert_eq!(place("TRIM_HORIZON"), Place::At(Checkpoint::TrimHorizon));
    assert_eq!(place("LATEST"), Place::At(Checkpoint::Latest));
    assert_eq!(place("SHARD_END"), Place::At(Checkpoint::ShardEnd));
    assert_eq!(place("AT_TIMESTAMP"), Place::Moment);
}

#[test]
fn sub_sequence_0_is_all_of_a_record_that_the_kcl_saw_as_one() {
    let place = |records, sub_sequence| {
        let row = row("shardId-000000000001", records, &version_2("", "4959", sub_sequence));
        row.map(|row| text(&row.place))
    };
    assert_eq!(place(Records::LikeKcl, "0").unwrap(), "4959:0");
    assert_eq!(place(Records::Unknown, "2").unwrap(), "4959:2");
    assert_eq!(place(Records::Otherwise, "0").unwrap(), "4959");
    assert!(place(Records::Otherwise, "2").unwrap_err().contains("does not take apart"));
}

#[test]
fn what_the_kcl_never_writes_is_refused_with_its_key() {
    let refusal = |item: Item| sort("orders", Records::LikeKcl, &[item]).unwrap_err().to_string();
    let mut lease = version_2("shardId-000000000001", "here", "0");
    assert!(refusal(lease.clone()).contains("at=shardId-000000000001: not a sequence number"));
    lease.remove("checkpoint");
    assert!(refusal(lease.clone()).ends_with("at=shardId-000000000001: it has no attribute checkpoint"));
    lease.remove("leaseKey");
    assert!(refusal(lease).ends_with("at=leaseKey: it has no attribute leaseKey"));
}
