//! Sleeps for an hour on a record that has `sleep` in its data. Other records pass through.

use memchr::memmem;
use tidemill_guest::{Batch, BatchError, Handler, Outcome};

struct Sleep;

impl Handler for Sleep {
    fn open() -> Result<Self, BatchError> {
        Ok(Self)
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let mut outcome = Outcome::for_batch(batch);
        for record in batch.records() {
            if memmem::find(record.data, b"sleep").is_some() {
                #[expect(clippy::disallowed_methods, reason = "to sleep is its fault")]
                std::thread::sleep(std::time::Duration::from_secs(3_600));
            }
            outcome.emit(record.data).partition_key(record.partition_key);
        }
        Ok(outcome)
    }
}

tidemill_guest::export!(Sleep);
