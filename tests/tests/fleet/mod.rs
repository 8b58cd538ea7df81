//! Three hosts of one application, killed, stopped, frozen and started again while records come and shards change.
//!
//! A test runs through every kind of event once; `cargo xtask soak` goes on for minutes and prints what it saw.

mod feeder;
mod hosts;
mod schedule;
mod store;
mod trail;
mod verdict;

use std::{env, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::harness::{PATIENCE, place::Place, streams::Streams, until};

use feeder::Feeder;
use hosts::Fleet;
use schedule::{Event, Schedule};
use store::Store;
use verdict::Verdict;

/// Hosts.
const HOSTS: usize = 3;
/// Shards that the source begins with.
const SHARDS: u32 = 16;
/// Shards of the sink.
const SINK_SHARDS: u32 = 4;
/// Names of the two streams.
const SOURCE: &str = "numbers";
const SINK: &str = "numbers-out";

#[tokio::test]
async fn three_hosts_on_redis_survive_every_kind_of_event() {
    let Some(store) = Store::redis("fleet-redis").await else { return };
    println!("{}", run(store, 1, Duration::ZERO).await);
}

#[tokio::test]
async fn three_hosts_on_dynamodb_survive_every_kind_of_event() {
    let Some(store) = Store::dynamodb("fleet-dynamodb").await else { return };
    println!("{}", run(store, 2, Duration::ZERO).await);
}

#[tokio::test]
#[ignore = "it takes minutes: `cargo xtask soak` runs it"]
async fn soak() {
    let variable =
        |name: &str| env::var(name).unwrap_or_else(|_| panic!("{name} is not set: use `cargo xtask soak`"));
    let number = |name: &str| variable(name).parse::<u64>().expect("it is a number");
    let store = match &*variable("TIDEMILL_SOAK_STORE") {
        "redis" => Store::redis("soak").await,
        "dynamodb" => Store::dynamodb("soak").await,
        other => panic!("no such store: {other}"),
    };
    let store = store.expect("the server of the store is installed");
    let duration = Duration::from_secs(number("TIDEMILL_SOAK_SECONDS"));
    println!("{}", run(store, number("TIDEMILL_SOAK_SEED"), duration).await);
}

/// Every kind of event once, and again until so much time is over; then all hosts at work, until everything came out.
async fn run(store: Store, seed: u64, duration: Duration) -> Verdict {
    let (place, streams) = (Place::new(), Arc::new(Streams::start().await));
    streams.create(SOURCE, SHARDS).await;
    streams.create(SINK, SINK_SHARDS).await;
    let begun = Instant::now();
    let mut fleet = Fleet::start(&place, store.settings(&place, streams.url())).await;
    let feeder = Feeder::start(Arc::clone(&streams));
    let mut schedule = Schedule::new(seed);
    loop {
        let mut round = schedule.round();
        while !round.is_empty() {
            assert!(begun.elapsed() < duration + PATIENCE, "nothing can happen any more, to come={round:?}");
            feeder.put_more(schedule.pause()).await;
            fleet.thaw_those_without_leases(&store).await;
            let possible = round.iter().position(|event| fleet.is_possible(*event));
            if let Some(at) = possible {
                let event = round.remove(at);
                fleet.trail.event(event);
                match event {
                    Event::Split => streams.split(SOURCE, schedule.pick(usize::MAX)).await,
                    Event::Merge => streams.merge(SOURCE, schedule.pick(usize::MAX)).await,
                    event => fleet.cause(event, &mut schedule).await,
                }
            }
        }
        if begun.elapsed() >= duration {
            break;
        }
    }
    finish(fleet, feeder, &store, &streams, begun).await
}

async fn finish(
    mut fleet: Fleet<'_>,
    feeder: Feeder,
    store: &Store,
    streams: &Streams,
    begun: Instant,
) -> Verdict {
    fleet.all_at_work(store).await;
    let put = feeder.stop().await;
    until("every document came out", async || {
        (verdict::came_out(streams).await.count() >= put.count()).then_some(())
    })
    .await;
    until("every open shard is held by a host", async || {
        store.is_shared_out(&fleet.pids(), streams).await.then_some(())
    })
    .await;
    let trail = fleet.stop_all().await;
    assert!(store.nobody_holds_a_lease().await, "a host that stopped kept a lease");
    Verdict::of(&put, streams, trail, begun.elapsed()).await
}
