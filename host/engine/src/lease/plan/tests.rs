//! Plans of a worker that has just begun to look.

use super::*;
use crate::lease::{
    Checkpoint,
    fixture::{at, created, family, ids, lease, plan_of, shard},
};

#[test]
fn a_new_application_gets_leases_parents_first() {
    let plan = plan_of(Start::TrimHorizon, &family(), &[]);
    let order: Vec<_> = created(&plan).into_iter().map(|(id, _)| id).collect();
    let place = |id| order.iter().position(|other| *other == id).unwrap();
    assert_eq!(order.len(), 5);
    assert!(place("a") < place("c") && place("b") < place("c") && place("c") < place("d").min(place("e")));
}

#[test]
fn a_start_at_the_tip_takes_open_shards_and_never_their_ancestors() {
    let first = plan_of(Start::Latest, &family(), &[]);
    // They have parents, which another worker may have seen open and begun with.
    let recent = Checkpoint::AtTimestamp(UnixMillis(700_000));
    assert_eq!(created(&first), [("e", &recent), ("d", &recent)]);
    let without = [shard("a", [None, None], true), shard("b", [Some("expired"), None], true)];
    let at_the_tip = plan_of(Start::Latest, &without, &[]);
    assert_eq!(created(&at_the_tip), [("a", &Checkpoint::Latest), ("b", &Checkpoint::Latest)]);
    let leases = [lease("d", None, Checkpoint::Latest, &["c"]), lease("e", None, Checkpoint::Latest, &["c"])];
    assert_eq!(plan_of(Start::Latest, &family(), &leases).create, []);
}

#[test]
fn a_child_found_later_starts_at_its_first_record() {
    let shards = [shard("a", [None, None], false), shard("b", [Some("a"), None], true)];
    let leases = [lease("a", Some("w"), Checkpoint::Latest, &[])];
    assert_eq!(created(&plan_of(Start::Latest, &shards, &leases)), [("b", &Checkpoint::TrimHorizon)]);
}

#[test]
fn i3_a_child_is_not_taken_before_both_parents_ended() {
    let child = lease("c", None, Checkpoint::TrimHorizon, &["a", "b"]);
    let parent = |id, checkpoint| lease(id, Some("w"), checkpoint, &[]);
    let one = [parent("a", Checkpoint::ShardEnd), parent("b", Checkpoint::TrimHorizon), child.clone()];
    assert_eq!(plan_of(Start::TrimHorizon, &family(), &one).take, []);
    let both = [parent("a", Checkpoint::ShardEnd), parent("b", Checkpoint::ShardEnd), child.clone()];
    assert_eq!(plan_of(Start::TrimHorizon, &family(), &both).take, [child]);
}

#[test]
fn i3_a_lease_is_not_taken_while_a_parent_is_still_to_get_its_own() {
    // x was split into b and another; b was merged with a before anybody saw it.
    let shards = [
        shard("x", [None, None], false),
        shard("a", [None, None], false),
        shard("b", [Some("x"), None], false),
        shard("c", [Some("a"), Some("b")], true),
    ];
    let leases = [
        lease("x", Some("w"), at(5), &[]),
        lease("a", None, Checkpoint::ShardEnd, &[]),
        lease("c", None, Checkpoint::TrimHorizon, &["a", "b"]),
    ];
    for start in [Start::TrimHorizon, Start::Latest] {
        let plan = plan_of(start, &shards, &leases);
        assert_eq!(created(&plan), [("b", &Checkpoint::TrimHorizon)]);
        assert_eq!(plan.take, []);
    }
}

#[test]
fn a_parent_that_expired_holds_up_nobody_and_is_not_read() {
    let shards = [shard("d", [Some("c"), None], true), shard("e", [Some("c"), None], true)];
    let leases = [
        lease("c", None, at(5), &[]),
        lease("d", None, Checkpoint::TrimHorizon, &["c"]),
        lease("e", None, Checkpoint::TrimHorizon, &["c"]),
    ];
    let plan = plan_of(Start::Latest, &shards, &leases);
    assert_eq!(ids(&plan.take), ["d", "e"]);
    assert_eq!((plan.create, plan.delete), (vec![], vec![]));
    let unlisted = plan_of(Start::Latest, &[], &leases);
    assert_eq!(ids(&unlisted.take), ["c"], "an empty listing proves nothing");
}

#[test]
fn an_application_that_was_away_for_too_long_reads_all_that_is_left() {
    let shards = [shard("e", [Some("d"), None], true)];
    let leases = [lease("c", None, at(5), &[])];
    assert_eq!(created(&plan_of(Start::Latest, &shards, &leases)), [("e", &Checkpoint::TrimHorizon)]);
}
