//! Gives up a record that is not in the batch where one has `outside` in its data, and the same record twice on
//! `twice`. Other records pass through.

use memchr::memmem;
use tidemill_guest::{Batch, BatchError, Handler, Outcome};

struct Indexes;

impl Handler for Indexes {
    fn open() -> Result<Self, BatchError> {
        Ok(Self)
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let mut outcome = Outcome::for_batch(batch);
        for record in batch.records() {
            if memmem::find(record.data, b"outside").is_some() {
                outcome.dead_letter(u32::MAX, "it is not in the batch");
            }
            if memmem::find(record.data, b"twice").is_some() {
                outcome.drop(record.index);
                outcome.dead_letter(record.index, "it was dropped");
            }
            outcome.emit(record.data).partition_key(record.partition_key);
        }
        Ok(outcome)
    }
}

tidemill_guest::export!(Indexes);
