//! Asks the host for ever the same question on a record that has `chatter` in its data. Other records pass through.

use memchr::memmem;
use tidemill_guest::{Batch, BatchError, Handler, Outcome};

struct Chatter;

impl Handler for Chatter {
    fn open() -> Result<Self, BatchError> {
        Ok(Self)
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let mut outcome = Outcome::for_batch(batch);
        for record in batch.records() {
            if memmem::find(record.data, b"chatter").is_some() {
                chatter();
            }
            outcome.emit(record.data).partition_key(record.partition_key);
        }
        Ok(outcome)
    }
}

fn chatter() -> ! {
    loop {
        std::hint::black_box(tidemill_guest::configuration::get("nothing"));
    }
}

tidemill_guest::export!(Chatter);
