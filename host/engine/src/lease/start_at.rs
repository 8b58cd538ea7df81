//! Shards that an application without checkpoints starts at a record of their own.
//!
//! Whoever names such a record says that everything before it is done. So what led to the shard is not read, and what
//! came of it is read in full, wherever the rest of the application starts.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use super::{
    Checkpoint, Lease, LeaseKey, NewLease,
    lineage::{ByShard, Lineage, parents_of},
};
use crate::{kinesis::Shard, record::ShardId, sequence::SequenceNumber};

/// The records to start at, by their shards.
pub type StartAt = BTreeMap<ShardId, SequenceNumber>;

/// The leases that are missing where some shards start at a record of their own: `planned` are those that are missing
/// without that, and what is answered has parents before children too. A shard that has a lease, or that came before
/// one with a lease, has begun already.
pub fn missing(
    start_at: &StartAt,
    lineage: &Lineage<'_>,
    leases: &ByShard<'_>,
    stream: &Arc<str>,
    planned: Vec<NewLease>,
) -> Vec<NewLease> {
    if start_at.is_empty() {
        return planned;
    }
    let begun = lineage.ancestors(leases.keys().copied());
    let is_new = |id: &ShardId| !leases.contains_key(id) && !begun.contains(id);
    let named: Vec<&ShardId> =
        start_at.keys().filter(|id| lineage.shard(id).is_some() && is_new(id)).collect();
    let before = lineage.ancestors(named.iter().copied());
    let mut behind: HashSet<&ShardId> = named.into_iter().collect();
    let mut planned: HashMap<ShardId, NewLease> =
        planned.into_iter().map(|new| (new.key.shard.clone(), new)).collect();
    let mut create = Vec::new();
    for &shard in lineage.parents_first() {
        let is_named = behind.contains(&shard.id);
        let follows = parents_of(shard).any(|parent| behind.contains(parent));
        let wanted = planned.remove(&shard.id);
        if is_named || (follows && is_new(&shard.id)) {
            behind.insert(&shard.id);
            let own = start_at.get(&shard.id).filter(|_| is_named);
            let checkpoint = own.map_or(Checkpoint::TrimHorizon, |at| Checkpoint::AtSequence(at.clone()));
            let key = LeaseKey { stream: Arc::clone(stream), shard: shard.id.clone() };
            create.push(NewLease { key, checkpoint, parents: parents_of(shard).cloned().collect() });
        } else if !before.contains(&shard.id) {
            create.extend(wanted);
        }
    }
    create
}

/// The shards that are named, and that neither the stream nor the application knows.
pub fn unknown<'a>(start_at: &'a StartAt, shards: &[Shard], leases: &[Lease]) -> Vec<&'a ShardId> {
    let is_known = |id: &ShardId| {
        shards.iter().any(|shard| shard.id == *id) || leases.iter().any(|lease| lease.key.shard == *id)
    };
    start_at.keys().filter(|id| !is_known(id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::{
        fixture::{DATE, STREAM, family, lease},
        lineage::by_shard,
        plan::Start,
    };

    /// What is created of a and b, which were merged into c, which was split into d and e.
    fn created(start: Start, named: &[(&str, u32)], leases: &[Lease]) -> Vec<String> {
        let named = named.iter().map(|(id, at)| ((*id).into(), at.to_string().try_into().unwrap())).collect();
        let (shards, leases) = (family(), by_shard(leases));
        let lineage = Lineage::of(&shards);
        let planned = lineage.missing(start, DATE, &leases, &STREAM.into());
        let create = missing(&named, &lineage, &leases, &STREAM.into(), planned);
        create.iter().map(|new| format!("{}={}", new.key.shard, new.checkpoint)).collect()
    }

    #[test]
    fn a_named_shard_starts_at_its_record_and_the_rest_where_all_do() {
        let all = ["e=at-sequence:7", "d=at-timestamp:700000"];
        let mut created_now = created(Start::Latest, &[("e", 7)], &[]);
        created_now.sort_by(|a, b| b.cmp(a));
        assert_eq!(created_now, all);
    }

    #[test]
    fn what_led_to_a_named_shard_is_not_read_and_what_came_of_it_is_read_in_full() {
        for start in [Start::TrimHorizon, Start::Latest] {
            let created = created(start, &[("c", 7)], &[]);
            assert_eq!(created[0], "c=at-sequence:7", "{start:?}");
            assert_eq!(created.len(), 3, "{start:?}: {created:?}");
            assert!(created.contains(&"d=trim-horizon".to_owned()), "{start:?}: {created:?}");
            assert!(created.contains(&"e=trim-horizon".to_owned()), "{start:?}: {created:?}");
        }
    }

    #[test]
    fn shards_named_above_each_other_are_read_one_after_the_other_with_what_is_between() {
        let mut created = created(Start::Latest, &[("a", 1), ("d", 7)], &[]);
        created.sort();
        assert_eq!(created, ["a=at-sequence:1", "c=trim-horizon", "d=at-sequence:7", "e=trim-horizon"]);
    }

    #[test]
    fn an_application_that_has_begun_goes_on_where_it_was() {
        let begun =
            [lease("d", None, Checkpoint::Latest, &["c"]), lease("e", None, Checkpoint::TrimHorizon, &["c"])];
        assert_eq!(created(Start::TrimHorizon, &[("c", 7), ("d", 8)], &begun), [] as [&str; 0]);
    }

    #[test]
    fn a_shard_that_the_service_does_not_list_is_left_alone() {
        assert_eq!(created(Start::Latest, &[("z", 7)], &[]).len(), 2);
        let named = ["z", "c", "x"].map(|id| (id.into(), "7".to_owned().try_into().unwrap())).into();
        let leases = [lease("x", None, Checkpoint::ShardEnd, &[])];
        assert_eq!(unknown(&named, &family(), &leases), [&ShardId::from("z")]);
    }
}
