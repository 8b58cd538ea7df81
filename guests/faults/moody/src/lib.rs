//! Traps at the first two attempts at a batch, and lets the records pass through at the third.

use tidemill_guest::{Batch, BatchError, Handler, Outcome};

struct Moody;

impl Handler for Moody {
    fn open() -> Result<Self, BatchError> {
        Ok(Self)
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let attempt = batch.info().attempt;
        assert!(attempt >= 3, "not in the mood, attempt={attempt}");
        let mut outcome = Outcome::for_batch(batch);
        for record in batch.records() {
            outcome.emit(record.data).partition_key(record.partition_key);
        }
        Ok(outcome)
    }
}

tidemill_guest::export!(Moody);
