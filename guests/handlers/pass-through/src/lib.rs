//! Emits every record as it came, under its own partition key.

use tidemill_guest::{Batch, BatchError, Handler, Outcome};

struct PassThrough;

impl Handler for PassThrough {
    fn open() -> Result<Self, BatchError> {
        Ok(Self)
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let mut outcome = Outcome::for_batch(batch);
        for record in batch.records() {
            outcome.emit(record.data).partition_key(record.partition_key);
        }
        outcome.checkpoint(batch.len());
        Ok(outcome)
    }
}

tidemill_guest::export!(PassThrough);
