//! Over from async-kinesis in the middle of a stream, and back again: the library itself reads before and after.

use std::collections::BTreeMap;

use tidemill_backends::redis::Redis;

use super::world::{World, number, times, unique};
use crate::harness::{python, servers};

const SCRIPT: &str = "async_kinesis_checkpoints.py";

/// Where async-kinesis keeps its checkpoints: as its script is told, and as `tidemill checkpoints` is.
struct Peer<'a> {
    store: &'a str,
    dialect: &'a str,
    at: &'a str,
    flags: &'a [&'a str],
}

impl Peer<'_> {
    /// What async-kinesis reads by its checkpoints; none without Python.
    async fn read(&self, world: &World, name: &str, count: usize) -> Option<BTreeMap<u64, u32>> {
        let count = count.to_string();
        let arguments = [self.store, name, self.at, world.streams.url(), "numbers", &count];
        let printed = python::script(&world.place, SCRIPT, &arguments).await?;
        let mut counts = BTreeMap::new();
        for document in printed.lines() {
            *counts.entry(number(document)).or_default() += 1;
        }
        Some(counts)
    }

    /// async-kinesis reads 0 to 99, tidemill 100 to 199, async-kinesis 200 to 299; and each reads no more than that.
    async fn there_and_back(&self) {
        let (world, name) = (World::new("").await, unique("peer"));
        world.put(0..100).await;
        let Some(read) = self.read(&world, &name, 100).await else { return };
        assert_eq!(read, times(0..100, 1));

        world.put(100..200).await;
        let over = [&["import", "--from", self.dialect, "--name", &name], self.flags].concat();
        let told = world.done(&[&over[..], &["--dry-run"]].concat()).await;
        assert!(told.ends_with("2 would be written, 0 are there already\n"), "{told}");
        let told = world.done(&over).await;
        assert!(told.ends_with("2 written, 0 were there already\n"), "{told}");
        world.run_until(100).await;
        assert_eq!(world.counted().await, times(100..200, 1));

        world.put(200..300).await;
        let back = [&["export", "--to", self.dialect, "--name", &name], self.flags].concat();
        let told = world.done(&back).await;
        assert_eq!(told.matches("moved shardId-").count(), 2, "{told}");
        let read = self.read(&world, &name, 100).await.expect("Python is there");
        assert_eq!(read, times(200..300, 1));
    }

    /// An application that tidemill began is taken over by async-kinesis, which has no checkpoints yet.
    async fn onto_nothing(&self) {
        let (world, name) = (World::new("").await, unique("peer"));
        world.put(0..100).await;
        world.run_until(100).await;
        world.put(100..150).await;
        world.done(&[&["export", "--to", self.dialect, "--name", &name], self.flags].concat()).await;
        let Some(read) = self.read(&world, &name, 50).await else { return };
        assert_eq!(read, times(100..150, 1));
    }
}

#[tokio::test]
async fn an_application_moves_from_async_kinesis_on_redis_and_back() {
    let Some(redis) = servers::redis().await else { return };
    let url = redis.settings().urls[0].clone();
    let at = url.strip_prefix("redis://").expect("it has no password");
    let flags = ["--redis-url", &url];
    let peer = Peer { store: "redis", dialect: "async-kinesis-redis", at, flags: &flags };
    peer.there_and_back().await;
    peer.onto_nothing().await;
}

#[tokio::test]
async fn an_application_moves_from_async_kinesis_on_dynamodb_and_back() {
    let Some(dynamodb) = servers::dynamodb().await else { return };
    let url = dynamodb.url();
    let flags = ["--dynamodb-url", &url];
    let peer = Peer { store: "dynamodb", dialect: "async-kinesis-dynamodb", at: &url, flags: &flags };
    peer.there_and_back().await;
}

#[tokio::test]
async fn the_keys_of_the_streams_shards_are_found_on_every_node_of_a_cluster() {
    let Some(cluster) = servers::redis_cluster().await else { return };
    let (world, name, settings) = (World::new("").await, unique("peer"), cluster.settings());
    let redis = Redis::connect(&settings).await.expect("the cluster runs");
    world.put(0..100).await;
    for (shard, records) in world.streams.records("numbers").await {
        let (key, sequence) = (format!("pyredis-{name}-{shard}"), &records[9].sequence);
        let value = format!(r#"{{"ref": null, "ts": null, "sequence": "{sequence}"}}"#);
        redis.query::<()>(redis::cmd("SET").arg(key).arg(value)).await.expect("the cluster runs");
    }
    let flags = ["--name", &name, "--redis-cluster", "--redis-url", &settings.urls[0]];
    world.done(&[&["import", "--from", "async-kinesis-redis"], &flags[..]].concat()).await;
    world.run_until(80).await;
    assert_eq!(world.counted().await.len(), 80);

    let told = world.done(&[&["export", "--to", "async-kinesis-redis"], &flags[..]].concat()).await;
    assert_eq!(told.matches("moved shardId-").count(), 2, "{told}");
    for (shard, records) in world.streams.records("numbers").await {
        let command = format!("pyredis-{name}-{shard}");
        let value: String = redis.query(redis::cmd("GET").arg(command)).await.expect("the cluster runs");
        let sequence = &records.last().expect("it has records").sequence;
        assert_eq!(value, format!(r#"{{"ref": null, "ts": null, "sequence": "{sequence}"}}"#));
    }
}
