//! How guests share the threads of the host: whose turn is over gives way to others.

use tidemill_engine::limits;
use tokio::{task::yield_now, time::Instant};
use wasmtime::UpdateDeadline;

/// What becomes of a guest at a tick of the epoch: it goes on when it has given way.
pub fn after_a_tick() -> UpdateDeadline {
    UpdateDeadline::YieldCustom(1, Box::pin(give_way()))
}

/// Lets others run until they had their share for this turn, or until there are none that want to.
///
/// To yield once is not enough: what runs next may be a batch of a tenth of a millisecond, and the guest would then be
/// back for another turn of ten.
async fn give_way() {
    let begun = Instant::now();
    while begun.elapsed() < limits::EPOCH_TICK * limits::TURNS_OF_OTHERS {
        let asked = Instant::now();
        yield_now().await;
        if asked.elapsed() < limits::NOBODY_WAITS {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, time::Duration};

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
            () = give_way() => {}
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
        assert_eq!(turns_beside(Duration::ZERO).await, 1);
    }
}
