//! Counts under 10,000 labels on a record that has `series` in its data. All records pass through.

use memchr::memmem;
use tidemill_guest::{Batch, BatchError, Handler, Outcome, metrics};

struct Series;

impl Handler for Series {
    fn open() -> Result<Self, BatchError> {
        Ok(Self)
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let mut outcome = Outcome::for_batch(batch);
        for record in batch.records() {
            if memmem::find(record.data, b"series").is_some() {
                for number in 0..10_000 {
                    metrics::counter("flood", &[("number", &number.to_string())], 1);
                }
            }
            outcome.emit(record.data).partition_key(record.partition_key);
        }
        Ok(outcome)
    }
}

tidemill_guest::export!(Series);
