//! How contests end: with a newcomer that did badly and goes at once, or with one that did well for long enough.

use std::sync::{Arc, Weak, atomic::Ordering::Relaxed};

use tidemill_engine::{
    deploy::Verdict,
    task::{self, Task},
};

use super::{Contest, ContestKind, Generation, LineUp, Slot, Swap};

/// A verdict that nobody was told yet.
pub type Pending = Option<Verdict>;

impl<C: Swap> Slot<C> {
    /// Waits for a verdict, and takes it. Cancel safe.
    pub async fn next_verdict(&self) -> Verdict {
        loop {
            let mut told = std::pin::pin!(self.decided.notified());
            told.as_mut().enable();
            if let Some(verdict) = self.changes().pending.take() {
                return verdict;
            }
            told.await;
        }
    }

    /// Looks at how a contest stands after a call of it, and ends it where that is clear.
    pub fn judge(&self, contest: &Arc<Contest<C>>) {
        if let Some(reason) = contest.trouble(&self.rollout) {
            self.give_up(contest, &reason);
        } else if contest.is_over(&self.rollout) {
            self.pass(contest);
        }
    }

    /// Judges a contest when its time is over, though nothing happens in it any more.
    pub(super) fn timer(&self, contest: &Arc<Contest<C>>) -> Task<()> {
        let (slot, contest) = (Weak::clone(&self.me), Arc::downgrade(contest));
        let until = contest.upgrade().map(|contest| contest.until);
        task::spawn("probation", async move {
            let Some(until) = until else { return };
            tokio::time::sleep_until(until).await;
            if let (Some(slot), Some(contest)) = (slot.upgrade(), contest.upgrade()) {
                slot.judge(&contest);
            }
        })
    }

    /// The newcomer goes, and the other generation has everything again.
    fn give_up(&self, contest: &Arc<Contest<C>>, reason: &str) {
        let Some(now) = self.line_up_of(contest) else { return };
        let stable = match contest.kind {
            ContestKind::Trial(_) => Arc::clone(&contest.incumbent),
            ContestKind::Probation => Arc::new(contest.incumbent.again(self.next_id())),
        };
        let (label, generation) = (Arc::clone(&contest.newcomer.label), stable.id);
        if self.publish(&now, LineUp::of(stable), Some(Verdict::Bad(reason.to_owned()))) {
            tracing::warn!(component = %label, generation, reason, "a component did badly and has to go");
        }
    }

    /// A previous generation is no longer needed; a candidate goes on until somebody decides about it.
    fn pass(&self, contest: &Arc<Contest<C>>) {
        let Some(now) = self.line_up_of(contest) else { return };
        match contest.kind {
            ContestKind::Probation => {
                let stable: Arc<Generation<C>> = Arc::clone(&now.stable);
                self.publish(&now, LineUp::of(stable), Some(Verdict::Good));
            }
            ContestKind::Trial(_) => {
                let mut changes = self.changes();
                let is_current = Arc::ptr_eq(&self.line_up.load(), &now);
                if is_current && !contest.has_passed.swap(true, Relaxed) {
                    changes.pending = Some(Verdict::Good);
                    self.decided.notify_waiters();
                }
            }
        }
    }

    /// The line-up in use, where it is the one with this contest in it.
    fn line_up_of(&self, contest: &Arc<Contest<C>>) -> Option<Arc<LineUp<C>>> {
        let now = self.line_up();
        now.contest.as_ref().is_some_and(|current| Arc::ptr_eq(current, contest)).then_some(now)
    }
}
