//! Counts the records that its instance was ever given, and emits the count for each: state kept across batches. It
//! traps on a record that is `forget`.

use tidemill_guest::{Batch, BatchError, Handler, Outcome};

struct Remember(u64);

impl Handler for Remember {
    fn open() -> Result<Self, BatchError> {
        Ok(Self(0))
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let mut outcome = Outcome::new();
        for record in batch.records() {
            assert_ne!(record.data, b"forget", "a record asks for a trap");
            self.0 += 1;
            outcome.emit(self.0.to_string().as_bytes()).partition_key(record.partition_key);
        }
        Ok(outcome)
    }
}

tidemill_guest::export!(Remember);
