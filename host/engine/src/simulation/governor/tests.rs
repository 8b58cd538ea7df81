use std::{
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use tokio::time::sleep;

use super::*;
use crate::task::{self, Task};

/// A process whose only task counts seconds, and a task that it started, which counts them too.
fn ticking(governor: &Arc<Governor>) -> (Task<()>, Arc<AtomicU32>) {
    let ticks = Arc::new(AtomicU32::new(0));
    let count = |ticks: Arc<AtomicU32>| async move {
        loop {
            sleep(Duration::from_secs(1)).await;
            ticks.fetch_add(1, Relaxed);
        }
    };
    let shared = Arc::clone(&ticks);
    let task = governor.within(|| {
        task::spawn("process", async move {
            let _child = task::spawn("child", count(Arc::clone(&shared)));
            count(shared).await;
        })
    });
    (task, ticks)
}

async fn seconds(count: u64) {
    sleep(Duration::from_millis(count * 1_000 + 500)).await;
}

#[tokio::test(start_paused = true)]
async fn a_task_belongs_to_the_process_of_whoever_spawned_it() {
    let governor = Governor::new(0, 0);
    let (process, ticks) = ticking(&governor);
    seconds(3).await;
    assert_eq!((governor.tasks(), ticks.load(Relaxed)), (2, 6));
    drop(process);
    seconds(1).await;
    assert_eq!((governor.tasks(), ticks.load(Relaxed)), (0, 6));
    let outsider = task::spawn("outside", async {});
    assert_eq!(governor.tasks(), 0);
    outsider.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_frozen_process_does_nothing_and_wakes_with_its_timers_overdue() {
    let governor = Governor::new(0, 0);
    let (_process, ticks) = ticking(&governor);
    seconds(2).await;
    governor.strike(Strike::Freeze);
    seconds(10).await;
    assert_eq!(ticks.load(Relaxed), 4);
    governor.thaw();
    tokio::task::yield_now().await;
    assert_eq!(ticks.load(Relaxed), 6, "each task had one timer, which is overdue");
    seconds(1).await;
    assert_eq!(ticks.load(Relaxed), 8);
}

#[tokio::test(start_paused = true)]
async fn a_crash_comes_at_the_poll_that_it_was_ordered_for_and_lasts() {
    let governor = Governor::new(0, 0);
    let (_process, ticks) = ticking(&governor);
    seconds(1).await;
    governor.order(Strike::Crash, 4);
    governor.struck().await;
    assert_eq!(ticks.load(Relaxed), 5, "three more polls ran");
    governor.thaw();
    seconds(10).await;
    assert_eq!(ticks.load(Relaxed), 5);
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_any_task_is_seen() {
    let governor = Governor::new(0, 0);
    let process = governor.within(|| {
        task::spawn("process", async {
            let failed = task::spawn("child", async { panic!("a bug") }).await;
            assert!(failed.is_err());
        })
    });
    process.await.unwrap();
    assert_eq!(governor.panicked(), Some("child"));
}
