//! Which leases to take now.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use super::{Hold, Lease, Load, Me, Weighed, WorkerId};

/// The leases to take: first what is this worker's by right, then its part of those that are there for anybody, and
/// at last what nobody took whose turn it was. What it gets is added to its load.
pub(super) fn taken<'a>(
    me: &Me<'a>,
    leases: &[Weighed<'a>],
    loads: &mut BTreeMap<&'a WorkerId, Load>,
) -> Vec<&'a Lease> {
    let idle: Vec<Weighed> =
        leases.iter().filter(|lease| !me.held.contains(&lease.lease.key)).copied().collect();
    let by_right = idle.iter().filter(|lease| is_by_right(lease, me)).copied();
    let part = part(me, &idle, loads);
    let abandoned = idle.iter().filter(|lease| is_anybodys(lease) && lease.standing.hold == Hold::Abandoned);
    let mut take: Vec<Weighed> = by_right.chain(part).collect();
    let begin = take.len();
    take.extend(abandoned);
    take[begin..].sort_unstable_by_key(|lease| lease.order);
    take.into_iter().map(|lease| lease.lease).collect()
}

/// Leases of this worker that it does not work on, as after a restart under the same name or a write whose answer was
/// lost; leases that were handed over to it; and those that it asked for and was not given in time.
fn is_by_right(lease: &Weighed<'_>, me: &Me<'_>) -> bool {
    let owner = lease.lease.owner.as_ref();
    let is_due = owner.is_none() || lease.standing.is_overdue;
    owner == Some(me.worker) || (lease.claimed_by == Some(me.worker) && is_due)
}

fn is_anybodys(lease: &Weighed<'_>) -> bool {
    lease.claimed_by.is_none()
}

/// What falls to this worker when each lease that is free goes to the worker that has the least, heavy ones first.
fn part<'a>(
    me: &Me<'a>,
    leases: &[Weighed<'a>],
    loads: &mut BTreeMap<&'a WorkerId, Load>,
) -> Vec<Weighed<'a>> {
    let is_free = |lease: &&Weighed| {
        let is_own = lease.lease.owner.as_ref() == Some(me.worker);
        is_anybodys(lease) && lease.standing.hold == Hold::Free && !is_own
    };
    let mut free: Vec<Weighed> = leases.iter().filter(is_free).copied().collect();
    free.sort_unstable_by_key(|lease| (Reverse(lease.weight), &lease.lease.key));
    let mut least: BinaryHeap<_> =
        loads.iter().map(|(worker, load)| Reverse((load.weight, load.count, *worker))).collect();
    let mut part = Vec::new();
    for lease in free {
        let Some(Reverse((weight, count, worker))) = least.pop() else { break };
        least.push(Reverse((weight + lease.weight, count + 1, worker)));
        loads.entry(worker).or_default().add(lease.weight);
        if worker == me.worker {
            part.push(lease);
        }
    }
    part
}
