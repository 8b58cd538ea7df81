//! Takes all the memory it can get on a record that has `hog` in its data. Other records pass through, so that good and bad ones can be mixed.

use memchr::memmem;
use tidemill_guest::{Batch, BatchError, Handler, Outcome};

struct Hog;

impl Handler for Hog {
    fn open() -> Result<Self, BatchError> {
        Ok(Self)
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let mut outcome = Outcome::for_batch(batch);
        for record in batch.records() {
            if memmem::find(record.data, b"hog").is_some() {
                hog();
            }
            outcome.emit(record.data).partition_key(record.partition_key);
        }
        Ok(outcome)
    }
}

fn hog() -> ! {
    let mut taken = Vec::new();
    loop {
        taken.push(vec![1_u8; 1 << 20]);
        std::hint::black_box(&taken);
    }
}

tidemill_guest::export!(Hog);
