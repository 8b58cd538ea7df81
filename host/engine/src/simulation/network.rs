//! The way between a process and a service: calls are late, refused, or answered into the void.
//!
//! What was sent is on its way by itself: a process may crash or freeze, and its call still takes effect.

use std::{
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};

use super::{
    governor,
    scenario::{Weather, millis},
};
use crate::task;

/// The network of a run.
#[derive(Debug)]
pub(super) struct Network {
    weather: Weather,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    random: fastrand::Rng,
    is_stormy: bool,
}

/// What becomes of one call, decided before it is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trip {
    there: Duration,
    back: Duration,
    timeout: Duration,
    pub(super) fault: Option<Fault>,
    /// Whether things go wrong at all.
    pub(super) is_stormy: bool,
    /// Decides details, such as which error it is.
    pub(super) detail: u32,
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It has no effect, and the caller is told so.
    Refused,
    /// It takes effect, and the caller sees a failure.
    AnswerLost,
    /// It has no effect, because its iterator is said to have expired.
    IteratorExpired,
}

/// The caller saw no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoAnswer;

impl Network {
    pub(super) fn new(weather: Weather, seed: u64) -> Self {
        let state = State { random: fastrand::Rng::with_seed(seed), is_stormy: true };
        Self { weather, state: Mutex::new(state) }
    }

    /// From now on every call is answered, and soon.
    pub(super) fn calm(&self) {
        self.state().is_stormy = false;
    }

    /// Whether things go wrong.
    pub(super) fn is_stormy(&self) -> bool {
        self.state().is_stormy
    }

    /// Decides what becomes of a call.
    pub(super) fn trip(&self) -> Trip {
        let mut state = self.state();
        let Weather { refused, answer_lost, slow, iterator_expired, latency, slowest, timeout } =
            self.weather;
        let longest = longest_millis(latency);
        let is_stormy = state.is_stormy;
        let random = &mut state.random;
        let mut trip = Trip {
            there: millis(random, 0..longest),
            back: millis(random, 0..longest),
            timeout,
            fault: None,
            is_stormy,
            detail: random.u32(..),
        };
        let (fault, is_slow) = (random.u32(..1_000), random.u32(..1_000) < slow);
        if !is_stormy {
            return trip;
        }
        trip.fault = match fault {
            at if at < refused => Some(Fault::Refused),
            at if at < refused + answer_lost => Some(Fault::AnswerLost),
            at if at < refused + answer_lost + iterator_expired => Some(Fault::IteratorExpired),
            _ => None,
        };
        if is_slow {
            let late = millis(&mut state.random, 0..longest_millis(slowest));
            if state.random.bool() { trip.there = late } else { trip.back = late }
        }
        trip
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can be left half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trip {
    /// Whether the caller sees a failure although the call took effect, or will.
    pub(super) fn deceives(&self) -> bool {
        self.fault == Some(Fault::AnswerLost) || self.there + self.back >= self.timeout
    }

    /// Makes a call. Its effect comes about whatever becomes of the caller meanwhile.
    ///
    /// # Cancel safety
    /// Not safe: the effect comes about all the same, which is the point.
    pub(super) async fn make<T: Send + 'static>(
        self,
        effect: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, NoAnswer> {
        let (reply, answer) = oneshot::channel();
        let way = async move {
            sleep(self.there).await;
            let value = effect.await;
            if self.fault == Some(Fault::AnswerLost) {
                return;
            }
            sleep(self.back).await;
            // Whoever asked may be gone.
            let _ = reply.send(value);
        };
        // What is on its way belongs to nobody: it arrives at a time that is bounded.
        drop(governor::outside(|| task::spawn("call", way)).detach());
        match timeout(self.timeout, answer).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(_)) | Err(_) => Err(NoAnswer),
        }
    }

    /// Spends the time of a call that has no effect.
    pub(super) async fn waste(self) {
        sleep((self.there + self.back).min(self.timeout)).await;
    }
}

fn longest_millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1)
}
