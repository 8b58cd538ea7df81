//! Splits, merges, UpdateShardCount: lineage, order, coverage.

use super::*;
use crate::kinesis::Shard;

fn shards(model: &Model) -> Vec<Shard> {
    model.describe_stream("s", None, None).unwrap().shards
}

/// Everything on a shard, and its children once it ended.
fn drain(model: &Model, shard: &Shard) -> (Vec<String>, Vec<String>) {
    let read = read_from(model, shard.id.as_str(), &Position::TrimHorizon).unwrap();
    assert_eq!(read.next.is_none(), shard.ending_sequence.is_some(), "only closed shards end");
    (texts(&read), read.children.iter().map(|child| child.id.to_string()).collect())
}

#[tokio::test(start_paused = true)]
async fn a_split_closes_the_parent_and_its_last_read_names_the_children() {
    let kinesis = with_stream(1, Settings::default());
    let model = kinesis.model();
    let before = put_at(model, "before", 0);
    model.split_shard("s", FIRST, HashKey(1 << 127)).unwrap();
    let (low, high) = (put_at(model, "low", (1 << 127) - 1), put_at(model, "high", 1 << 127));
    assert_eq!((low.shard.as_str(), high.shard.as_str()), ("shardId-000000000001", "shardId-000000000002"));
    assert!(before.number < low.number, "a child's numbers are greater than its parent's");
    let shards = shards(model);
    let ended = shards[0].ending_sequence.clone().unwrap();
    assert!(ended > before.number.into() && ended < shards[1].starting_sequence);
    let children = vec!["shardId-000000000001".to_owned(), "shardId-000000000002".to_owned()];
    assert_eq!(drain(model, &shards[0]), (vec!["before".to_owned()], children));
    assert_eq!(drain(model, &shards[2]), (vec!["high".to_owned()], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_merge_has_both_parents_in_the_order_asked() {
    let kinesis = with_stream(2, Settings::default());
    let model = kinesis.model();
    model.merge_shards("s", "shardId-000000000001", FIRST).unwrap();
    let shards = shards(model);
    let parents = (shards[2].parent.clone().unwrap(), shards[2].adjacent_parent.clone().unwrap());
    assert_eq!((parents.0.as_str(), parents.1.as_str()), ("shardId-000000000001", FIRST));
    for parent in &shards[..2] {
        assert_eq!(drain(model, parent).1, ["shardId-000000000002"]);
    }
    let read = read_from(model, FIRST, &Position::TrimHorizon).unwrap();
    assert_eq!(read.children[0].parents.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_resharded_is_refused_and_changes_nothing() {
    let kinesis = with_stream(3, Settings::default());
    let model = kinesis.model();
    let split = |shard, at| model.split_shard("s", shard, HashKey(at)).unwrap_err().code;
    assert_eq!(split(FIRST, 0), "InvalidArgumentException");
    assert_eq!(split(FIRST, 1), "InvalidArgumentException");
    assert_eq!(split(FIRST, u128::MAX), "InvalidArgumentException");
    assert_eq!(split("shardId-000000000003", 9), "ResourceNotFoundException");
    let merge = |one, other| model.merge_shards("s", one, other).unwrap_err().code;
    assert_eq!(merge(FIRST, FIRST), "InvalidArgumentException");
    assert_eq!(merge(FIRST, "shardId-000000000002"), "InvalidArgumentException");
    let count = |target| model.update_shard_count("s", target).unwrap_err().code;
    assert_eq!(count(7), "InvalidArgumentException");
    assert_eq!(count(1), "InvalidArgumentException");
    assert_eq!(count(0), "ValidationException");
    assert_eq!(shards(model).len(), 3);
    model.split_shard("s", FIRST, HashKey(1 << 100)).unwrap();
    assert_eq!(split(FIRST, 1 << 99), "InvalidArgumentException", "the shard is closed");
    model.update_stream_mode("s", true).unwrap();
    assert_eq!(split("shardId-000000000003", 1 << 99), "ValidationException", "the stream is on demand");
}

#[tokio::test(start_paused = true)]
async fn any_change_of_the_count_tiles_keeps_lineage_and_loses_no_record() {
    for (from, to) in [(1, 2), (2, 1), (2, 3), (3, 2), (3, 5), (4, 4), (5, 10), (7, 4), (7, 13), (16, 9)] {
        let kinesis = with_stream(from, Settings::default());
        let model = kinesis.model();
        for n in 0..200_u128 {
            put_at(model, &n.to_string(), n * (u128::MAX / 200));
        }
        let done = model.update_shard_count("s", to).unwrap();
        assert_eq!((done.current, done.target), (from, to));
        let shards = shards(model);
        let mut open: Vec<_> = shards.iter().filter(|shard| shard.ending_sequence.is_none()).collect();
        open.sort_by_key(|shard| shard.range.start);
        assert_eq!(open.len(), to as usize, "{from} to {to}");
        assert_eq!((open[0].range.start, open[open.len() - 1].range.end), (HashKey(0), HashKey::MAX));
        for pair in open.windows(2) {
            assert_eq!(pair[0].range.end.0 + 1, pair[1].range.start.0, "{from} to {to}");
        }
        let widths = open.iter().map(|shard| shard.range.end.0 - shard.range.start.0);
        assert!(widths.clone().max().unwrap() - widths.min().unwrap() <= 1, "{from} to {to}");
        for shard in &shards[from as usize..] {
            let parent = shard.parent.as_ref().expect("every new shard has a parent");
            let parent = shards.iter().find(|other| other.id == *parent).unwrap();
            assert!(shard.starting_sequence > parent.ending_sequence.clone().unwrap());
        }
        let records: usize = shards.iter().map(|shard| drain(model, shard).0.len()).sum();
        assert_eq!(records, 200, "{from} to {to}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_closed_shard_vanishes_when_its_records_are_too_old() {
    let kinesis = with_stream(1, Settings { retention: Duration::from_secs(60), ..Settings::default() });
    let model = kinesis.model();
    model.split_shard("s", FIRST, HashKey(1 << 127)).unwrap();
    pass(60_000).await;
    assert_eq!(shards(model).len(), 3);
    pass(1).await;
    let left: Vec<_> = shards(model).iter().map(|shard| shard.id.to_string()).collect();
    assert_eq!(left, ["shardId-000000000001", "shardId-000000000002"]);
}
