//! Records that keep coming: numbered documents of many keys, at an even pace.

use std::{sync::Arc, time::Duration};

use tidemill_engine::task::{self, Task};
use tokio::{
    sync::{oneshot, watch},
    time::{MissedTickBehavior, interval},
};

use super::SOURCE;
use crate::harness::{numbered::Numbers, streams::Streams};

/// Partition keys: several a shard, also when shards were split.
const KEYS: u32 = 160;
/// Documents of one request.
const REQUEST: usize = 16;
/// How often a request is put.
const TICK: Duration = Duration::from_millis(50);

/// Puts until it is stopped.
pub struct Feeder {
    requests: watch::Receiver<u32>,
    stop: oneshot::Sender<()>,
    task: Task<Numbers>,
}

impl Feeder {
    /// Begins to put onto the source.
    pub fn start(streams: Arc<Streams>) -> Self {
        let (count, requests) = watch::channel(0);
        let (stop, stopped) = oneshot::channel();
        Self { requests, stop, task: task::spawn("feeder", feed(streams, count, stopped)) }
    }

    /// Waits until it has put what it puts in so much time.
    pub async fn put_more(&self, time: Duration) {
        let mut requests = self.requests.clone();
        let more = u32::try_from(time.as_millis() / TICK.as_millis()).expect("the pause is short");
        let target = *requests.borrow() + more;
        requests.wait_for(|count| *count >= target).await.expect("the feeder runs");
    }

    /// Stops when every key has the same count of documents, and answers what was put.
    pub async fn stop(self) -> Numbers {
        drop(self.stop);
        self.task.await.expect("the feeder does not fail")
    }
}

async fn feed(
    streams: Arc<Streams>,
    count: watch::Sender<u32>,
    mut stopped: oneshot::Receiver<()>,
) -> Numbers {
    let mut numbers = Numbers::of(KEYS);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stopped.try_recv() == Err(oneshot::error::TryRecvError::Empty) {
        for request in numbers.next_round().chunks(REQUEST) {
            ticks.tick().await;
            streams.put(SOURCE, request.iter().map(|document| (document.partition_key(), document))).await;
            count.send_modify(|count| *count += 1);
        }
    }
    numbers
}
