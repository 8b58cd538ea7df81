//! Asks for another attempt at once, at every attempt, for a record that has `again` in its data. Other records pass
//! through.

use memchr::memmem;
use tidemill_guest::{Batch, BatchError, Handler, Outcome};

struct Again;

impl Handler for Again {
    fn open() -> Result<Self, BatchError> {
        Ok(Self)
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let mut outcome = Outcome::for_batch(batch);
        for record in batch.records() {
            if memmem::find(record.data, b"again").is_some() {
                outcome.retry(record.index, 0);
            } else {
                outcome.emit(record.data).partition_key(record.partition_key);
            }
        }
        Ok(outcome)
    }
}

tidemill_guest::export!(Again);
