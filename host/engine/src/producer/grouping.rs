//! Lays documents side by side that may share an entry, each key's in the order they came. Pure.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::{groups::Member, keys::HashKeys, queue::Encodable, shards::ShardMap};
use crate::{hash::HashKey, processor::Document};

/// Documents of one key side by side, so that an aggregator can pack them though other keys came in between. Keys come
/// in the order of their first documents.
pub(super) fn by_key(documents: Vec<Document>, members: &[Member]) -> (Vec<Document>, Vec<Member>) {
    let mut ranks: HashMap<Option<&str>, usize, FixedState> = HashMap::default();
    let rank_of_document: Vec<usize> = documents
        .iter()
        .map(|document| {
            let next = ranks.len();
            *ranks.entry(document.partition_key.as_deref()).or_insert(next)
        })
        .collect();
    let mut order: Vec<usize> = (0..documents.len()).collect();
    order.sort_by_key(|at| rank_of_document[*at]);
    let mut documents: Vec<Option<Document>> = documents.into_iter().map(Some).collect();
    let ordered = order.iter().filter_map(|at| documents[*at].take()).collect();
    (ordered, order.iter().map(|at| members[*at]).collect())
}

/// The documents of each shard that has any, by shard. Each has a partition key.
pub(super) fn by_shard(
    documents: Vec<Document>,
    members: Vec<Member>,
    map: &ShardMap,
    keys: &mut HashKeys,
) -> impl Iterator<Item = (usize, Encodable)> + use<> {
    let shard_of = |document: &Document| {
        let of_key = || document.partition_key.as_ref().map(|key| keys.of(key));
        map.predict(document.explicit_hash_key.or_else(of_key).unwrap_or(HashKey(0)))
    };
    let shards: Vec<usize> = documents.iter().map(shard_of).collect();
    let mut counts = vec![0; map.len()];
    shards.iter().for_each(|shard| counts[*shard] += 1);
    let empty =
        |count: usize| Encodable { documents: Vec::with_capacity(count), members: Vec::with_capacity(count) };
    let mut runs: Vec<Encodable> = counts.into_iter().map(empty).collect();
    for ((document, member), shard) in documents.into_iter().zip(members).zip(shards) {
        runs[shard].documents.push(document);
        runs[shard].members.push(member);
    }
    runs.into_iter().enumerate().filter(|(_, run)| !run.members.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixed(keys: &[&'static str]) -> (Vec<Document>, Vec<Member>) {
        let document = |(at, key): (usize, &&'static str)| Document {
            data: at.to_string().into(),
            partition_key: Some((*key).into()),
            explicit_hash_key: None,
        };
        let members = (0..).take(keys.len()).map(|index| Member { group: 7, index }).collect();
        (keys.iter().enumerate().map(document).collect(), members)
    }

    #[test]
    fn by_key_each_keys_documents_keep_their_order() {
        let (documents, members) = mixed(&["b", "a", "b", "a", "b"]);
        let (documents, members) = by_key(documents, &members);
        let data: Vec<_> = documents.iter().map(|document| document.data.clone()).collect();
        assert_eq!(data, ["0", "2", "4", "1", "3"]);
        let indexes: Vec<u32> = members.iter().map(|member| member.index).collect();
        assert_eq!(indexes, [0, 2, 4, 1, 3]);
    }

    #[test]
    fn by_shard_documents_are_where_their_hash_keys_are_and_keep_their_order() {
        let map = ShardMap::halves();
        let (mut documents, members) = mixed(&["b", "a", "b", "a", "b"]);
        documents[4].explicit_hash_key = Some(HashKey(u128::MAX));
        assert!(map.predict(HashKey::of("a")) == 0 && map.predict(HashKey::of("b")) == 1);
        let runs: Vec<_> = by_shard(documents, members, &map, &mut HashKeys::new(1))
            .map(|(shard, run)| {
                let data = run.documents.iter().map(|document| document.data.to_vec());
                (shard, data.collect::<Vec<_>>(), run.members.iter().map(|m| m.index).collect::<Vec<_>>())
            })
            .collect();
        let bytes = |data: &[&str]| data.iter().map(|data| data.as_bytes().to_vec()).collect::<Vec<_>>();
        assert_eq!(runs, [(0, bytes(&["1", "3"]), vec![1, 3]), (1, bytes(&["0", "2", "4"]), vec![0, 2, 4])]);
    }
}
