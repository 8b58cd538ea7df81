//! The protocol of leases, checked in every order of events that three workers, three shards, one split and a few
//! faults allow.
//!
//! The model is made of the code that runs: what a write does is [`Change::apply`], what a worker does is
//! [`plan`](super::plan::plan), and whether a keeper knows a write for its own is [`is_own`](super::keeper::is_own).
//! Only time is left out: a worker may believe at any moment that a lease has stood still for too long, also when its
//! holder lives, as after a freeze. How often things go wrong in one run is bounded, so that every run ends.

mod protocol;
mod sight;
mod state;
mod steps;

use std::collections::BTreeSet;

use stateright::{Checker, HasDiscoveries, Model, UniformChooser};

use protocol::{Bug, Protocol, TWO_READ};
use state::Faults;

const NONE: Faults = Faults { suspicions: 0, delays: 0, losses: 0, deaths: 0, restarts: 0 };

/// States to draw in orders with all faults.
const DRAWN_STATES: usize = 100_000;

/// What checking brought.
struct Checked {
    broken: BTreeSet<&'static str>,
    happened: BTreeSet<&'static str>,
}

/// Goes through every order of events.
fn check(faults: Faults, bug: Option<Bug>) -> Checked {
    let enough = match bug {
        None => HasDiscoveries::AnyFailures,
        Some(bug) => HasDiscoveries::AllOf([bug.breaks()].into()),
    };
    let checker = Protocol::new(faults, bug).checker().finish_when(enough).threads(2).spawn_bfs().join();
    println!("states={} {faults:?}", checker.unique_state_count());
    checked(&checker)
}

fn checked(checker: &impl Checker<Protocol>) -> Checked {
    let found = checker.discoveries();
    let broken = found.iter().filter(|(name, _)| **name != TWO_READ);
    let broken: BTreeSet<&str> = broken
        .map(|(name, path)| {
            println!("{name}: {:#?}", path.clone().into_actions());
            *name
        })
        .collect();
    assert!(!broken.is_empty() || found.contains_key(TWO_READ), "the children were never shared");
    Checked { broken, happened: checker.model().happened.lock().unwrap().clone() }
}

/// Every order of events with these faults keeps every promise, and what is named happens in some.
fn keeps_every_promise(faults: Faults, happens: &[&str]) {
    let checked = check(faults, None);
    assert_eq!(checked.broken, BTreeSet::new());
    assert!(happens.iter().all(|what| checked.happened.contains(what)), "{:?}", checked.happened);
}

#[test]
fn the_protocol_keeps_its_promises_when_nothing_goes_wrong() {
    keeps_every_promise(NONE, &["a lease was handed over"]);
}

#[test]
fn i5_the_protocol_bears_a_living_holder_that_is_taken_for_dead() {
    keeps_every_promise(Faults { suspicions: 1, ..NONE }, &["a lease expired", "a lease was handed over"]);
}

#[test]
fn i5_the_protocol_bears_a_hand_over_by_force() {
    keeps_every_promise(Faults { delays: 1, ..NONE }, &["a lease was taken by force"]);
}

#[test]
fn i5_the_protocol_bears_lost_requests_and_answers() {
    keeps_every_promise(Faults { losses: 1, ..NONE }, &["a keeper knew its own write"]);
}

#[test]
fn the_protocol_bears_the_death_of_a_worker() {
    keeps_every_promise(Faults { deaths: 1, ..NONE }, &["a lease was handed over"]);
}

#[test]
fn the_protocol_bears_a_worker_that_starts_again_under_its_name() {
    keeps_every_promise(Faults { restarts: 1, ..NONE }, &["a lease was handed over"]);
}

/// Two faults of each kind are too many for every order, so some thousand orders are drawn.
#[test]
fn i3_i5_the_protocol_bears_all_faults_together() {
    let faults = Faults { suspicions: 2, delays: 2, losses: 2, deaths: 1, restarts: 1 };
    let checker = Protocol::new(faults, None).checker().target_state_count(DRAWN_STATES);
    let checker = checker.spawn_simulation(1, UniformChooser).join();
    println!("states={} {faults:?}", checker.state_count());
    assert_eq!(checked(&checker).broken, BTreeSet::new());
}

#[test]
fn i3_i5_the_model_notices_writes_that_are_not_fenced_and_children_that_are_read_early() {
    for (faults, bug) in [(Faults { suspicions: 1, ..NONE }, Bug::Unfenced), (NONE, Bug::NoParents)] {
        let broken = check(faults, Some(bug)).broken;
        assert!(broken.contains(bug.breaks()), "{broken:?}");
    }
}
