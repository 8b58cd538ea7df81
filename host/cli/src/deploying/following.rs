//! The parts of a running host, each with what follows what the application wants of it.

use std::{panic, sync::Arc, time::Duration};

use futures::stream::{FuturesUnordered, StreamExt};
use tidemill_engine::{
    consumer::Control,
    deploy::{Deployments, FollowSettings, Followable, Follower, Part, Slot},
    task::{self, Task},
    time::Clock,
};
use tokio::signal::unix::Signal;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{
    beginning::Beginning,
    desk::{Desk, Place},
    files::{WatchedFile, watch_all},
};
use crate::config::DeployConfig;

/// A part with all that following it takes.
#[derive(Debug)]
pub struct Deployable {
    /// Which.
    pub part: Part,
    /// What runs in it.
    pub slot: Arc<dyn Slot>,
    /// What it began with.
    pub beginning: Beginning,
    /// The pipeline's shards that wait, which another component may help.
    pub controls: Vec<Arc<Control>>,
}

/// All parts of a host, followed from the start on.
#[derive(Debug)]
pub struct Following {
    /// Where wishes go.
    pub desk: Arc<Desk>,
    followers: Vec<Follower>,
    files: Vec<WatchedFile>,
    /// How often files are looked at, if they are.
    every: Option<Duration>,
}

impl Following {
    /// Has every part run what is wanted, as far as it does not yet.
    pub async fn build(
        deployables: Vec<Deployable>,
        deployments: Arc<dyn Deployments>,
        config: &DeployConfig,
        worker: &str,
        clock: Clock,
    ) -> Self {
        let (mut followers, mut files, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for Deployable { part, slot, beginning, controls } in deployables {
            let file = WatchedFile::new(&beginning.path, beginning.file);
            let followable =
                Followable { part: part.clone(), slot: Arc::clone(&slot), file: file.subscribe() };
            let settings =
                FollowSettings { interval: config.interval, seed: clock.now().0 ^ followers.len() as u64 };
            let resume = Arc::new(move || {
                for control in &controls {
                    control.resume(None);
                }
            });
            let deployments = Arc::clone(&deployments);
            let mut follower = Follower::new(followable, deployments, settings, worker, clock, resume);
            follower.catch_up().await;
            places.push(Place { part, nudge: follower.nudge(), followed: follower.status(), slot });
            followers.push(follower);
            files.push(file);
        }
        let desk = Arc::new(Desk { worker: worker.to_owned(), clock, deployments, places });
        Self { desk, followers, files, every: config.watch.then_some(config.interval) }
    }

    /// Follows, and looks at files, for ever; no part of it changes once `stop` is cancelled.
    pub async fn run(self, hangups: Signal, stop: CancellationToken) {
        let Self { followers, files, every, .. } = self;
        let files = stop.clone().run_until_cancelled_owned(watch_all(files, every, hangups));
        let mut tasks: FuturesUnordered<Task<()>> = followers
            .into_iter()
            .map(|follower| task::spawn("follower", follower.run(stop.clone()).in_current_span()))
            .collect();
        tasks.push(task::spawn("files", async {
            files.await;
        }));
        while let Some(ended) = tasks.next().await {
            if let Some(panic) = ended.err().and_then(|error| error.try_into_panic().ok()) {
                panic::resume_unwind(panic);
            }
        }
        std::future::pending::<()>().await;
    }
}
