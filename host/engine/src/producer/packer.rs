//! Turns documents into entries: lays those side by side that may share one, and has the processor encode them.

use std::{ops::Range, sync::Arc};

use bytestring::ByteString;
use tokio::time::Instant;

use super::{
    Ordering, ProducerCounters, ProducerSettings, PutError,
    counters::spend,
    grouping::{by_key, by_shard},
    groups::Member,
    keys::HashKeys,
    queue::{Encodable, Origin, Queued},
    shards::ShardMap,
};
use crate::{
    hash::HashKey,
    kinesis::is_valid_partition_key,
    limits,
    processor::{Document, Encoded, Processor, ProcessorError, Sharing},
    record::Entry,
};

/// What became of some of the documents.
#[derive(Debug)]
pub(super) enum Packed {
    /// They are in an entry.
    Entry(Queued),
    /// They can be in none.
    Refused(Origin, PutError),
}

/// Turns documents into entries.
#[derive(Debug)]
pub(super) struct Packer {
    processor: Arc<dyn Processor>,
    sharing: Sharing,
    ordering: Ordering,
    max_record_bytes: usize,
    keys: HashKeys,
    random: fastrand::Rng,
    lines: u64,
    counters: Arc<ProducerCounters>,
}

impl Packer {
    pub(super) fn new(
        settings: &ProducerSettings,
        processor: Arc<dyn Processor>,
        counters: Arc<ProducerCounters>,
    ) -> Self {
        Self {
            sharing: processor.sharing(),
            processor,
            ordering: settings.ordering,
            max_record_bytes: settings.max_record_bytes,
            keys: HashKeys::new(settings.seed),
            random: fastrand::Rng::with_seed(settings.seed),
            lines: 0,
            counters,
        }
    }

    pub(super) fn sharing(&self) -> Sharing {
        self.sharing
    }

    /// Packs documents, in order. Under [`Sharing::PerShard`] only those share an entry that the map has in one
    /// shard; without a map each has its own.
    pub(super) async fn pack(
        &mut self,
        mut documents: Vec<Document>,
        members: Vec<Member>,
        map: Option<&ShardMap>,
    ) -> Vec<Packed> {
        let begun = Instant::now();
        let mut packed = Vec::new();
        match (self.sharing, map) {
            (Sharing::Alone, _) => {
                self.encode(Encodable { documents, members }, map, &mut packed).await;
            }
            (Sharing::PerKey, _) => {
                let (documents, members) = by_key(documents, &members);
                spend(&self.counters.grouping_nanos, begun);
                self.encode(Encodable { documents, members }, map, &mut packed).await;
            }
            (Sharing::PerShard, None) => {
                self.give_keys(&mut documents);
                for (document, member) in documents.into_iter().zip(members) {
                    let alone = Encodable { documents: vec![document], members: vec![member] };
                    self.encode(alone, None, &mut packed).await;
                }
            }
            (Sharing::PerShard, Some(map)) => {
                self.give_keys(&mut documents);
                let runs = by_shard(documents, members, map, &mut self.keys);
                spend(&self.counters.grouping_nanos, begun);
                for (shard, run) in runs {
                    self.encode_for(shard, run, map, &mut packed).await;
                }
            }
        }
        packed
    }

    /// Encodes documents that share by their keys, or not at all. Where they are to share by their shards and the
    /// shards are not known yet, they stay in memory: once the shards are known they go by them, in their order.
    async fn encode(&mut self, mut run: Encodable, map: Option<&ShardMap>, packed: &mut Vec<Packed>) {
        let encoded = self.call(&run.documents).await;
        if self.sharing != Sharing::PerShard {
            run.documents = Vec::new();
        }
        self.collect(run, encoded, packed, |packer, entry, _| {
            let of_key = packer.keys.of(&entry.partition_key);
            let hash = entry.explicit_hash_key.unwrap_or(of_key);
            let line = match packer.ordering {
                // Two keys that share a line by chance wait for each other, which is slower and not wrong.
                Ordering::PerKey => low_half(of_key),
                Ordering::Relaxed => packer.own_line(),
            };
            (hash, map.map_or(0, |map| map.predict(hash)), line)
        });
    }

    /// Encodes documents of one shard, which stay in memory: they may have to be encoded again for another one.
    async fn encode_for(&mut self, shard: usize, run: Encodable, map: &ShardMap, packed: &mut Vec<Packed>) {
        let encoded = self.call(&run.documents).await;
        self.collect(run, encoded, packed, |packer, entry, first| {
            let mut hash = entry.hash_key();
            if map.predict(hash) != shard {
                hash = packer.hash_of(first);
                entry.explicit_hash_key = Some(hash);
            }
            let line = match packer.ordering {
                Ordering::PerKey => shard as u64,
                Ordering::Relaxed => packer.own_line(),
            };
            (hash, shard, line)
        });
    }

    async fn call(&self, documents: &[Document]) -> Result<Vec<Encoded>, ProcessorError> {
        let begun = Instant::now();
        let encoded = self.processor.encode(documents, self.max_record_bytes).await;
        spend(&self.counters.encoding_nanos, begun);
        encoded
    }

    fn collect(
        &mut self,
        run: Encodable,
        encoded: Result<Vec<Encoded>, ProcessorError>,
        packed: &mut Vec<Packed>,
        mut place: impl FnMut(&mut Self, &mut Entry, Option<&Document>) -> (HashKey, usize, u64),
    ) {
        let count = run.members.len();
        let run = Arc::new(run);
        let origin = |range: Range<usize>| Origin::Put { run: Arc::clone(&run), range };
        let encoded = match encoded {
            Ok(encoded) => encoded,
            Err(error) => {
                let error = PutError::Refused(error.to_string());
                return packed.push(Packed::Refused(origin(0..count), error));
            }
        };
        for part in encoded {
            packed.push(match part {
                Encoded::Refused { document, reason } => {
                    Packed::Refused(origin(document..document + 1), PutError::Refused(reason))
                }
                Encoded::Entry { data, partition_key, explicit_hash_key, documents } => {
                    let partition_key = partition_key.unwrap_or_else(|| self.spread_key());
                    let mut entry = Entry { data, partition_key, explicit_hash_key };
                    if let Some(reason) = refusal(&entry, self.max_record_bytes) {
                        Packed::Refused(origin(documents), PutError::Refused(reason))
                    } else {
                        let first = run.documents.get(documents.start);
                        let (hash, shard, line) = place(self, &mut entry, first);
                        Packed::Entry(Queued::new(entry, origin(documents), hash, shard, line))
                    }
                }
            });
        }
    }

    /// An entry of the spool, on its way again.
    pub(super) fn again(&mut self, entry: Entry, origin: Origin, map: Option<&ShardMap>) -> Queued {
        let of_key = self.keys.of(&entry.partition_key);
        let hash = entry.explicit_hash_key.unwrap_or(of_key);
        Queued::new(entry, origin, hash, map.map_or(0, |map| map.predict(hash)), low_half(of_key))
    }

    /// Whether all documents of an entry belong to this shard.
    pub(super) fn all_belong(&mut self, origin: &Origin, shard: usize, map: &ShardMap) -> bool {
        origin.documents().iter().all(|document| map.predict(self.hash_of(Some(document))) == shard)
    }

    fn hash_of(&mut self, document: Option<&Document>) -> HashKey {
        let of_key = |key: &ByteString| self.keys.of(key);
        document
            .and_then(|document| {
                document.explicit_hash_key.or_else(|| document.partition_key.as_ref().map(of_key))
            })
            .unwrap_or(HashKey(0))
    }

    /// Gives every document a key: one to as many without as will fill an entry, because each key in an entry takes
    /// room in it.
    fn give_keys(&mut self, documents: &mut [Document]) {
        let mut given: Option<(ByteString, usize)> = None;
        for document in documents.iter_mut().filter(|document| document.partition_key.is_none()) {
            let size = document.data.len();
            let (key, room) = match given.take() {
                Some((key, room)) if room >= size => (key, room),
                _ => (self.spread_key(), self.max_record_bytes.max(size)),
            };
            document.partition_key = Some(key.clone());
            given = Some((key, room - size));
        }
    }

    /// A partition key that says nothing: documents without one are spread over all shards.
    fn spread_key(&mut self) -> ByteString {
        format!("{:0width$x}", self.random.u64(..), width = limits::SPREAD_KEY_BYTES).into()
    }

    fn own_line(&mut self) -> u64 {
        self.lines += 1;
        self.lines
    }
}

/// One entry for each document, so that none depends on the shards as they are now.
pub(super) async fn singly(
    processor: &dyn Processor,
    documents: &[Document],
    max_record_bytes: usize,
) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::with_capacity(documents.len());
    for document in documents {
        let alone = processor.encode(std::slice::from_ref(document), max_record_bytes).await;
        match alone.map_err(|error| error.to_string())?.pop() {
            Some(Encoded::Entry { data, partition_key, explicit_hash_key, .. }) => {
                let partition_key = partition_key.or_else(|| document.partition_key.clone());
                let partition_key = partition_key.ok_or("the document has no partition key")?;
                entries.push(Entry { data, partition_key, explicit_hash_key });
            }
            Some(Encoded::Refused { reason, .. }) => return Err(reason),
            None => return Err("the processor made nothing of a document".to_owned()),
        }
    }
    Ok(entries)
}

/// Why the service would refuse an entry; a request with it would be refused as a whole.
fn refusal(entry: &Entry, max_record_bytes: usize) -> Option<String> {
    if !is_valid_partition_key(&entry.partition_key) {
        let longest = limits::PARTITION_KEY_CHARS;
        return Some(format!("a partition key has 1 to {longest} characters, got={:?}", entry.partition_key));
    }
    let size = entry.size();
    (size > max_record_bytes).then(|| {
        format!(
            "data and partition key are larger than the stream takes, bytes={size} limit={max_record_bytes}"
        )
    })
}

fn low_half(key: HashKey) -> u64 {
    key.0 as u64
}
