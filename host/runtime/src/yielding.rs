//! How guests share the threads of the host: whose turn is over gives way to others.

use std::{
    num::NonZero,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use tidemill_engine::limits;
use tokio::{
    task::yield_now,
    time::{Duration, Instant},
};
use wasmtime::UpdateDeadline;

/// Where all guests of a process pass that run for longer than one turn: while others want to run, one after the other,
/// and so far apart that others have most of every core, however many such guests there are.
#[derive(Debug)]
pub struct Gate {
    apart: Duration,
    opens: Mutex<Option<Instant>>,
}

impl Gate {
    /// A gate for a process that has all cores of the machine.
    pub fn new() -> Self {
        Self::of(thread::available_parallelism().map_or(1, NonZero::get))
    }

    fn of(cores: usize) -> Self {
        let cores = u32::try_from(cores).unwrap_or(u32::MAX);
        Self { apart: limits::EPOCH_TICK * (1 + limits::TURNS_OF_OTHERS) / cores, opens: Mutex::default() }
    }

    /// Passes one guest at this moment, if another is not too short a time before it.
    fn passes(&self, now: Instant) -> bool {
        let mut opens = self.opens.lock().unwrap_or_else(PoisonError::into_inner);
        let is_open = opens.is_none_or(|at| at <= now);
        if is_open {
            *opens = Some(now + self.apart);
        }
        is_open
    }
}

/// What becomes of a guest at a tick of the epoch: it goes on when it has given way.
pub fn after_a_tick(gate: &Arc<Gate>) -> UpdateDeadline {
    UpdateDeadline::YieldCustom(1, Box::pin(give_way(Arc::clone(gate))))
}

/// Lets others run until they had their share for this turn and the gate is open, or until there are none that want to.
///
/// To yield once is not enough: what runs next may be a batch of a tenth of a millisecond, and the guest would then be
/// back for another turn of ten. Nor is waiting enough alone: what runs meanwhile may be other guests of its kind. And
/// one quick yield does not say that nobody waits: the other threads have to be asked for work a few times.
async fn give_way(gate: Arc<Gate>) {
    let begun = Instant::now();
    let mut quick = 0;
    loop {
        let asked = Instant::now();
        yield_now().await;
        let now = Instant::now();
        quick = if now - asked < limits::NOBODY_WAITS { quick + 1 } else { 0 };
        let others_had_theirs = now - begun >= limits::EPOCH_TICK * limits::TURNS_OF_OTHERS;
        if quick >= limits::QUICK_YIELDS || (others_had_theirs && gate.passes(now)) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Gives way beside a task whose every turn takes so long, and answers how many turns that had.
    async fn turns_beside(others: Duration) -> u32 {
        let turns = Cell::new(0);
        let other = async {
            loop {
                turns.set(turns.get() + 1);
                tokio::time::advance(others).await;
            }
        };
        tokio::select! {
            biased;
            () = give_way(Arc::new(Gate::of(1))) => {}
            () = other => {}
        }
        turns.get()
    }

    #[tokio::test(start_paused = true)]
    async fn others_run_for_three_turns_before_a_guest_goes_on() {
        assert_eq!(turns_beside(Duration::from_millis(1)).await, 30);
        assert_eq!(turns_beside(Duration::from_millis(100)).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn where_nobody_waits_a_guest_goes_on_at_once() {
        assert_eq!(turns_beside(Duration::ZERO).await, limits::QUICK_YIELDS);
    }

    #[tokio::test(start_paused = true)]
    async fn guests_of_one_kind_have_a_quarter_of_the_cores_together() {
        let gate = Gate::of(2);
        let start = Instant::now();
        let mut passed = 0;
        for millis in 0..1_000 {
            let now = start + Duration::from_millis(millis);
            passed += u32::from(gate.passes(now)) + u32::from(gate.passes(now));
        }
        assert_eq!(limits::EPOCH_TICK * passed, Duration::from_millis(500), "of two seconds of two cores");
        assert!(gate.passes(start + Duration::from_secs(60)), "what was not used is no reason to wait");
    }
}
