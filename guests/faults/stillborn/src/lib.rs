//! Panics where an instance prepares for its first batch.

use tidemill_guest::{Batch, BatchError, Handler, Outcome};

struct Stillborn;

impl Handler for Stillborn {
    fn open() -> Result<Self, BatchError> {
        panic!("there is no way to begin");
    }

    fn handle(&mut self, _batch: &Batch) -> Result<Outcome, BatchError> {
        Ok(Outcome::new())
    }
}

tidemill_guest::export!(Stillborn);
