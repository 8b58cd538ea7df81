//! Exits with status 3 on a record that has `exit` in its data. Other records pass through.

use memchr::memmem;
use tidemill_guest::{Batch, BatchError, Handler, Outcome};

struct Exit;

impl Handler for Exit {
    fn open() -> Result<Self, BatchError> {
        Ok(Self)
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let mut outcome = Outcome::for_batch(batch);
        for record in batch.records() {
            if memmem::find(record.data, b"exit").is_some() {
                std::process::exit(3);
            }
            outcome.emit(record.data).partition_key(record.partition_key);
        }
        Ok(outcome)
    }
}

tidemill_guest::export!(Exit);
