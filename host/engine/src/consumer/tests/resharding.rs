//! Splits and merges while a pipeline runs.

use std::sync::atomic::Ordering::Relaxed;

use super::world::{Running, World, complete, echo};
use crate::lease::Checkpoint;

#[tokio::test(start_paused = true)]
async fn i3_order_of_a_key_holds_through_splits_and_merges() {
    let world = World::new().await;
    let running = Running::start(world.pipeline(echo(|_| false)));
    let mut put = 0;
    for target in [8, 4, 2, 4, 3] {
        world.put(20, put..put + 20).await;
        put += 20;
        world.reshard(target).await;
        // Records of the children are there before the parents are read to their end.
        world.put(20, put..put + 20).await;
        put += 20;
    }
    running.until("all is done", |progress| progress.done.load(Relaxed) == 20 * put as u64).await;
    running.until("parents ended", |progress| progress.active_shards.load(Relaxed) == 3).await;
    let summary = running.stop().await;
    assert_eq!((summary.done, summary.stopped.len()), (20 * put as u64, 0));
    assert_eq!(world.output().await, complete(20, put));
    let leases = world.checkpoints().await;
    let open = leases.values().filter(|at| **at != Checkpoint::ShardEnd).count();
    assert_eq!(open, 3, "three shards are open at the end of leases={}", leases.len());
}
