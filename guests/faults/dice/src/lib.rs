//! Asks for all the random bytes that a number can count on a record that has `dice` in its data. Other records pass through.

use memchr::memmem;
use tidemill_guest::{Batch, BatchError, Handler, Outcome};

struct Dice;

impl Handler for Dice {
    fn open() -> Result<Self, BatchError> {
        Ok(Self)
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let mut outcome = Outcome::for_batch(batch);
        for record in batch.records() {
            if memmem::find(record.data, b"dice").is_some() {
                wasi::random::random::get_random_bytes(u64::MAX);
            }
            outcome.emit(record.data).partition_key(record.partition_key);
        }
        Ok(outcome)
    }
}

wit_bindgen::generate!({
    inline: "
        package fault:dice;

        world dice {
            import wasi:random/random@0.2.3;
        }

        package wasi:random@0.2.3 {
            interface random {
                get-random-bytes: func(len: u64) -> list<u8>;
            }
        }
    ",
    generate_all,
});

tidemill_guest::export!(Dice);
