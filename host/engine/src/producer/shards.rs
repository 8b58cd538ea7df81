//! Which shard takes a record: the hash key ranges of the open shards, as they were when they were listed.

use std::collections::HashMap;

use crate::{hash::HashKey, kinesis::Shard, record::ShardId};

/// The open shards of a stream, in the order of their ranges. A shard is named by its place in that order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ShardMap {
    /// The highest hash key of each shard.
    ends: Vec<HashKey>,
    ids: Vec<ShardId>,
    places: HashMap<ShardId, usize>,
}

impl ShardMap {
    /// The map of a listing; none if the open shards in it leave hash keys out, as a listing in the middle of a
    /// split may.
    pub(super) fn of(shards: Vec<Shard>) -> Option<Self> {
        let mut open: Vec<Shard> =
            shards.into_iter().filter(|shard| shard.ending_sequence.is_none()).collect();
        open.sort_by_key(|shard| shard.range.start);
        let starts_follow_ends = open
            .windows(2)
            .all(|pair| pair[0].range.end.0.checked_add(1).is_some_and(|next| next == pair[1].range.start.0));
        let (first, last) = (open.first()?.range.start, open.last()?.range.end);
        if !starts_follow_ends || first != HashKey(0) || last != HashKey::MAX {
            return None;
        }
        Some(Self {
            ends: open.iter().map(|shard| shard.range.end).collect(),
            places: open.iter().enumerate().map(|(at, shard)| (shard.id.clone(), at)).collect(),
            ids: open.into_iter().map(|shard| shard.id).collect(),
        })
    }

    /// The shard that takes records with this hash key.
    pub(super) fn predict(&self, key: HashKey) -> usize {
        self.ends.partition_point(|end| *end < key)
    }

    /// The place of the shard with this id, if it is open.
    pub(super) fn place_of(&self, id: &ShardId) -> Option<usize> {
        self.places.get(id).copied()
    }

    pub(super) fn ids(&self) -> &[ShardId] {
        &self.ids
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }
}

#[cfg(test)]
impl ShardMap {
    /// Two shards, `a` and `b`, each with half of the hash keys.
    pub(super) fn halves() -> Self {
        let half = u128::MAX / 2;
        let shards = vec![tests::shard("a", 0, half, false), tests::shard("b", half + 1, u128::MAX, false)];
        Self::of(shards).expect("two halves are all")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::HashRange;

    pub(super) fn shard(id: &str, start: u128, end: u128, closed: bool) -> Shard {
        Shard {
            id: id.into(),
            parent: None,
            adjacent_parent: None,
            range: HashRange { start: HashKey(start), end: HashKey(end) },
            starting_sequence: "1".to_owned().try_into().unwrap(),
            ending_sequence: closed.then(|| "2".to_owned().try_into().unwrap()),
        }
    }

    #[test]
    fn every_hash_key_is_in_the_shard_whose_range_holds_it() {
        let listed = vec![
            shard("c", 200, u128::MAX, false),
            shard("closed", 0, 199, true),
            shard("a", 0, 99, false),
            shard("b", 100, 199, false),
        ];
        let map = ShardMap::of(listed).unwrap();
        for (key, expected) in [(0, "a"), (99, "a"), (100, "b"), (199, "b"), (200, "c"), (u128::MAX, "c")] {
            assert_eq!(map.ids()[map.predict(HashKey(key))], expected.into(), "{key}");
        }
        assert_eq!(map.place_of(&"b".into()), Some(1));
        assert_eq!(map.place_of(&"closed".into()), None);
    }

    #[test]
    fn a_listing_that_leaves_hash_keys_out_is_no_map() {
        assert_eq!(ShardMap::of(vec![]), None);
        assert_eq!(ShardMap::of(vec![shard("a", 0, 99, false), shard("b", 101, u128::MAX, false)]), None);
        assert_eq!(ShardMap::of(vec![shard("a", 1, u128::MAX, false)]), None);
        assert_eq!(ShardMap::of(vec![shard("a", 0, 99, false)]), None);
        assert_eq!(
            ShardMap::of(vec![shard("a", 0, u128::MAX, false), shard("b", 5, 9, false)]),
            None,
            "ranges that overlap"
        );
    }
}
