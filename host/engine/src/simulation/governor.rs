//! Decides whether the tasks of one simulated process run. It can be frozen and can crash, both at any of its awaits.
//!
//! [`task::spawn`](crate::task::spawn) hands every future to [`governed`]. A task belongs to the process whose task
//! spawned it; one that the world spawned belongs to none and always runs.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use tokio::sync::Notify;

thread_local! {
    /// The process whose task is being polled.
    static CURRENT: RefCell<Option<Arc<Governor>>> = const { RefCell::new(None) };
}

/// What happens to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strike {
    /// Nothing of it runs ever again, as after `kill -9`.
    Crash,
    /// Nothing of it runs until it is thawed, while its timers go on, as between SIGSTOP and SIGCONT.
    Freeze,
}

/// Rules over the tasks of one process.
#[derive(Debug)]
pub(super) struct Governor {
    state: Mutex<State>,
    struck: Notify,
}

#[derive(Debug)]
struct State {
    stricken: Option<Strike>,
    /// What is to happen, and at which poll.
    due: Option<(u64, Strike)>,
    polls: u64,
    tasks: usize,
    /// Tasks that would have run while the process was frozen.
    waiting: Vec<Waker>,
    panicked: Option<&'static str>,
    random: fastrand::Rng,
    /// One poll in so many is put off, so that tasks overtake each other.
    reorder: u32,
}

impl Governor {
    /// A process that runs. The seed decides which polls are put off: one in `reorder`, or none at 0.
    pub(super) fn new(seed: u64, reorder: u32) -> Arc<Self> {
        let state = State {
            stricken: None,
            due: None,
            polls: 0,
            tasks: 0,
            waiting: Vec::new(),
            panicked: None,
            random: fastrand::Rng::with_seed(seed),
            reorder,
        };
        Arc::new(Self { state: Mutex::new(state), struck: Notify::new() })
    }

    /// Orders a strike at the poll after so many others.
    pub(super) fn order(&self, strike: Strike, polls: u64) {
        let mut state = self.state();
        state.due = Some((state.polls + polls, strike));
    }

    /// Strikes without waiting for a poll, for a process that sleeps.
    pub(super) fn strike(&self, strike: Strike) {
        let mut state = self.state();
        state.due = None;
        state.stricken = Some(strike);
    }

    /// Waits until what was ordered has happened.
    ///
    /// # Cancel safety
    /// Safe.
    pub(super) async fn struck(&self) {
        self.struck.notified().await;
    }

    /// Lets a frozen process go on. What its timers missed is overdue.
    pub(super) fn thaw(&self) {
        let mut state = self.state();
        if state.stricken == Some(Strike::Freeze) {
            state.stricken = None;
            let waiting = std::mem::take(&mut state.waiting);
            drop(state);
            waiting.into_iter().for_each(Waker::wake);
        }
    }

    /// How many tasks it has.
    pub(super) fn tasks(&self) -> usize {
        self.state().tasks
    }

    /// The first of its tasks that panicked.
    pub(super) fn panicked(&self) -> Option<&'static str> {
        self.state().panicked
    }

    /// Runs something as if a task of the process did, so that what it spawns belongs to the process.
    pub(super) fn within<T>(self: &Arc<Self>, run: impl FnOnce() -> T) -> T {
        let _inside = Inside::enter(Some(Arc::clone(self)));
        run()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic of a task is recorded and ends the run; nothing is half changed under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a task may be polled now.
    fn admits(&self, waker: &Waker) -> bool {
        let mut guard = self.state();
        let state = &mut *guard;
        if state.stricken.is_none() {
            state.polls += 1;
            if state.due.is_some_and(|(at, _)| state.polls >= at) {
                state.stricken = state.due.take().map(|(_, strike)| strike);
                self.struck.notify_one();
            }
        }
        match state.stricken {
            Some(Strike::Crash) => false,
            Some(Strike::Freeze) => {
                state.waiting.push(waker.clone());
                false
            }
            None if state.reorder > 0 && state.random.u32(..state.reorder) == 0 => {
                waker.wake_by_ref();
                false
            }
            None => true,
        }
    }
}

/// Runs something as the world, so that what it spawns belongs to no process.
pub(super) fn outside<T>(run: impl FnOnce() -> T) -> T {
    let _inside = Inside::enter(None);
    run()
}

/// A future that runs when the process it belongs to does.
pub(crate) fn governed<F: Future>(name: &'static str, future: F) -> impl Future<Output = F::Output> {
    let governor = CURRENT.with_borrow(Clone::clone);
    if let Some(governor) = &governor {
        governor.state().tasks += 1;
    }
    Governed { name, future: Box::pin(future), governor }
}

struct Governed<F> {
    name: &'static str,
    future: Pin<Box<F>>,
    governor: Option<Arc<Governor>>,
}

impl<F: Future> Future for Governed<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Some(governor) = self.governor.clone() else { return self.future.as_mut().poll(cx) };
        if !governor.admits(cx.waker()) {
            return Poll::Pending;
        }
        let _seen = SeePanic { name: self.name, governor: Arc::clone(&governor) };
        let _inside = Inside::enter(Some(governor));
        self.future.as_mut().poll(cx)
    }
}

impl<F> Drop for Governed<F> {
    fn drop(&mut self) {
        if let Some(governor) = &self.governor {
            governor.state().tasks -= 1;
        }
    }
}

/// Makes a process the current one until it is dropped.
struct Inside {
    before: Option<Arc<Governor>>,
}

impl Inside {
    fn enter(governor: Option<Arc<Governor>>) -> Self {
        Self { before: CURRENT.replace(governor) }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        CURRENT.set(self.before.take());
    }
}

/// Records a panic that passes by.
struct SeePanic {
    name: &'static str,
    governor: Arc<Governor>,
}

impl Drop for SeePanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.governor.state().panicked.get_or_insert(self.name);
        }
    }
}

#[cfg(test)]
mod tests;
