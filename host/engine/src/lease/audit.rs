//! Whether the leases cover every hash key once: an audit of the whole, for what no single lease can show.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{
    Checkpoint,
    lineage::{ByShard, Lineage},
};
use crate::{
    hash::{HashKey, HashRange},
    limits,
    record::ShardId,
};

/// Something wrong with what the leases cover.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flaw {
    /// Nobody is to read what arrives for these hash keys.
    Hole {
        /// Lowest hash key of the hole.
        start: HashKey,
        /// Highest one.
        end: HashKey,
    },
    /// Two shards, neither of which came from the other, take the same hash keys.
    Overlap {
        /// The shard whose range begins first.
        first: ShardId,
        /// The other one.
        second: ShardId,
    },
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hole { start, end } => write!(f, "hole: start={start} end={end}"),
            Self::Overlap { first, second } => write!(f, "overlap: first={first} second={second}"),
        }
    }
}

/// Looks for holes in what the leases that are not at their end cover, and for overlaps among those of them that no
/// leased shard follows. An application without leases, and a listing of nothing, have no flaws.
pub fn audit(lineage: &Lineage<'_>, leases: &ByShard<'_>) -> BTreeSet<Flaw> {
    if leases.is_empty() || lineage.parents_first().is_empty() {
        return BTreeSet::new();
    }
    let followed = lineage.ancestors(leases.keys().copied());
    let mut covered: Vec<(HashRange, &ShardId)> = leases
        .values()
        .filter(|lease| lease.checkpoint != Checkpoint::ShardEnd)
        .filter_map(|lease| lineage.shard(&lease.key.shard))
        .map(|shard| (shard.range, &shard.id))
        .collect();
    covered.sort_unstable_by_key(|(range, id)| (range.start, *id));
    let mut flaws = holes(&covered);
    covered.retain(|(_, id)| !followed.contains(id));
    flaws.extend(overlaps(&covered));
    flaws
}

/// The shards whose ranges begin inside of the one that reaches furthest so far, in the order of their starts.
fn overlaps(covered: &[(HashRange, &ShardId)]) -> Vec<Flaw> {
    let mut overlaps = Vec::new();
    let mut furthest: Option<(HashKey, &ShardId)> = None;
    for (range, id) in covered {
        match furthest {
            Some((end, first)) if range.start <= end => {
                overlaps.push(Flaw::Overlap { first: first.clone(), second: (*id).clone() });
            }
            _ => {}
        }
        if furthest.is_none_or(|(end, _)| end < range.end) {
            furthest = Some((range.end, id));
        }
    }
    overlaps
}

/// What no range covers, of ranges in the order of their starts.
fn holes(covered: &[(HashRange, &ShardId)]) -> BTreeSet<Flaw> {
    let mut holes = BTreeSet::new();
    // The lowest hash key that nothing covers so far; none once the last one is covered.
    let mut next = Some(HashKey(0));
    for (range, _) in covered {
        let Some(start) = next else { break };
        if start < range.start {
            holes.insert(Flaw::Hole { start, end: HashKey(range.start.0 - 1) });
        }
        next = range.end.0.checked_add(1).map(|end| HashKey(end.max(start.0)));
    }
    if let Some(start) = next {
        holes.insert(Flaw::Hole { start, end: HashKey::MAX });
    }
    holes
}

/// Believes a flaw that was found in several audits in a row: what reshards is looked at in pieces.
#[derive(Debug, Default)]
pub struct Auditor {
    found: BTreeMap<Flaw, u32>,
    confirmed: BTreeSet<Flaw>,
}

impl Auditor {
    /// Takes in what an audit found. Answers the flaws that stand, if they are others than before.
    pub fn take_in(&mut self, flaws: BTreeSet<Flaw>) -> Option<&BTreeSet<Flaw>> {
        let times = |flaw: &Flaw| self.found.get(flaw).map_or(1, |times| times + 1);
        self.found = flaws.into_iter().map(|flaw| (times(&flaw), flaw)).map(|(n, flaw)| (flaw, n)).collect();
        let confirmed = self.found.iter().filter(|(_, times)| **times >= limits::AUDITS);
        let confirmed: BTreeSet<Flaw> = confirmed.map(|(flaw, _)| flaw.clone()).collect();
        let is_new = confirmed != self.confirmed;
        self.confirmed = confirmed;
        is_new.then_some(&self.confirmed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kinesis::Shard,
        lease::{
            Lease,
            fixture::{lease, shard},
            lineage::by_shard,
        },
    };

    /// A shard with the hash keys from `start` to `end`, in tenths of all.
    fn part(id: &str, parents: [Option<&str>; 2], start: u128, end: u128) -> Shard {
        let tenth = u128::MAX / 10;
        let last = if end == 10 { HashKey::MAX } else { HashKey(end * tenth - 1) };
        Shard { range: HashRange { start: HashKey(start * tenth), end: last }, ..shard(id, parents, true) }
    }

    fn found(shards: &[Shard], leases: &[Lease]) -> Vec<String> {
        let flaws = audit(&Lineage::of(shards), &by_shard(leases));
        flaws.iter().map(ToString::to_string).collect()
    }

    fn held(id: &str) -> Lease {
        lease(id, Some("w"), Checkpoint::TrimHorizon, &[])
    }

    fn ended(id: &str) -> Lease {
        lease(id, None, Checkpoint::ShardEnd, &[])
    }

    #[test]
    fn holes_are_found_at_both_ends_and_between() {
        let shards =
            [part("a", [None, None], 1, 3), part("b", [None, None], 3, 5), part("c", [None, None], 7, 9)];
        let tenth = u128::MAX / 10;
        assert_eq!(
            found(&shards, &[held("a"), held("b"), held("c")]),
            [
                format!("hole: start=0 end={}", tenth - 1),
                format!("hole: start={} end={}", 5 * tenth, 7 * tenth - 1),
                format!("hole: start={} end={}", 9 * tenth, u128::MAX),
            ]
        );
        assert_eq!(found(&shards, &[]), [""; 0], "an application that has not begun covers nothing");
        assert_eq!(found(&[], &[held("a")]), [""; 0], "an empty listing proves nothing");
    }

    #[test]
    fn parents_and_children_overlap_by_right_and_others_do_not() {
        let split = [
            part("a", [None, None], 0, 10),
            part("b", [Some("a"), None], 0, 5),
            part("c", [Some("a"), None], 5, 10),
        ];
        assert_eq!(found(&split, &[held("a"), held("b"), held("c")]), [""; 0]);
        assert_eq!(found(&split, &[held("a"), held("b")]), [""; 0], "a is still read");
        let hole = format!("hole: start={} end={}", 5 * (u128::MAX / 10), u128::MAX);
        assert_eq!(found(&split, &[ended("a"), held("b")]), [hole]);
        let strangers =
            [part("a", [None, None], 0, 10), part("b", [None, None], 2, 4), part("c", [None, None], 6, 8)];
        assert_eq!(
            found(&strangers, &[held("a"), held("b"), held("c")]),
            ["overlap: first=a second=b", "overlap: first=a second=c"]
        );
        assert_eq!(found(&strangers, &[held("a"), ended("b"), ended("c")]), [""; 0]);
    }

    #[test]
    fn a_flaw_is_believed_when_three_audits_in_a_row_found_it() {
        let flaw = || Flaw::Hole { start: HashKey(0), end: HashKey(9) };
        let other = || Flaw::Overlap { first: "a".into(), second: "b".into() };
        let mut auditor = Auditor::default();
        assert_eq!(auditor.take_in([flaw()].into()), None);
        assert_eq!(auditor.take_in([flaw(), other()].into()), None);
        assert_eq!(auditor.take_in([flaw()].into()), Some(&[flaw()].into()));
        assert_eq!(auditor.take_in([flaw(), other()].into()), None, "nothing is told twice");
        assert_eq!(auditor.take_in([].into()), Some(&[].into()));
        assert_eq!(auditor.take_in([flaw()].into()), None, "it begins anew");
    }
}
