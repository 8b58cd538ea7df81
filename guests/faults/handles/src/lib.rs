//! Takes handles of clocks and gives none back on a record that has `handles` in its data. Other records pass through.

use memchr::memmem;
use tidemill_guest::{Batch, BatchError, Handler, Outcome};

struct Handles;

impl Handler for Handles {
    fn open() -> Result<Self, BatchError> {
        Ok(Self)
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let mut outcome = Outcome::for_batch(batch);
        for record in batch.records() {
            if memmem::find(record.data, b"handles").is_some() {
                hoard();
            }
            outcome.emit(record.data).partition_key(record.partition_key);
        }
        Ok(outcome)
    }
}

fn hoard() -> ! {
    loop {
        std::mem::forget(wasi::clocks::monotonic_clock::subscribe_duration(u64::MAX));
    }
}

wit_bindgen::generate!({
    inline: "
        package fault:handles;

        world handles {
            import wasi:clocks/monotonic-clock@0.2.3;
        }

        package wasi:io@0.2.3 {
            interface poll {
                resource pollable;
            }
        }

        package wasi:clocks@0.2.3 {
            interface monotonic-clock {
                use wasi:io/poll@0.2.3.{pollable};
                type duration = u64;
                subscribe-duration: func(when: duration) -> pollable;
            }
        }
    ",
    generate_all,
});

tidemill_guest::export!(Handles);
