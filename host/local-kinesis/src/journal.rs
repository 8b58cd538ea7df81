//! Changes gather while the disk is busy, and one task puts all that gathered there in one commit.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tidemill_engine::{
    kinesis::memory::{Change, Journal, ServiceError},
    limits,
    task::{self, Task},
};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::disk::Disk;

/// The journal's end at the model.
///
/// What gathers is bounded by the callers: each waits for its changes to be kept before it makes more.
#[derive(Debug)]
struct DiskJournal {
    gathered: Mutex<Gathered>,
    wake: Arc<Notify>,
    progress: watch::Receiver<Progress>,
}

#[derive(Debug, Default)]
struct Gathered {
    changes: Vec<Change>,
    /// Changes noted since the start.
    noted: u64,
}

/// How far the disk is.
#[derive(Clone, Debug)]
enum Progress {
    /// So many changes are kept.
    Kept(u64),
    /// Nothing more will be kept, and why.
    Failed(String),
}

/// The journal's end at the disk. Dropping it stops it; what nobody was told of may then be lost.
#[derive(Debug)]
pub(crate) struct Writer {
    task: Task<()>,
    stop: CancellationToken,
}

impl Writer {
    /// Puts the rest on disk, within [`limits::LOCAL_STOP`].
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        if tokio::time::timeout(limits::LOCAL_STOP, self.task).await.is_err() {
            tracing::warn!(
                wait_s = limits::LOCAL_STOP.as_secs(),
                "the disk did not take the last changes in time"
            );
        }
    }
}

/// Starts the task that writes.
pub(crate) fn start(disk: Disk) -> (Arc<dyn Journal>, Writer) {
    let (tell, progress) = watch::channel(Progress::Kept(0));
    let wake = Arc::new(Notify::new());
    let journal = Arc::new(DiskJournal { gathered: Mutex::default(), wake: Arc::clone(&wake), progress });
    let stop = CancellationToken::new();
    let writing = write(disk, Arc::clone(&journal), tell, stop.clone());
    (journal, Writer { task: task::spawn("local-kinesis-journal", writing), stop })
}

async fn write(
    disk: Disk,
    journal: Arc<DiskJournal>,
    tell: watch::Sender<Progress>,
    stop: CancellationToken,
) {
    let disk = Arc::new(disk);
    loop {
        let is_last = tokio::select! {
            () = journal.wake.notified() => false,
            () = stop.cancelled() => true,
        };
        let (changes, noted): (Vec<Change>, u64) = {
            let mut gathered = journal.gathered();
            (std::mem::take(&mut gathered.changes), gathered.noted)
        };
        let disk = Arc::clone(&disk);
        let written = tokio::task::spawn_blocking(move || disk.write(&changes)).await;
        let failure = match written {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(panic) => Some(panic.to_string()),
        };
        if let Some(reason) = failure {
            tracing::error!(reason, "streams cannot be kept on disk any more; every call fails from now on");
            tell.send_replace(Progress::Failed(reason));
            return;
        }
        tell.send_replace(Progress::Kept(noted));
        if is_last {
            return;
        }
    }
}

impl DiskJournal {
    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Journal for DiskJournal {
    fn note(&self, change: Change) {
        let mut gathered = self.gathered();
        gathered.changes.push(change);
        gathered.noted += 1;
        drop(gathered);
        self.wake.notify_one();
    }

    async fn kept(&self) -> Result<(), ServiceError> {
        let noted = self.gathered().noted;
        let lost = |reason: &str| ServiceError::new("InternalFailure", format!("not kept on disk: {reason}"));
        let mut progress = self.progress.clone();
        let reached = progress.wait_for(|progress| match progress {
            Progress::Kept(kept) => *kept >= noted,
            Progress::Failed(_) => true,
        });
        match &*reached.await.map_err(|_| lost("the embedded Kinesis is stopping"))? {
            Progress::Kept(_) => Ok(()),
            Progress::Failed(reason) => Err(lost(reason)),
        }
    }
}
