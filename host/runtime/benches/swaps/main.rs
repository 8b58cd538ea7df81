//! What replacing a component costs the shards that run it, and how long a deployment takes to its first batch.
//!
//! Everything goes through the seam that the engine calls: eight tasks hand in a batch each on a clock, as eight shards do,
//! and check every document that comes back. Run `cargo xtask guests` before it.

mod components;
mod figures;
mod shards;

use std::{collections::BTreeSet, sync::Arc};

use tidemill_engine::{
    deploy::{Artifact, Slot, Wanted},
    handler::Handler,
};
use tidemill_runtime::{ComponentHandler, Engine, EngineSettings, HandlerSettings};
use tokio::time::{Duration, Instant};

use components::{Components, named};
use figures::{Pauses, median, resident_mib};
use shards::Shards;

/// Swaps under load.
const SWAPS: usize = 1_000;
/// Swaps before anything is measured.
const WARM_UP: usize = 50;
/// Deployments of each kind whose median is printed.
const DEPLOYMENTS: u32 = 9;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let components = Components::new(folder.path()).await;
    let cache = Some(folder.path().join("cache"));
    let cached = Engine::with(EngineSettings { cache, ..EngineSettings::default() });
    let cached = cached.expect("the engine starts on every machine that builds it");
    let cold = Engine::new().expect("the engine starts on every machine that builds it");
    swaps_under_load(&cached, &components).await;
    first_batches(&cold, &cached, &components).await;
    compiling_beside_load(&cold, &components).await;
}

/// Four components take turns, so that each is loaded and tried out anew, and none is compiled.
async fn swaps_under_load(engine: &Engine, components: &Components) {
    let turns = components.taking_turns().await;
    for component in &turns {
        load(engine, component).await;
    }
    let handler = Arc::new(load(engine, &turns[0]).await);
    let shards = Shards::begin(&handler);
    let mut applied = Vec::with_capacity(SWAPS);
    let mut resident = resident_mib();
    let mut begun = (Instant::now(), shards.records());
    for swap in 1..=WARM_UP + SWAPS {
        if swap == WARM_UP + 1 {
            resident = resident_mib();
            begun = (Instant::now(), shards.records());
            shards.forget_pauses();
        }
        let asked = Instant::now();
        let done = handler.apply(&only(&turns[swap % turns.len()])).await.expect("all of them are good");
        if swap > WARM_UP {
            applied.push(asked.elapsed());
        }
        shards.all_met(done.generation).await;
    }
    let (elapsed, records) = (begun.0.elapsed(), shards.records() - begun.1);
    let is_drained = handler.drained().await;
    let after = resident_mib();
    let outcome = shards.end().await;
    let rate = records as f64 / elapsed.as_secs_f64();
    println!("{SWAPS} swaps in {:.1} s, eight shards, {rate:.0} records a second", elapsed.as_secs_f64());
    println!(
        "records {records}, lost {}, doubled {}, batches of two generations {}",
        outcome.lost, outcome.doubled, outcome.mixed
    );
    println!("a swap from wanted to published: {}", Pauses::of(applied));
    println!("a batch, handed in to handed back:");
    println!("  no swap before it  {}", Pauses::of(outcome.others.clone()));
    println!("  the first of a new {}", Pauses::of(outcome.firsts.clone()));
    println!("  what a swap adds   {}", Pauses::of(outcome.firsts).less(&Pauses::of(outcome.others)));
    println!(
        "memory {resident:.1} MiB before, {after:.1} MiB after; generations left behind: {}",
        !is_drained
    );
    assert_eq!((outcome.lost, outcome.doubled, outcome.mixed, is_drained), (0, 0, 0, true));
}

/// From the moment that a component is wanted to the first batch that it answered.
async fn first_batches(cold: &Engine, cached: &Engine, components: &Components) {
    println!("\ndeployed to first batch, median of {DEPLOYMENTS}, in milliseconds");
    println!("{:>10} {:>10} {:>10} {:>10} {:>12}", "component", "cold", "compiling", "cached", "loading");
    for (name, kib) in [("100 KB", 100), ("2 MB", 2_048)] {
        let mut columns = Vec::new();
        for (engine, is_cached) in [(cold, false), (cached, true)] {
            let (mut whole, mut compiling) = (Vec::new(), Vec::new());
            for number in 0..DEPLOYMENTS {
                let component = components.sized(kib, number).await;
                if is_cached {
                    load(engine, &component).await;
                }
                let handler = load(engine, &components.blue).await;
                let begun = Instant::now();
                let applied = handler.apply(&only(&component)).await.expect("it is good");
                let outcome = handler.handle(&shards::batch(0, 0)).await.expect("it handles every batch");
                whole.push(begun.elapsed());
                compiling.push(applied.compiled_in);
                assert_eq!(named(&outcome.emits[0].data), ("green", applied.generation));
            }
            columns.extend([median(whole), median(compiling)].map(|span| span.as_secs_f64() * 1e3));
        }
        println!(
            "{name:>10} {:>10.1} {:>10.1} {:>10.1} {:>12.1}",
            columns[0], columns[1], columns[2], columns[3]
        );
    }
}

/// What the shards notice of a component that is compiled beside them.
async fn compiling_beside_load(engine: &Engine, components: &Components) {
    let handler = Arc::new(load(engine, &components.blue).await);
    let other = load(engine, &components.blue).await;
    println!("\na batch, handed in to handed back, on the same eight shards:");
    for (name, is_compiling) in [("nothing compiles", false), ("2 MB compiles   ", true)] {
        let shards = Shards::begin(&handler);
        let (begun, mut number) = (Instant::now(), 100);
        while begun.elapsed() < Duration::from_secs(10) {
            if is_compiling {
                let component = components.sized(2_048, number).await;
                other.apply(&only(&component)).await.expect("it is good");
                number += 1;
            } else {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        let rate = shards.records() as f64 / begun.elapsed().as_secs_f64();
        let outcome = shards.end().await;
        println!("  {name} {} {rate:.0} records a second", Pauses::of(outcome.others));
    }
}

async fn load(engine: &Engine, component: &Arc<Artifact>) -> ComponentHandler {
    let loaded = ComponentHandler::load(engine, component, HandlerSettings::new("swapped")).await;
    loaded.expect("it is a component")
}

fn only(component: &Arc<Artifact>) -> Wanted {
    Wanted { component: Arc::clone(component), candidate: None, allow: BTreeSet::new() }
}
