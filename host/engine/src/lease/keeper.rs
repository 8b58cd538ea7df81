//! Keeps one lease: renews it while its shard is worked on, writes its checkpoints, and notices when it is lost.
//!
//! Its task is the only one that writes the lease, so the counter it knows is the stored one unless another worker
//! wrote. A handler may run for as long as it likes: renewing does not wait for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{Checkpoint, Lease, LeaseError, LeaseStore, Update};
use crate::{
    backoff::Backoff,
    bugs::{Bug, planted},
    limits,
    task::{self, Task},
};

/// The keeping of one lease. Dropping it stops renewing; the lease then expires for others.
#[derive(Debug)]
pub struct LeaseKeeper {
    wanted: watch::Sender<Checkpoint>,
    finish: mpsc::Sender<Finish>,
    lost: CancellationToken,
    load: Arc<AtomicU64>,
    _task: Task<()>,
}

/// How often a keeper writes.
#[derive(Clone, Copy, Debug)]
pub struct KeeperSettings {
    /// After how long without a write others may take the lease.
    pub failover: Duration,
    /// How long a checkpoint may wait to be written.
    pub checkpoint_interval: Duration,
}

impl Default for KeeperSettings {
    fn default() -> Self {
        Self { failover: limits::FAILOVER, checkpoint_interval: limits::CHECKPOINT_INTERVAL }
    }
}

#[derive(Debug)]
struct Finish {
    release: bool,
    reply: oneshot::Sender<Result<(), LeaseError>>,
}

impl LeaseKeeper {
    /// Starts keeping a lease that was just taken. `leave` is cancelled once another worker asks for the lease: it is
    /// for the caller to finish what is in hand and to give the lease back then. The store answers in time for another
    /// attempt, as [`BoundedLeases`](super::bounded::BoundedLeases) do.
    pub fn start(
        store: Arc<dyn LeaseStore>,
        lease: Lease,
        settings: KeeperSettings,
        leave: CancellationToken,
    ) -> Self {
        let (wanted, checkpoints) = watch::channel(lease.checkpoint.clone());
        let (finish, finishes) = mpsc::channel(1);
        let lost = CancellationToken::new();
        let load = Arc::new(AtomicU64::new(lease.load));
        let (first, longest) = (limits::FETCH_BACKOFF.0, settings.failover / 3);
        let keeping = Keeping {
            store,
            renewed: Instant::now(),
            written: Instant::now(),
            backoff: Backoff::new(first, longest, lease.counter),
            failures: 0,
            retry_at: None,
            lease,
            settings,
            checkpoints,
            finishes,
            lost: lost.clone(),
            leave,
            load: Arc::clone(&load),
        };
        Self { wanted, finish, lost, load, _task: task::spawn("lease-keeper", keeping.run()) }
    }

    /// Moves the checkpoint; it is written within the checkpoint interval, and only the newest is.
    pub fn advance(&self, checkpoint: Checkpoint) {
        self.wanted.send_replace(checkpoint);
    }

    /// Notes how many bytes a second are read from the shard; the next write of the lease tells others.
    pub fn measured(&self, bytes_per_second: u64) {
        self.load.store(bytes_per_second, Relaxed);
    }

    /// Cancelled once the lease is lost, or cannot be shown to be held any more.
    pub fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// Writes the newest checkpoint, gives the lease back if asked to, and stops keeping it.
    ///
    /// # Cancel safety
    /// Not safe: the lease may then be kept until it expires.
    pub async fn finish(self, release: bool) -> Result<(), LeaseError> {
        let (reply, done) = oneshot::channel();
        let stopped = || LeaseError::Unavailable("the lease was lost before it was given back".to_owned());
        self.finish.send(Finish { release, reply }).await.map_err(|_| stopped())?;
        done.await.map_err(|_| stopped())?
    }
}

struct Keeping {
    store: Arc<dyn LeaseStore>,
    lease: Lease,
    settings: KeeperSettings,
    checkpoints: watch::Receiver<Checkpoint>,
    finishes: mpsc::Receiver<Finish>,
    lost: CancellationToken,
    leave: CancellationToken,
    load: Arc<AtomicU64>,
    /// When the store last confirmed the lease.
    renewed: Instant,
    /// When a checkpoint was last written.
    written: Instant,
    backoff: Backoff,
    failures: u32,
    retry_at: Option<Instant>,
}

enum Event {
    Write,
    Finish(Option<Finish>),
    Checkpoint,
}

impl Keeping {
    async fn run(mut self) {
        // The lease is lost for whoever works under it, however this task ends.
        let _lost = self.lost.clone().drop_guard();
        loop {
            let write_at = self.write_at();
            let event = tokio::select! {
                biased;
                finish = self.finishes.recv() => Event::Finish(finish),
                () = sleep_until(write_at) => Event::Write,
                // While a checkpoint waits for its interval, further ones only replace it.
                changed = self.checkpoints.changed(), if !self.is_behind() => match changed {
                    Ok(()) => Event::Checkpoint,
                    Err(_) => Event::Finish(None),
                },
            };
            match event {
                Event::Checkpoint => {}
                // Asleep for so long, as a process that is stopped and goes on, this one cannot know whose the lease is.
                Event::Write if self.renewed.elapsed() >= self.settings.failover => {
                    tracing::warn!(lease = %self.lease.key, "the lease was not renewed in time; this worker stops reading the shard");
                    return;
                }
                Event::Write => {
                    let result = self.write().await;
                    if self.is_over(result) {
                        return;
                    }
                }
                Event::Finish(Some(finish)) => {
                    let result = self.last_write(finish.release).await;
                    // Whoever asked may have run out of time.
                    let _ = finish.reply.send(result);
                    return;
                }
                Event::Finish(None) => return,
            }
        }
    }

    fn is_behind(&self) -> bool {
        *self.checkpoints.borrow() != self.lease.checkpoint
    }

    fn write_at(&self) -> Instant {
        let renew = self.renewed + self.settings.failover / 3;
        let checkpoint = self.is_behind().then(|| self.written + self.settings.checkpoint_interval);
        let due = checkpoint.map_or(renew, |at| at.min(renew));
        self.retry_at.map_or(due, |retry| retry.max(due))
    }

    /// Writes the checkpoint if there is a new one, and renews otherwise.
    async fn write(&mut self) -> Result<(), LeaseError> {
        match self.write_once().await {
            // An earlier write may have happened though it seemed to fail: the lease is then not lost, but ours.
            Err(LeaseError::Lost(_)) if self.failures > 0 && self.knows_own_write().await? => {
                self.write_once().await
            }
            Err(LeaseError::Lost(_)) if planted(Bug::UnfencedWrite) => {
                let stored = self.store.get(&self.lease.key).await?;
                self.lease = stored.unwrap_or_else(|| self.lease.clone());
                self.write_once().await
            }
            other => other,
        }
    }

    async fn write_once(&mut self) -> Result<(), LeaseError> {
        let begun = Instant::now();
        let wanted = self.checkpoints.borrow_and_update().clone();
        let is_new = wanted != self.lease.checkpoint;
        let load = self.load.load(Relaxed);
        let update =
            if is_new { Update::Checkpoint { checkpoint: wanted, load } } else { Update::Renew { load } };
        self.lease = self.store.update(&self.lease, update).await?;
        if is_new {
            self.written = begun;
        }
        // Others count from when they see the write, which is later than when it began.
        self.renewed = begun;
        if self.lease.wanted_by.is_some() && !self.leave.is_cancelled() {
            tracing::info!(lease = %self.lease.key, "another worker asks for the lease; it is handed over");
            self.leave.cancel();
        }
        Ok(())
    }

    /// Whether what is stored is this keeper's own write. Takes it in.
    async fn knows_own_write(&mut self) -> Result<bool, LeaseError> {
        let stored = self.store.get(&self.lease.key).await?;
        let own = stored.filter(|stored| is_own(&self.lease, stored));
        let is_own = own.is_some();
        self.lease = own.unwrap_or_else(|| self.lease.clone());
        Ok(is_own)
    }

    /// Whether keeping ends with this result.
    fn is_over(&mut self, result: Result<(), LeaseError>) -> bool {
        match result {
            Ok(()) => {
                self.failures = 0;
                self.retry_at = None;
                false
            }
            Err(LeaseError::Lost(key)) => {
                tracing::warn!(lease = %key, "another worker took the lease; this one stops reading the shard");
                true
            }
            Err(LeaseError::Unavailable(reason)) => {
                self.failures += 1;
                let silent = self.renewed.elapsed();
                let over = silent >= self.settings.failover;
                if over {
                    tracing::error!(lease = %self.lease.key, reason, silent_s = silent.as_secs(),
                        "the lease could not be renewed in time; this worker stops reading the shard");
                } else if self.failures == 1 {
                    tracing::warn!(lease = %self.lease.key, reason, "the lease could not be written; trying again");
                }
                self.retry_at = Some(Instant::now() + self.backoff.pause(self.failures));
                over
            }
        }
    }

    /// The last checkpoint must not be lost to one failed write, but a stop must end.
    async fn last_write(&mut self, release: bool) -> Result<(), LeaseError> {
        loop {
            let result = self.finish_once(release).await;
            match result {
                Err(LeaseError::Unavailable(_)) if self.failures < limits::LAST_CHECKPOINT_ATTEMPTS => {
                    self.failures += 1;
                    let pause = self.backoff.pause(self.failures);
                    tokio::time::sleep(pause).await;
                }
                other => return other,
            }
        }
    }

    async fn finish_once(&mut self, release: bool) -> Result<(), LeaseError> {
        if self.is_behind() {
            self.write().await?;
        }
        if release {
            self.lease = self.store.update(&self.lease, Update::Release).await?;
        }
        Ok(())
    }
}

/// Whether the stored lease is one write further than the one that its holder knows, and still the holder's: only its
/// own write leads there, because others take a lease for themselves, and no two workers have one name.
pub(super) fn is_own(known: &Lease, stored: &Lease) -> bool {
    stored.owner == known.owner && stored.counter == known.counter + 1
}

#[cfg(test)]
mod tests;
