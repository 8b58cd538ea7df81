//! The one place that starts tasks: each has a name and an owner, and stops when the owner lets go of it.

use std::future::Future;

use tokio_util::task::AbortOnDropHandle;

/// A running task. Dropping it cancels the task at its next await.
pub type Task<T> = AbortOnDropHandle<T>;

/// Starts a task on the current runtime. A panic in it reaches whoever awaits the handle.
#[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
pub fn spawn<F>(name: &'static str, future: F) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    use tracing::Instrument;
    // A simulated process can be frozen, or crash, at any await of any of its tasks.
    #[cfg(any(test, feature = "simulation"))]
    let future = crate::simulation::governed(name, future);
    let named = future.instrument(tracing::debug_span!("task", name));
    // The span around the caller goes along even where the log is too terse to name tasks.
    AbortOnDropHandle::new(tokio::spawn(named.in_current_span()))
}
