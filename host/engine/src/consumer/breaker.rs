//! The circuit breaker of a shard: while a handler keeps failing it is left alone for a while, and then tried.
//!
//! ```text
//! closed ──so many failures in a row──▶ open ──pause over, or told to go on──▶ trying
//!    ▲                                   ▲                                       │
//!    │                                   └────── it failed: a pause twice as long┤
//!    └─────────────────────────────────────── it succeeded ──────────────────────┘
//! ```
//! It stands before every call, whichever part of a batch it is for; lanes of a shard share one. What failed has had
//! its attempt all the same: the breaker bounds how often a handler fails, and not how often a record is tried.

use std::{
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::control::{Control, Hold, PausedShard, Why};
use crate::{lease::LeaseKey, limits, time::Clock};

/// When a shard pauses, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Calls that fail in a row, at least 1.
    pub failures: u32,
    /// The first pause. Each after another that was in vain is twice as long.
    pub pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        let (pause, longest_pause) = limits::BREAKER_PAUSE;
        Self { failures: limits::BREAKER_FAILURES, pause, longest_pause }
    }
}

impl BreakerSettings {
    /// What is wrong with them, for people.
    pub(super) fn validate(&self) -> Result<(), String> {
        let Self { failures, pause, longest_pause } = self;
        if *failures == 0 {
            return Err("a breaker opens after at least one failure: failures=0".to_owned());
        }
        if pause > longest_pause {
            return Err(format!(
                "the first pause of a breaker is its longest or shorter: pause={pause:?} longest-pause={longest_pause:?}"
            ));
        }
        Ok(())
    }
}

/// The breaker of one shard.
#[derive(Debug)]
pub(super) struct Breaker {
    settings: Option<BreakerSettings>,
    lease: LeaseKey,
    control: Arc<Control>,
    clock: Clock,
    state: Mutex<State>,
    /// Told when the call that decides has come back.
    decided: Notify,
}

#[derive(Debug)]
enum State {
    Closed { failures: u32 },
    Open(Pause),
}

#[derive(Debug)]
struct Pause {
    failures: u32,
    length: Duration,
    until: Instant,
    /// Whether it is over, and the call that decides under way; until that is back the shard counts as paused.
    is_tried: bool,
    hold: Hold,
}

/// What a call has to wait for.
enum Wait {
    Nothing,
    Pause(Instant, CancellationToken),
    Decision,
}

impl Breaker {
    pub(super) fn new(
        settings: Option<BreakerSettings>,
        lease: LeaseKey,
        control: Arc<Control>,
        clock: Clock,
    ) -> Self {
        let state = Mutex::new(State::Closed { failures: 0 });
        Self { settings, lease, control, clock, state, decided: Notify::new() }
    }

    /// Waits until a call may be made. Answers false if the host stops before that. Whoever is admitted tells how the
    /// call went.
    ///
    /// # Cancel safety
    /// Safe.
    pub(super) async fn admit(&self, stop: &CancellationToken) -> bool {
        loop {
            let mut decided = pin!(self.decided.notified());
            // From here on no decision is missed.
            decided.as_mut().enable();
            match self.wait() {
                Wait::Nothing => return true,
                Wait::Pause(until, resumed) => tokio::select! {
                    biased;
                    () = stop.cancelled() => return false,
                    () = resumed.cancelled() => {}
                    () = sleep_until(until) => {}
                },
                Wait::Decision => tokio::select! {
                    biased;
                    () = stop.cancelled() => return false,
                    () = decided => {}
                },
            }
        }
    }

    /// A call succeeded.
    pub(super) fn succeeded(&self) {
        let mut state = self.state();
        match &mut *state {
            State::Closed { failures } => *failures = 0,
            // It had begun before the breaker opened, in another lane.
            State::Open(pause) if !pause.is_tried => {}
            State::Open(_) => {
                tracing::info!(lease = %self.lease, "the handler works again; the shard goes on");
                *state = State::Closed { failures: 0 };
                self.decided.notify_waiters();
            }
        }
    }

    /// A call failed.
    pub(super) fn failed(&self, reason: &str) {
        let Some(settings) = self.settings else { return };
        let mut state = self.state();
        match &mut *state {
            State::Closed { failures } => {
                *failures += 1;
                let failures = *failures;
                if failures >= settings.failures {
                    tracing::error!(lease = %self.lease, failures, pause_ms = settings.pause.as_millis(), reason,
                        "the handler keeps failing; the shard pauses, and then tries again");
                    *state = self.open(failures, settings.pause, reason);
                }
            }
            State::Open(pause) if !pause.is_tried => pause.failures = pause.failures.saturating_add(1),
            State::Open(Pause { failures, length, .. }) => {
                let (failures, length) = (failures.saturating_add(1), length.saturating_mul(2));
                // The shard is listed once at a time: the pause before this one goes first.
                *state = State::Closed { failures };
                *state = self.open(failures, length.min(settings.longest_pause), reason);
                self.decided.notify_waiters();
            }
        }
    }

    fn wait(&self) -> Wait {
        let mut state = self.state();
        match &mut *state {
            State::Closed { .. } => Wait::Nothing,
            State::Open(pause) if pause.is_tried => Wait::Decision,
            State::Open(Pause { until, hold, .. })
                if Instant::now() < *until && !hold.resumed().is_cancelled() =>
            {
                Wait::Pause(*until, hold.resumed().clone())
            }
            State::Open(pause) => {
                pause.is_tried = true;
                Wait::Nothing
            }
        }
    }

    fn open(&self, failures: u32, length: Duration, reason: &str) -> State {
        let since = self.clock.now();
        let hold = self.control.hold(Why::Paused(PausedShard {
            shard: self.lease.shard.clone(),
            since,
            until: since.plus(length),
            failures,
            reason: reason.to_owned(),
        }));
        State::Open(Pause { failures, length, until: Instant::now() + length, is_tried: false, hold })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can be left half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::time::UnixMillis;

    const PAUSE: Duration = Duration::from_secs(10);

    fn breaker() -> (Breaker, Arc<Control>) {
        let settings = BreakerSettings { failures: 3, pause: PAUSE, longest_pause: PAUSE * 3 };
        let lease = LeaseKey { stream: "in".into(), shard: "shardId-000000000000".into() };
        let control = Arc::new(Control::default());
        let clock = Clock::paced(UnixMillis(1_000));
        (Breaker::new(Some(settings), lease, Arc::clone(&control), clock), control)
    }

    async fn fails(breaker: &Breaker, times: usize) {
        for _ in 0..times {
            assert!(breaker.admit(&CancellationToken::new()).await);
            breaker.failed("trapped");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_open_it_and_each_pause_in_vain_is_longer() {
        let (breaker, control) = breaker();
        fails(&breaker, 2).await;
        breaker.succeeded();
        fails(&breaker, 2).await;
        assert_eq!(control.paused(), [], "a success forgets the failures before it");
        let begun = Instant::now();
        fails(&breaker, 1).await;
        let paused = control.paused().remove(0);
        assert_eq!((paused.failures, paused.since, paused.until), (3, UnixMillis(1_000), UnixMillis(11_000)));
        assert_eq!(paused.reason, "trapped");
        for (pauses, failures) in [(1, 4), (3, 5), (6, 6), (9, 7)] {
            fails(&breaker, 1).await;
            assert_eq!((begun.elapsed(), control.paused()[0].failures), (PAUSE * pauses, failures));
        }
        assert!(breaker.admit(&CancellationToken::new()).await);
        breaker.succeeded();
        assert_eq!((begun.elapsed(), control.paused()), (PAUSE * 12, Vec::new()));
        fails(&breaker, 2).await;
        assert_eq!(control.paused(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn one_call_decides_while_others_wait_and_a_command_ends_the_pause() {
        let (breaker, control) = breaker();
        fails(&breaker, 3).await;
        let stop = CancellationToken::new();
        assert!(breaker.admit(&stop).now_or_never().is_none());
        assert_eq!(control.resume(None), 1);
        assert_eq!(breaker.admit(&stop).now_or_never(), Some(true));
        let mut other = Box::pin(breaker.admit(&stop));
        assert!((&mut other).now_or_never().is_none(), "another call waits for the first");
        breaker.succeeded();
        assert!(other.await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_wait() {
        let (breaker, _control) = breaker();
        fails(&breaker, 3).await;
        let stop = CancellationToken::new();
        stop.cancel();
        assert!(!breaker.admit(&stop).await);
    }
}
