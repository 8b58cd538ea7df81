//! Which generations of a component are in use, and what each is for. A call reads it once.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use tidemill_engine::deploy::{Trial, TrialFigures};
use tokio::time::Instant;

use super::{
    generation::Generation,
    tally::{Counts, trouble},
};
use crate::{contract::Contract, settings::RolloutSettings};

/// The generations in use.
#[derive(Debug)]
pub struct LineUp<C: Contract> {
    /// What all calls meet, unless a trial says otherwise.
    pub stable: Arc<Generation<C>>,
    /// The newest of the generations, while it has to prove itself beside an older one.
    pub contest: Option<Arc<Contest<C>>>,
}

/// A newer generation beside an older one.
pub struct Contest<C: Contract> {
    /// The one that has to prove itself.
    pub newcomer: Arc<Generation<C>>,
    /// The one that it is held against, and that is called again where the newcomer fails.
    pub incumbent: Arc<Generation<C>>,
    /// Which of both is the stable one, and who meets the other.
    pub kind: ContestKind,
    /// When the newcomer has proven itself.
    pub until: Instant,
    /// What the incumbent had done before, where only what it does beside the newcomer is fair to compare.
    before: Counts,
    /// Set once somebody was told that a candidate did well.
    pub has_passed: AtomicBool,
    different: AtomicU64,
    passed_over: AtomicU64,
    lines: AtomicU64,
}

/// What a contest is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContestKind {
    /// The newcomer is stable already, and the incumbent is kept to go back to.
    Probation,
    /// The incumbent is stable, and the newcomer is a candidate.
    Trial(Trial),
}

impl<C: Contract> LineUp<C> {
    /// One generation for everything.
    pub fn of(stable: Arc<Generation<C>>) -> Self {
        Self { stable, contest: None }
    }

    /// The candidate and how it is tried.
    pub fn candidate(&self) -> Option<(&Arc<Generation<C>>, &Trial)> {
        let contest = self.contest.as_ref()?;
        match &contest.kind {
            ContestKind::Trial(trial) => Some((&contest.newcomer, trial)),
            ContestKind::Probation => None,
        }
    }

    /// The generation that was stable before and is kept while the stable one is on probation.
    pub fn previous(&self) -> Option<&Arc<Generation<C>>> {
        let contest = self.contest.as_ref()?;
        (contest.kind == ContestKind::Probation).then_some(&contest.incumbent)
    }

    /// All generations in it.
    pub fn generations(&self) -> impl Iterator<Item = &Arc<Generation<C>>> {
        let other = self.candidate().map(|(candidate, _)| candidate).or_else(|| self.previous());
        std::iter::once(&self.stable).chain(other)
    }
}

impl<C: Contract> Contest<C> {
    /// The stable generation is on probation, and the one before it is kept.
    pub fn probation(stable: Arc<Generation<C>>, previous: Arc<Generation<C>>, until: Instant) -> Self {
        Self::new(ContestKind::Probation, stable, previous, until, Counts::default())
    }

    /// A candidate is tried beside the stable generation.
    pub fn trial(
        candidate: Arc<Generation<C>>,
        stable: Arc<Generation<C>>,
        trial: Trial,
        until: Instant,
    ) -> Self {
        let before = stable.tally.counts();
        Self::new(ContestKind::Trial(trial), candidate, stable, until, before)
    }

    fn new(
        kind: ContestKind,
        newcomer: Arc<Generation<C>>,
        incumbent: Arc<Generation<C>>,
        until: Instant,
        before: Counts,
    ) -> Self {
        Self {
            newcomer,
            incumbent,
            kind,
            until,
            before,
            has_passed: AtomicBool::new(false),
            different: AtomicU64::new(0),
            passed_over: AtomicU64::new(0),
            lines: AtomicU64::new(0),
        }
    }

    /// Why the newcomer has to go, if it has to.
    pub fn trouble(&self, settings: &RolloutSettings) -> Option<String> {
        trouble(&self.newcomer.tally.counts(), &self.incumbent_counts(), settings)
    }

    /// Whether the newcomer has proven itself. A candidate needs batches for that; a generation that everything meets
    /// already has them, or there is nothing to prove.
    pub fn is_over(&self, settings: &RolloutSettings) -> bool {
        let is_proven = match self.kind {
            ContestKind::Probation => true,
            ContestKind::Trial(_) => self.newcomer.tally.counts().batches >= settings.min_batches,
        };
        is_proven && Instant::now() >= self.until
    }

    /// Counts a batch whose two outcomes differ.
    pub fn differed(&self) {
        self.different.fetch_add(1, Relaxed);
    }

    /// Counts a batch that a shadow was too busy for.
    pub fn passed_over(&self) {
        self.passed_over.fetch_add(1, Relaxed);
    }

    /// Whether one more line may be logged of what goes wrong: the first few tell enough.
    pub fn may_log(&self) -> bool {
        self.lines.fetch_add(1, Relaxed) < tidemill_engine::limits::TRIAL_LINES
    }

    /// What was counted.
    pub fn figures(&self) -> TrialFigures {
        let newcomer = self.newcomer.tally.counts();
        TrialFigures {
            batches: newcomer.batches,
            failed: newcomer.failed,
            different: self.different.load(Relaxed),
            passed_over: self.passed_over.load(Relaxed),
            nanos_per_record: newcomer.nanos_per_record(),
            stable_nanos_per_record: self.incumbent_counts().nanos_per_record(),
        }
    }

    fn incumbent_counts(&self) -> Counts {
        self.incumbent.tally.counts().since(self.before)
    }
}

impl<C: Contract> fmt::Debug for Contest<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (newcomer, incumbent) = (self.newcomer.id, self.incumbent.id);
        let mut shown = f.debug_struct("Contest");
        shown.field("kind", &self.kind).field("newcomer", &newcomer).field("incumbent", &incumbent).finish()
    }
}
