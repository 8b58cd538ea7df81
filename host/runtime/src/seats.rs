//! Lets no more calls of a component run at once than it may have instances.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The seats of one component's calls.
#[derive(Clone, Debug)]
pub struct Seats(Arc<Semaphore>);

/// The right of one call to run, and to have an instance.
#[derive(Debug)]
pub struct Seat(#[expect(dead_code, reason = "the seat is free when it is dropped")] OwnedSemaphorePermit);

impl Seats {
    /// As many as this, and one at the least.
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS))))
    }

    /// Waits for a seat. Whoever came first has the next one, and each is left within the deadline of a call: so the
    /// wait ends, and it is no fault of the batch, whose own deadline begins behind it.
    ///
    /// It may be dropped at any await, and loses its place.
    pub async fn take(&self) -> Seat {
        Seat(Arc::clone(&self.0).acquire_owned().await.expect("it is never closed"))
    }

    /// How many instances may be idle: as many as there are seats that nobody has.
    pub fn left(&self) -> usize {
        self.0.available_permits()
    }
}
