//! Traps on a record that has `trap` in its data. Other records pass through, so that good and bad ones can be mixed.

use memchr::memmem;
use tidemill_guest::{Batch, BatchError, Handler, Outcome};

struct Trap;

impl Handler for Trap {
    fn open() -> Result<Self, BatchError> {
        Ok(Self)
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let mut outcome = Outcome::for_batch(batch);
        for record in batch.records() {
            if memmem::find(record.data, b"trap").is_some() {
                panic!("record index={} asks for a trap", record.index);
            }
            outcome.emit(record.data).partition_key(record.partition_key);
        }
        Ok(outcome)
    }
}

tidemill_guest::export!(Trap);
