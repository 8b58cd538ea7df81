//! The component in use in one part of a pipeline, and how another takes its place while the part runs.
//!
//! ```text
//! apply: compile ─► check ─► try out ─► warm ─┐            ┌─► retire the old: its idle instances at once,
//!                                             ├─ publish ──┤   those that are busy when they come back
//! verdict of a contest: back, or over ────────┘            └─► the next call of every shard meets the new
//! ```
//! A [`LineUp`] says which generations are in use, behind a pointer that a call reads once: to publish is to store that
//! pointer. Only [`Slot::publish`] does, under one lock, so that whoever decides on another line-up sees the last.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use arc_swap::ArcSwap;
use tidemill_engine::{
    deploy::{Artifact, Refused, SlotStatus, Trial, Verdict},
    task::{self, Task},
};
use tokio::{sync::Notify, time::timeout};

use crate::{
    component::{Compiled, Inspection},
    contract::{Contract, Role},
    engine::Engine,
    error::ComponentError,
    fault::Fault,
    grants::Grants,
    instance::Instance,
    settings::RolloutSettings,
};

mod applying;
mod generation;
mod instances;
mod line_up;
mod recent;
mod tally;
mod verdicts;

pub use generation::Generation;
pub use line_up::{Contest, ContestKind, LineUp};
pub use recent::Recent;

use verdicts::Pending;

/// What a component has to be able to do to be replaced, besides being called.
pub trait Swap: Contract {
    /// What its part of the pipeline settled for good.
    type Settings: fmt::Debug + Send + Sync + 'static;
    /// Records of its last calls, to try out what is to replace it.
    type Sample: Clone + fmt::Debug + Default + Send + Sync + 'static;

    /// Whether a candidate may be tried like that here; else why not.
    fn may_try(settings: &Self::Settings, trial: &Trial) -> Result<(), String>;

    /// Makes an instance for a place and tells it so.
    fn begin(
        generation: &Generation<Self>,
        place: &Self::Place,
    ) -> impl Future<Output = Result<Instance<Self>, Fault>> + Send;

    /// Tells an instance that another generation has its place, and lets it go.
    fn end(
        generation: &Generation<Self>,
        place: &Self::Place,
        instance: Instance<Self>,
    ) -> impl Future<Output = ()> + Send;

    /// Makes a generation that nothing meets yet handle a sample; else what is wrong with it.
    fn try_out(
        tried: &Arc<Generation<Self>>,
        running: &Generation<Self>,
        settings: &Self::Settings,
        sample: Self::Sample,
        rollout: &RolloutSettings,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// Holds the generations of a component that are in use.
pub struct Slot<C: Swap> {
    me: Weak<Self>,
    /// Compiles; and keeps the epochs ticking, without which no deadline would be noticed.
    engine: Engine,
    role: Role,
    settings: C::Settings,
    grants: Grants,
    rollout: RolloutSettings,
    line_up: ArcSwap<LineUp<C>>,
    sample: Mutex<C::Sample>,
    last_id: AtomicU64,
    /// Held for as long as something is compiled and published.
    applying: tokio::sync::Mutex<()>,
    changes: Mutex<Changes<C>>,
    decided: Notify,
    /// Told by every generation that goes.
    gone: Arc<Notify>,
}

/// What changes with a line-up.
struct Changes<C: Contract> {
    /// A verdict that nobody was told yet.
    pending: Pending,
    /// Ends a contest in which nothing happens any more.
    timer: Option<Task<()>>,
    /// Generations that are no longer in use, of which some calls may be under way.
    retired: Vec<Weak<Generation<C>>>,
    /// Instances that are being told that they go.
    departing: Vec<Task<()>>,
}

/// The first generation of a part, before there is a slot for it.
pub struct First<C: Contract> {
    /// The generation.
    pub generation: Arc<Generation<C>>,
    engine: Engine,
    role: Role,
    grants: Grants,
    gone: Arc<Notify>,
}

impl<C: Swap> First<C> {
    /// Compiles and checks a component, and makes one instance of it to see that it can be made.
    ///
    /// It compiles on threads of its own, about a second for each megabyte. It may be dropped at any await; a compilation
    /// under way then ends unheard.
    pub async fn load(
        engine: &Engine,
        artifact: &Arc<Artifact>,
        role: Role,
        grants: Grants,
    ) -> Result<(Self, Instance<C>), ComponentError> {
        let compiled = compile::<C>(engine, artifact, role).await?;
        let gone = Arc::new(Notify::new());
        let generation = Arc::new(Generation::new(1, &artifact.from, compiled, grants.clone(), &gone));
        let instance = generation.within_deadline(generation.instance()).await;
        let instance = instance.map_err(|fault| not_started(&artifact.from, fault))?;
        Ok((Self { generation, engine: engine.clone(), role, grants, gone }, instance))
    }

    /// Puts it into a slot.
    pub fn into_slot(self, settings: C::Settings, rollout: RolloutSettings) -> Arc<Slot<C>> {
        let Self { generation, engine, role, grants, gone } = self;
        Arc::new_cyclic(|me| Slot {
            me: Weak::clone(me),
            engine,
            role,
            settings,
            grants,
            rollout,
            last_id: AtomicU64::new(generation.id),
            line_up: ArcSwap::from_pointee(LineUp::of(generation)),
            sample: Mutex::default(),
            applying: tokio::sync::Mutex::default(),
            changes: Mutex::default(),
            decided: Notify::new(),
            gone,
        })
    }
}

impl<C: Swap> Slot<C> {
    /// The generations in use, which a call reads once.
    pub fn line_up(&self) -> Arc<LineUp<C>> {
        self.line_up.load_full()
    }

    /// The stable component's name and the start of its digest.
    pub fn label(&self) -> Arc<str> {
        Arc::clone(&self.line_up.load().stable.label)
    }

    /// What the stable component is.
    pub fn inspection(&self) -> Inspection {
        self.line_up.load().stable.compiled.inspection.clone()
    }

    /// What its part of the pipeline settled for good.
    pub fn settings(&self) -> &C::Settings {
        &self.settings
    }

    /// Changes what the next component is tried out on.
    pub fn remember(&self, change: impl FnOnce(&mut C::Sample)) {
        // Whoever finds it busy has nothing to add: another call is a sample as good.
        if let Ok(mut sample) = self.sample.try_lock() {
            change(&mut sample);
        }
    }

    /// Keeps an instance for the next call at its place, or lets it go where its generation was replaced.
    pub fn put_back(&self, generation: &Arc<Generation<C>>, place: &C::Place, instance: Instance<C>) {
        if let Some(instance) = generation.instances.put(place, instance) {
            self.depart(generation, vec![(place.clone(), instance)]);
        }
    }

    /// Waits until the generations that were replaced are gone with all of their memory, but no longer than their calls
    /// may take; answers whether they are. Cancel safe.
    pub async fn drained(&self) -> bool {
        let all_gone = async {
            loop {
                let mut told = std::pin::pin!(self.gone.notified());
                told.as_mut().enable();
                if self.retired() == 0 {
                    return;
                }
                told.await;
            }
        };
        timeout(self.grants.sandbox.deadline * 2, all_gone).await.is_ok()
    }

    /// How many generations were replaced and are not gone yet.
    pub fn retired(&self) -> usize {
        let mut changes = self.changes();
        changes.retired.retain(|generation| generation.strong_count() > 0);
        changes.retired.len()
    }

    /// What runs, without the shards.
    pub fn slot_status(&self) -> SlotStatus {
        let line_up = self.line_up();
        let candidate = line_up.candidate();
        SlotStatus {
            component: line_up.stable.status(),
            candidate: candidate.map(|(candidate, _)| candidate.status()),
            trial: candidate.map(|(_, trial)| trial.clone()),
            shards: BTreeMap::new(),
            figures: line_up.contest.as_ref().map(|contest| contest.figures()),
        }
    }

    /// Makes a line-up the one in use, unless another took the place of `now` meanwhile.
    fn publish(&self, now: &Arc<LineUp<C>>, next: LineUp<C>, pending: Option<Verdict>) -> bool {
        let mut changes = self.changes();
        if !Arc::ptr_eq(&self.line_up.load(), now) {
            return false;
        }
        let next = Arc::new(next);
        changes.timer = next.contest.as_ref().map(|contest| self.timer(contest));
        changes.pending = pending;
        self.line_up.store(Arc::clone(&next));
        let is_out = |old: &&Arc<Generation<C>>| !next.generations().any(|new| Arc::ptr_eq(new, old));
        let out: Vec<_> = now.generations().filter(is_out).cloned().collect();
        changes.retired.extend(out.iter().map(Arc::downgrade));
        drop(changes);
        self.decided.notify_waiters();
        // One that is only kept to go back to has no instances meanwhile, except while it handles something again.
        for generation in out.iter().chain(next.previous()) {
            self.depart(generation, generation.instances.close());
        }
        true
    }

    /// Lets instances go beside whoever had them: what they do at their end may take a while.
    fn depart(&self, generation: &Arc<Generation<C>>, instances: Vec<(C::Place, Instance<C>)>) {
        if instances.is_empty() {
            return;
        }
        let generation = Arc::clone(generation);
        let telling = task::spawn("depart", async move {
            for (place, instance) in instances {
                C::end(&generation, &place, instance).await;
            }
        });
        let mut changes = self.changes();
        changes.departing.retain(|task| !task.is_finished());
        changes.departing.push(telling);
    }

    fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Relaxed) + 1
    }

    fn changes(&self) -> MutexGuard<'_, Changes<C>> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A component whose first instance failed.
pub fn not_started(from: &str, Fault { kind, message }: Fault) -> ComponentError {
    ComponentError::Instantiate { path: from.into(), kind, message }
}

/// Compiles and checks on a thread for blocking work, which waits for those that compile.
async fn compile<C: Contract>(
    engine: &Engine,
    artifact: &Arc<Artifact>,
    role: Role,
) -> Result<Compiled<C>, ComponentError> {
    let (engine, artifact) = (engine.clone(), Arc::clone(artifact));
    let compiling = tokio::task::spawn_blocking(move || Compiled::open(&engine, &artifact, role));
    compiling.await.unwrap_or_else(|failed| match failed.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(cancelled) => Err(ComponentError::engine(cancelled)),
    })
}

fn refused(why: impl fmt::Display) -> Refused {
    Refused(why.to_string())
}

impl<C: Contract> Default for Changes<C> {
    fn default() -> Self {
        Self { pending: None, timer: None, retired: Vec::new(), departing: Vec::new() }
    }
}

impl<C: Swap> fmt::Debug for Slot<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot")
            .field("role", &self.role)
            .field("line_up", &self.line_up())
            .finish_non_exhaustive()
    }
}
