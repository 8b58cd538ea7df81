//! What happens to the source from outside: documents are put on it all along, and its shards are split and merged.

use std::{sync::Arc, time::Duration};

use fastrand::Rng;
use tokio::time::{Instant, sleep};

use super::{
    ledger,
    scenario::{OPEN_SHARDS, millis},
    world::World,
};
use crate::{
    hash::HashKey,
    kinesis::{Kinesis, Shard},
    processor::{Document, Encoded, HashCheck, Processor},
    record::{Entry, Placed, Record},
    time::UnixMillis,
};

/// Documents of one key in one put.
const DOCUMENTS: usize = 4;
/// A key has documents in one put of so many.
const KEYS_ONE_IN: usize = 3;
/// Entries of the processor are as large as this at the most, in bytes: an aggregate holds all of a key's documents.
const ENTRY_BYTES: usize = 1 << 10;

/// Puts documents on the source until a moment.
pub(super) async fn put(world: Arc<World>, mut random: Rng, until: Instant) {
    while Instant::now() < until {
        for key in 0..world.scenario.keys {
            if random.usize(..KEYS_ONE_IN) == 0 {
                let count = random.usize(1..=DOCUMENTS);
                put_key(&world, key, count).await;
            }
        }
        let pause = millis(&mut random, 1..longest(world.scenario.put_pause));
        sleep(pause).await;
    }
}

/// Puts the next documents of a key, one entry at a time, so that their order is certain.
async fn put_key(world: &World, key: usize, count: usize) {
    let first = world.ledger().next_number(key);
    let documents: Vec<Document> = (first..first + count)
        .map(|number| Document::keyed(ledger::partition_key(key), ledger::text(key, number)))
        .collect();
    let encoded = world.source_processor.encode(&documents, ENTRY_BYTES).await;
    for part in encoded.unwrap_or_default() {
        let Encoded::Entry { data, partition_key, explicit_hash_key, .. } = part else { continue };
        let partition_key = partition_key.unwrap_or_else(|| ledger::partition_key(key).into());
        // Whatever the aggregator says, documents of a key go where the key belongs.
        let explicit_hash_key = explicit_hash_key.or(Some(HashKey::of(&ledger::partition_key(key))));
        let entry = Entry { data, partition_key, explicit_hash_key };
        while !put_entry(world, &entry).await {
            sleep(Duration::from_millis(200)).await;
        }
    }
}

/// Puts one entry. Answers whether the service took it.
async fn put_entry(world: &World, entry: &Entry) -> bool {
    let results = world.kinesis.put_records(&world.source, std::slice::from_ref(entry)).await;
    let Ok(Some(Ok(placed))) = results.map(|results| results.into_iter().next()) else { return false };
    take_down(world, entry, placed).await;
    true
}

/// Takes down which documents an entry holds, as the processor of the application will see them.
async fn take_down(world: &World, entry: &Entry, placed: Placed) {
    let record = Record {
        sequence: placed.sequence,
        partition_key: entry.partition_key.clone(),
        data: entry.data.clone(),
        arrival: UnixMillis(0),
    };
    let decoded = world.source_processor.decode(std::slice::from_ref(&record), HashCheck::default()).await;
    let Ok(decoded) = decoded else { return };
    let is_owed = world.owes(&placed.shard).await;
    let now = world.millis();
    for (position, at) in decoded.documents.index().iter().enumerate() {
        let Some((key, number)) = ledger::parse(decoded.documents.data(position)) else { continue };
        world.note(format_args!("{key}:{number} is put on {}", placed.shard));
        world.diary().counts.put += 1;
        world.ledger().put(key, &placed.shard, (record.sequence.clone(), at.sub_index), now, is_owed);
    }
}

/// Splits and merges shards of the source until a moment.
pub(super) async fn reshard(world: Arc<World>, mut random: Rng, until: Instant) {
    loop {
        let pause = millis(&mut random, 500..longest(world.scenario.reshard_pause).max(501));
        sleep(pause).await;
        if Instant::now() >= until {
            return;
        }
        let mut open = world.shards().await;
        open.retain(|shard| shard.ending_sequence.is_none());
        open.sort_by_key(|shard| shard.range.start);
        let merges = open.len() > 1 && (open.len() >= OPEN_SHARDS || random.bool());
        if merges { merge(&world, &open, &mut random) } else { split(&world, &open, &mut random) }
    }
}

fn split(world: &World, open: &[Shard], random: &mut Rng) {
    let Some(shard) = random.choice(open) else { return };
    let (start, end) = (shard.range.start.0, shard.range.end.0);
    let at = HashKey(start + (end - start) / 4 * random.u128(1..4));
    // Refused while an earlier change is under way.
    if world.kinesis.model().split_shard(world.source.name(), shard.id.as_str(), at).is_ok() {
        world.note(format_args!("{} is split", shard.id));
        world.diary().counts.splits += 1;
    }
}

fn merge(world: &World, open: &[Shard], random: &mut Rng) {
    let first = random.usize(..open.len() - 1);
    let (one, other) = (&open[first], &open[first + 1]);
    // The service names the first as the parent and the second as the adjacent parent.
    let (one, other) = if random.bool() { (one, other) } else { (other, one) };
    let merged = world.kinesis.model().merge_shards(world.source.name(), one.id.as_str(), other.id.as_str());
    if merged.is_ok() {
        world.note(format_args!("{} and {} are merged", one.id, other.id));
        world.diary().counts.merges += 1;
    }
}

fn longest(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
