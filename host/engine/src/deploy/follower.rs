//! Makes one part of this host run what its application wants, for as long as the host runs.
//!
//! ```text
//! the store of deployments ──every interval, or nudged──┐
//! the file of the settings ──when it changed────────────┼─► wanted ──► slot.apply ──► shown in the status
//! slot.verdict ──bad──► a rollback for all hosts ───────┘
//! ```

use std::{fmt, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{Artifact, DeployError, Deployment, Deployments, Digest, Event, Part, Slot, Wanted, Wish};
use crate::{backoff::Backoff, limits, time::Clock};

mod applying;
mod following;
#[cfg(test)]
mod tests;
mod verdicts;

use applying::all;

pub use following::{Followed, NotLetIn};

/// How a part is followed.
#[derive(Clone, Copy, Debug)]
pub struct FollowSettings {
    /// How often the store is asked.
    pub interval: Duration,
    /// Decides the jitter of pauses after a store failed.
    pub seed: u64,
}

/// Follows one part. The first look is by [`catch_up`](Self::catch_up), the rest by [`run`](Self::run).
pub struct Follower {
    part: Part,
    deployments: Arc<dyn Deployments>,
    slot: Arc<dyn Slot>,
    /// The file that the settings name, as it was last found.
    file: watch::Receiver<Arc<Artifact>>,
    settings: FollowSettings,
    worker: String,
    clock: Clock,
    /// Told of whatever runs anew.
    on_change: Arc<dyn Fn() + Send + Sync>,
    nudge: Arc<Notify>,
    status: watch::Sender<Followed>,
    backoff: Backoff,
    failures: u32,
    /// What is to run where nothing is deployed: the file as it was last found.
    base: Arc<Artifact>,
    /// The file as it last ran, and as it ran before that.
    base_ran: (Arc<Artifact>, Option<Arc<Artifact>>),
    /// Whether the host has begun: what it refuses from then on is refused for all.
    has_begun: bool,
    /// What was applied, or refused, last.
    tried: Option<Tried>,
    /// The components of it that are not the file.
    held: Vec<Arc<Artifact>>,
    /// Since when this host runs a candidate, and whether its probation is over.
    trial: Option<OnTrial>,
    /// A verdict that the store was not told yet.
    decision: Option<Decision>,
}

/// What tells one thing that is wanted from another.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tried {
    version: u64,
    /// The file, where what is wanted has it in it.
    file: Option<Digest>,
}

#[derive(Clone, Copy, Debug)]
struct OnTrial {
    version: u64,
    since: Instant,
    is_good: bool,
}

#[derive(Clone, Debug)]
struct Decision {
    /// Of what it is the verdict.
    version: u64,
    wish: Wish,
    why: String,
}

/// What a follower works on.
#[derive(Debug)]
pub struct Followable {
    /// The part.
    pub part: Part,
    /// What runs in it.
    pub slot: Arc<dyn Slot>,
    /// The file that the settings name, and what becomes of it.
    pub file: watch::Receiver<Arc<Artifact>>,
}

impl Follower {
    /// A follower that has not looked yet. `worker` is who its rollbacks and promotions are by, and `on_change` is
    /// called whenever something else runs than before.
    pub fn new(
        followable: Followable,
        deployments: Arc<dyn Deployments>,
        settings: FollowSettings,
        worker: impl Into<String>,
        clock: Clock,
        on_change: Arc<dyn Fn() + Send + Sync>,
    ) -> Self {
        let Followable { part, slot, mut file } = followable;
        let base = Arc::clone(&file.borrow_and_update());
        let status = watch::Sender::new(Followed::new(&part, slot.status()));
        Self {
            part,
            deployments,
            slot,
            file,
            settings,
            worker: worker.into(),
            clock,
            on_change,
            nudge: Arc::default(),
            status,
            backoff: Backoff::new(settings.interval, limits::DEPLOY_LONGEST_PAUSE, settings.seed),
            failures: 0,
            has_begun: false,
            tried: Some(Tried { version: 0, file: Some(base.digest.clone()) }),
            base_ran: (Arc::clone(&base), None),
            base,
            held: Vec::new(),
            trial: None,
            decision: None,
        }
    }

    /// Makes it look at once, whenever it is told so.
    pub fn nudge(&self) -> Arc<Notify> {
        Arc::clone(&self.nudge)
    }

    /// How it is, whenever somebody looks.
    pub fn status(&self) -> watch::Receiver<Followed> {
        self.status.subscribe()
    }

    /// Looks once, so that a host begins with what is wanted. Whatever goes wrong is logged, and the rest of the life of
    /// the host is there to mend it.
    ///
    /// # Cancel safety
    /// As [`Slot::apply`].
    pub async fn catch_up(&mut self) {
        self.look().await;
        self.has_begun = true;
    }

    /// Follows until `stop` is cancelled.
    ///
    /// # Cancel safety
    /// As [`Slot::apply`]. A verdict that the store was not told is lost, and comes again where things are as bad.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut hears_files = true;
        // A verdict that stands is repeated; it is listened to as often as the store is looked at.
        let mut listens_at = Instant::now();
        loop {
            let next_look = Instant::now() + self.pause();
            let slot = Arc::clone(&self.slot);
            let verdict = async {
                sleep_until(listens_at).await;
                slot.verdict().await
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.nudge.notified() => {}
                changed = self.file.changed(), if hears_files => match changed {
                    Ok(()) => self.take_file(),
                    Err(_) => hears_files = false,
                },
                verdict = verdict, if self.decision.is_none() => {
                    listens_at = Instant::now() + self.settings.interval;
                    self.judge(verdict).await;
                }
                () = sleep_until(next_look) => {}
            }
            self.look().await;
        }
    }

    /// How long until the next look.
    fn pause(&mut self) -> Duration {
        if self.failures > 0 {
            return self.backoff.pause(self.failures);
        }
        let due = self.promotion_due().map(|due| due.saturating_duration_since(Instant::now()));
        due.unwrap_or(Duration::MAX).min(self.settings.interval)
    }

    /// When the candidate is to be promoted, if it goes on like this.
    fn promotion_due(&self) -> Option<Instant> {
        let trial = self.trial.filter(|trial| trial.is_good)?;
        let status = self.status.borrow();
        let candidate = status.wanted.as_ref()?.candidate.as_ref()?;
        Some(trial.since + candidate.promote_after()?)
    }

    async fn look(&mut self) {
        let looked = self.tell_and_look().await;
        let shown = looked.as_ref().err().map(ToString::to_string);
        match looked {
            Ok(()) if self.failures > 0 => {
                tracing::info!(part = %self.part, "what is deployed is known again");
                self.failures = 0;
            }
            Ok(()) => {}
            Err(error) => {
                if self.failures == 0 {
                    tracing::warn!(part = %self.part, %error, "what is deployed is not known: what runs goes on");
                }
                self.failures = self.failures.saturating_add(1);
            }
        }
        let status = self.slot.status();
        self.status.send_modify(|followed| {
            followed.slot = status;
            followed.unavailable = shown;
        });
    }

    async fn tell_and_look(&mut self) -> Result<(), DeployError> {
        if self.promotion_due().is_some_and(|due| due <= Instant::now())
            && let Some(trial) = self.trial
        {
            let why = "it did well for as long as it was to be tried".to_owned();
            self.decision.get_or_insert(Decision { version: trial.version, wish: Wish::Promote, why });
        }
        loop {
            self.tell().await?;
            let wanted = self.deployments.current(&self.part).await?;
            self.follow(wanted).await?;
            // What was just refused is taken back before anybody builds on it. Each rollback leads further back, so
            // there is an end.
            if self.decision.is_none() {
                return Ok(());
            }
        }
    }

    /// Applies what is wanted, unless that was tried before.
    async fn follow(&mut self, deployment: Option<Deployment>) -> Result<(), DeployError> {
        let component = deployment.as_ref().and_then(|deployment| deployment.component.clone());
        let version = deployment.as_ref().map_or(0, |deployment| deployment.version);
        let event = deployment.as_ref().map(|deployment| deployment.event);
        let file = component.is_none().then(|| self.base.digest.clone());
        let tried = Tried { version, file };
        self.status.send_modify(|followed| followed.wanted.clone_from(&deployment));
        if self.tried.as_ref() == Some(&tried) {
            return Ok(());
        }
        let wanted = match &deployment {
            Some(deployment) => self.resolve(deployment).await?,
            None => Ok(Wanted { component: Arc::clone(&self.base), candidate: None, allow: all() }),
        };
        self.trial = deployment.filter(|deployment| deployment.candidate.is_some()).map(|_| OnTrial {
            version,
            since: Instant::now(),
            is_good: false,
        });
        let refused = match wanted {
            Ok(wanted) => self.apply(version, wanted).await.err(),
            Err(why) => Some(why),
        };
        match &refused {
            Some(why) => {
                self.trial = None;
                tracing::error!(part = %self.part, version, %why, "refused: what ran before goes on");
                // A host that starts later must not look for what none would let in; but what ran elsewhere before this
                // host began is this host's trouble alone.
                if self.has_begun && event.is_some() {
                    let why = format!("{} refused it: {why}", self.worker);
                    self.decision = Some(Decision { version, wish: Wish::RollBack, why });
                }
            }
            None if tried.file.as_ref().is_some_and(|file| *file != self.base_ran.0.digest) => {
                let before = std::mem::replace(&mut self.base_ran.0, Arc::clone(&self.base));
                self.base_ran.1 = Some(before);
            }
            None => {}
        }
        self.status.send_modify(|followed| match refused {
            Some(why) => followed.refused = Some(NotLetIn { version, why }),
            None => {
                followed.applied = version;
                // Going back does not undo that something was refused.
                if event != Some(Event::RolledBack) {
                    followed.refused = None;
                }
            }
        });
        self.tried = Some(tried);
        Ok(())
    }

    /// The file changed.
    fn take_file(&mut self) {
        let file = Arc::clone(&self.file.borrow_and_update());
        if file.digest == self.base.digest {
            return;
        }
        self.base = file;
        let wanted = self.status.borrow().wanted.as_ref().and_then(|wanted| wanted.component.clone());
        if let Some(digest) = wanted {
            tracing::warn!(
                part = %self.part, file = self.base.from, ?digest,
                "the file has changed and is not what runs: `tidemill deploy` it, or roll back what is deployed"
            );
        }
    }
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower")
            .field("part", &self.part)
            .field("tried", &self.tried)
            .finish_non_exhaustive()
    }
}
