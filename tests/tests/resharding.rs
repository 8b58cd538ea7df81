//! A stream whose shards are split and merged while a host reads it, on an emulator that was not written here.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::json;
use tidemill_backends::leases::file::FileLeases;
use tidemill_engine::{
    kinesis::{Kinesis, Position, Shard, ShardFilter, list_all_shards},
    lease::{Checkpoint, Lease, LeaseStore},
    limits,
    record::{Entry, Record, ShardId},
    stream::StreamRef,
};

use crate::harness::{
    numbered::{CameOut, Numbered, Numbers},
    place::{Pipeline, Place},
    servers::KinesisLocal,
    streams::{lines, records},
    until,
};

/// Partition keys: enough that every shard has some of them.
const KEYS: u32 = 24;
/// Documents under each key before and after each change of the shards.
const ROUNDS: u32 = 6;
/// Small batches, so that a kill finds a host in the middle of something.
const SMALL_BATCHES: &str = "batch-records = 10";

/// A stream on kinesis-local, and what was put onto it.
struct Resharding {
    place: Place,
    local: KinesisLocal,
    settings: PathBuf,
    put: Numbers,
}

#[tokio::test]
async fn i3_nothing_is_lost_or_reordered_while_another_emulator_splits_and_merges() {
    let Some(local) = KinesisLocal::start().await else { return };
    let mut resharding = Resharding::begin(local).await;
    let host = resharding.place.run(&resharding.settings).await;
    resharding.split_a_shard().await;
    resharding.merge_two_shards().await;
    resharding.more_came_out_than(0).await;
    resharding.scale_to(6).await;

    let ended = host.terminate().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    resharding.leases_are_in_order().await;
    let stopped_at = resharding.came_out().await;
    assert_eq!(stopped_at.doubled().count(), 0, "something came out twice before anything was killed");

    let host = resharding.place.run(&resharding.settings).await;
    resharding.scale_to(3).await;
    resharding.more_came_out_than(stopped_at.count()).await;
    host.kill().await;
    let done = resharding.done_for_good().await;

    let host = resharding.place.run(&resharding.settings).await;
    resharding.put_rounds().await;
    let count = resharding.put.count();
    until("every document came out", async || (resharding.came_out().await.count() >= count).then_some(()))
        .await;
    let ended = host.terminate().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    resharding.leases_are_in_order().await;
    resharding.every_closed_shard_ended().await;
    let came_out = resharding.came_out().await;
    println!(
        "{count} documents through a split, a merge and two changes of the shard count; {} came out twice after a kill",
        came_out.doubled().count()
    );
    assert_eq!(came_out.count(), count, "something came out that nobody put");
    let again = came_out.doubled().find(|(document, _)| done.contains(document));
    assert_eq!(again, None, "it lay behind a checkpoint and was handled again");
}

#[tokio::test]
async fn a_closed_shard_ends_without_an_iterator_and_names_its_children() {
    let Some(local) = KinesisLocal::start().await else { return };
    let resharding = &mut Resharding::begin(local).await;
    resharding.split_a_shard().await;
    let (kinesis, stream) = (resharding.local.kinesis(), source());
    let shards = list_all_shards(kinesis, &stream, ShardFilter::All).await.expect("the stream exists");
    let closed = shards.iter().find(|shard| shard.ending_sequence.is_some()).expect("one was split");
    let children: Vec<_> = shards.iter().filter(|shard| shard.parent.as_ref() == Some(&closed.id)).collect();
    assert_eq!(children.len(), 2);

    let iterator = kinesis.get_shard_iterator(&stream, &closed.id, &Position::TrimHorizon).await;
    let mut next = Some(iterator.expect("the shard is still kept"));
    let mut named = Vec::new();
    while let Some(iterator) = next {
        let fetch = kinesis.get_records(&stream, &iterator, limits::GET_RECORDS_RECORDS).await;
        let fetch = fetch.expect("the iterator is fresh");
        (next, named) = (fetch.next, fetch.children);
    }
    named.sort_by(|a, b| a.id.cmp(&b.id));
    let ids = |shards: Vec<&ShardId>| shards.into_iter().cloned().collect::<Vec<_>>();
    assert_eq!(
        ids(named.iter().map(|child| &child.id).collect()),
        ids(children.iter().map(|child| &child.id).collect())
    );
    assert!(named.iter().all(|child| child.parents == [closed.id.clone()]), "children={named:?}");
}

impl Resharding {
    async fn begin(local: KinesisLocal) -> Self {
        let place = Place::new();
        local.create(&source(), 3).await;
        let pipeline = Pipeline { handler: SMALL_BATCHES, ..Pipeline::new("numbers", "pass_through") };
        let settings = place.settings(&local.url(), &[pipeline]);
        Self { place, local, settings, put: Numbers::of(KEYS) }
    }

    async fn split_a_shard(&mut self) {
        let widest =
            self.open_shards().await.into_iter().max_by_key(|shard| shard.range.end.0 - shard.range.start.0);
        let Shard { id, range, .. } = widest.expect("some shards are open");
        let middle = range.start.0 + (range.end.0 - range.start.0) / 2;
        let asked = json!({"ShardToSplit": id.as_str(), "NewStartingHashKey": middle.to_string()});
        self.reshard("SplitShard", asked).await;
    }

    /// Merges the first two, which lie side by side and need not be siblings.
    async fn merge_two_shards(&mut self) {
        let shards = self.open_shards().await;
        let asked = json!({
            "ShardToMerge": shards[0].id.as_str(),
            "AdjacentShardToMerge": shards[1].id.as_str(),
        });
        self.reshard("MergeShards", asked).await;
    }

    async fn scale_to(&mut self, count: u32) {
        let asked = json!({"TargetShardCount": count, "ScalingType": "UNIFORM_SCALING"});
        self.reshard("UpdateShardCount", asked).await;
        assert_eq!(self.open_shards().await.len(), count as usize);
    }

    /// Changes the shards with documents on the stream before and after.
    async fn reshard(&mut self, operation: &str, asked: serde_json::Value) {
        self.put_rounds().await;
        self.local.reshard(operation, &source(), asked).await;
        self.put_rounds().await;
    }

    async fn put_rounds(&mut self) {
        for _ in 0..ROUNDS {
            let entry = |document: Numbered| Entry {
                data: format!("{document}\n").into(),
                partition_key: document.partition_key().into(),
                explicit_hash_key: None,
            };
            let entries: Vec<Entry> = self.put.next_round().into_iter().map(entry).collect();
            let placed = self.local.kinesis().put_records(&source(), &entries).await;
            assert!(placed.expect("it takes records").iter().all(Result::is_ok), "an entry was refused");
        }
    }

    /// By their hash keys.
    async fn open_shards(&self) -> Vec<Shard> {
        let shards = list_all_shards(self.local.kinesis(), &source(), ShardFilter::AtLatest).await;
        let mut shards = shards.expect("the stream exists");
        shards.sort_by_key(|shard| shard.range.start);
        shards
    }

    async fn more_came_out_than(&self, count: usize) {
        until(&format!("more than {count} documents came out"), async || {
            (self.came_out().await.count() > count).then_some(())
        })
        .await;
    }

    async fn came_out(&self) -> CameOut {
        let sink = records(self.local.kinesis(), &"numbers-out".parse().expect("it is a name")).await;
        sink.values().flatten().flat_map(lines).map(|line| Numbered::read(&line)).collect()
    }

    /// The leases, while no host has their file.
    async fn leases(&self) -> BTreeMap<ShardId, Lease> {
        let file =
            FileLeases::open(&self.place.path().join("tidemill.redb"), "test").expect("the file is whole");
        let leases = file.of_application("test/numbers").list().await.expect("the file is whole");
        leases.into_iter().map(|lease| (lease.key.shard.clone(), lease)).collect()
    }

    /// No shard was begun before all of its parents were at their end.
    async fn leases_are_in_order(&self) {
        let leases = self.leases().await;
        for lease in leases.values().filter(|lease| lease.checkpoint != Checkpoint::TrimHorizon) {
            for parent in &lease.parents {
                assert_eq!(
                    leases[parent].checkpoint,
                    Checkpoint::ShardEnd,
                    "{} was begun too early",
                    lease.key
                );
            }
        }
    }

    async fn every_closed_shard_ended(&self) {
        let leases = self.leases().await;
        let shards = list_all_shards(self.local.kinesis(), &source(), ShardFilter::All).await;
        for shard in shards.expect("the stream exists") {
            let lease = &leases[&shard.id];
            let is_at_its_end = lease.checkpoint == Checkpoint::ShardEnd;
            assert_eq!(is_at_its_end, shard.ending_sequence.is_some(), "{}: {}", lease.key, lease.checkpoint);
            let parents: Vec<_> = shard.parent.into_iter().chain(shard.adjacent_parent).collect();
            assert!(
                parents.iter().all(|parent| lease.parents.contains(parent)),
                "{} has parents={parents:?}",
                lease.key
            );
        }
    }

    /// The documents that checkpoints cover.
    async fn done_for_good(&self) -> Vec<Numbered> {
        let (leases, records) = (self.leases().await, records(self.local.kinesis(), &source()).await);
        let covered = records.iter().flat_map(|(shard, records)| {
            match leases.get(shard).map(|lease| &lease.checkpoint) {
                Some(Checkpoint::ShardEnd) => &records[..],
                Some(Checkpoint::At { sequence, .. }) => &records[..place_of(records, sequence) + 1],
                _ => &[],
            }
        });
        covered.flat_map(lines).map(|line| Numbered::read(&line)).collect()
    }
}

fn place_of(records: &[Record], sequence: &tidemill_engine::sequence::SequenceNumber) -> usize {
    records.iter().position(|record| record.sequence == *sequence).expect("a checkpoint is at a record")
}

fn source() -> StreamRef {
    "numbers".parse().expect("it is a name")
}
