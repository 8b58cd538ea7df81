//! Which leases to ask other workers for.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use super::{Balance, Hold, Lease, Load, Me, Weighed, WorkerId};
use crate::limits;

/// Up to `most` leases, each of which leaves this worker and whoever has the most more alike.
///
/// By count, a difference of one is left alone. By throughput, leases move only where workers differ by more than noise,
/// and not again soon; a worker without any lease is given one in any case.
pub(super) fn asked<'a>(
    balance: Balance,
    me: &Me<'a>,
    leases: &[Weighed<'a>],
    mut loads: BTreeMap<&'a WorkerId, Load>,
    most: usize,
) -> Vec<&'a Lease> {
    let total: u64 = loads.values().map(|load| load.weight).sum();
    let noise = match balance {
        Balance::Count => 0,
        Balance::Throughput => total / loads.len() as u64 * limits::BALANCE_NOISE_PERCENT / 100,
    };
    let mut offers = offers(me, leases);
    let mut ask = Vec::new();
    while ask.len() < most {
        let mine = loads[me.worker];
        let needs_any = mine.count == 0 || balance == Balance::Count;
        // Once something has to move, it moves until workers are alike, so that noise is far off again.
        let noise = if needs_any || !ask.is_empty() { 0 } else { noise };
        let fits = |lease: &Weighed, holder: Load| {
            let is_better = mine.weight + 2 * lease.weight <= holder.weight;
            is_better && (needs_any || lease.standing.is_settled)
        };
        let mut holders: Vec<_> =
            loads.iter().filter(|(_, load)| load.weight > mine.weight + noise).collect();
        holders.sort_by_key(|(_, load)| Reverse(load.weight));
        let found = holders.into_iter().find_map(|(&holder, load)| {
            let offered = offers.get(holder)?;
            Some((holder, offered.iter().position(|lease| fits(lease, *load))?))
        });
        let Some((holder, at)) = found else { break };
        let lease = offers.get_mut(holder).expect("it was just found there").remove(at);
        loads.entry(holder).or_default().remove(lease.weight);
        loads.entry(me.worker).or_default().add(lease.weight);
        ask.push(lease.lease);
    }
    ask
}

/// What each other worker has or waits for and could be asked for, heavy leases first; among equals, those that nobody
/// waits for.
fn offers<'a>(me: &Me<'a>, leases: &[Weighed<'a>]) -> HashMap<&'a WorkerId, Vec<Weighed<'a>>> {
    let mut offers: HashMap<&WorkerId, Vec<Weighed>> = HashMap::new();
    for lease in leases {
        let owner = lease.lease.owner.as_ref();
        let can_be_asked = lease.standing.hold == Hold::Held
            && owner != Some(me.worker)
            && !me.held.contains(&lease.lease.key);
        if let Some(holder) = lease.claimed_by.filter(|holder| can_be_asked && *holder != me.worker) {
            offers.entry(holder).or_default().push(*lease);
        }
    }
    for offered in offers.values_mut() {
        offered.sort_unstable_by_key(|lease| {
            (Reverse(lease.weight), lease.claimed_by != lease.lease.owner.as_ref(), lease.order)
        });
    }
    offers
}
