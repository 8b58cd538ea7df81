//! Emits what has `stray` in its data to a sink that no pipeline has. Other records pass through.

use memchr::memmem;
use tidemill_guest::{Batch, BatchError, Handler, Outcome};

struct Stray;

impl Handler for Stray {
    fn open() -> Result<Self, BatchError> {
        Ok(Self)
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let mut outcome = Outcome::for_batch(batch);
        for record in batch.records() {
            let is_stray = memmem::find(record.data, b"stray").is_some();
            let emit = outcome.emit(record.data).partition_key(record.partition_key);
            if is_stray {
                emit.sink("nowhere");
            }
        }
        Ok(outcome)
    }
}

tidemill_guest::export!(Stray);
