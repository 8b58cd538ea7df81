//! The components' files that the settings name, looked at while the host runs.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use tidemill_engine::deploy::Artifact;
use tokio::{
    fs,
    signal::unix::Signal,
    sync::watch,
    time::{MissedTickBehavior, interval},
};

/// A file, as it was last found.
#[derive(Debug)]
pub struct WatchedFile {
    path: PathBuf,
    found: watch::Sender<Arc<Artifact>>,
    /// What the file was like when it was read last.
    read: Option<Look>,
    /// What it was like at the last look, where that is something else.
    seen: Option<Look>,
}

/// What a file is like without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    bytes: u64,
    modified: Option<SystemTime>,
}

impl WatchedFile {
    /// A file that was read before; it may have changed since.
    pub fn new(path: &Path, artifact: Arc<Artifact>) -> Self {
        Self { path: path.to_owned(), found: watch::Sender::new(artifact), read: None, seen: None }
    }

    /// What it is, now and whenever it changed.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Artifact>> {
        self.found.subscribe()
    }

    /// Looks whether it changed. It has to be the same at two looks before it counts, because a file that is being
    /// copied grows; unless somebody says that it is whole.
    async fn look(&mut self, is_whole: bool) {
        // A file that is being replaced may not be there for a moment.
        let Some(now) = look(&self.path).await else { return };
        if self.read == Some(now) && !is_whole {
            self.seen = None;
            return;
        }
        if self.seen != Some(now) && !is_whole {
            self.seen = Some(now);
            return;
        }
        match read(&self.path).await {
            Ok(artifact) => {
                self.read = Some(now);
                self.seen = None;
                if artifact.digest != self.found.borrow().digest {
                    tracing::info!(file = artifact.from, digest = ?artifact.digest, "a component's file has changed");
                    self.found.send_replace(Arc::new(artifact));
                }
            }
            Err(error) => {
                tracing::warn!(file = %self.path.display(), %error, "a component's file cannot be read");
            }
        }
    }
}

/// Looks at all files at every interval where that is wanted, and at once whenever a signal comes; for ever.
pub async fn watch_all(mut files: Vec<WatchedFile>, every: Option<Duration>, mut hangups: Signal) {
    let mut ticks = every.map(|every| {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    });
    loop {
        let tick = async {
            match &mut ticks {
                Some(ticks) => ticks.tick().await,
                None => std::future::pending().await,
            }
        };
        let is_told = tokio::select! {
            _ = tick => false,
            heard = hangups.recv() => {
                if heard.is_some() {
                    tracing::info!(files = files.len(), "SIGHUP: looking at all components' files");
                }
                true
            }
        };
        for file in &mut files {
            file.look(is_told).await;
        }
    }
}

async fn look(path: &Path) -> Option<Look> {
    let found = fs::metadata(path).await.ok()?;
    Some(Look { bytes: found.len(), modified: found.modified().ok() })
}

async fn read(path: &Path) -> std::io::Result<Artifact> {
    Ok(Artifact::new(path.display().to_string(), Bytes::from(fs::read(path).await?)))
}

#[cfg(test)]
mod tests {
    use std::{env, fs, process};

    use super::*;

    /// A file of its own for a test, which goes with it.
    struct File(PathBuf);

    impl File {
        fn new(name: &str) -> Self {
            let file = Self(env::temp_dir().join(format!("tidemill-{}-{name}.wasm", process::id())));
            file.write("first");
            file
        }

        fn write(&self, text: &str) {
            fs::write(&self.0, text).unwrap();
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            // A file that is gone already is as good.
            let _ = fs::remove_file(&self.0);
        }
    }

    /// One that was looked at until it is known.
    async fn watched(file: &File) -> WatchedFile {
        let mut watched = WatchedFile::new(&file.0, Arc::new(read(&file.0).await.unwrap()));
        watched.look(false).await;
        watched.look(false).await;
        watched
    }

    fn content(file: &WatchedFile) -> Bytes {
        file.found.borrow().bytes.clone()
    }

    #[tokio::test]
    async fn a_change_counts_when_two_looks_agree() {
        let file = File::new("two-looks");
        let mut watched = watched(&file).await;
        for text in ["f", "fi", "fin", "final"] {
            file.write(text);
            watched.look(false).await;
            assert_eq!(content(&watched), "first");
        }
        watched.look(false).await;
        assert_eq!(content(&watched), "final");
    }

    #[tokio::test]
    async fn who_says_that_it_is_whole_need_not_wait() {
        let file = File::new("whole");
        let mut watched = watched(&file).await;
        file.write("other");
        watched.look(true).await;
        assert_eq!(content(&watched), "other");
    }

    #[tokio::test]
    async fn a_file_that_is_gone_or_only_touched_changes_nothing() {
        let file = File::new("gone");
        let mut watched = watched(&file).await;
        let mut changes = watched.subscribe();
        fs::remove_file(&file.0).unwrap();
        watched.look(false).await;
        file.write("first");
        for _ in 0..3 {
            watched.look(false).await;
        }
        assert!(!changes.has_changed().unwrap());
        assert_eq!(changes.borrow_and_update().bytes, "first");
    }
}
