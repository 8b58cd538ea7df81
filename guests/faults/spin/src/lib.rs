//! Loops for ever on a record that has `spin` in its data. Other records pass through, so that good and bad ones can be mixed.

use memchr::memmem;
use tidemill_guest::{Batch, BatchError, Handler, Outcome};

struct Spin;

impl Handler for Spin {
    fn open() -> Result<Self, BatchError> {
        Ok(Self)
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let mut outcome = Outcome::for_batch(batch);
        for record in batch.records() {
            if memmem::find(record.data, b"spin").is_some() {
                spin();
            }
            outcome.emit(record.data).partition_key(record.partition_key);
        }
        Ok(outcome)
    }
}

fn spin() -> ! {
    let mut turns = 0_u64;
    loop {
        // The optimizer must believe that every turn matters.
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

tidemill_guest::export!(Spin);
