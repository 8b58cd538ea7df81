//! Writes 10,000 lines to the log on a record that is `log`, as many to stderr on `stderr` and to stdout on `stdout`.
//! It emits 64 MiB on `emit` and 200,000 documents on `many`. Other records pass through.

use tidemill_guest::{Batch, BatchError, Handler, Level, Outcome, log};

struct Flood;

impl Handler for Flood {
    fn open() -> Result<Self, BatchError> {
        Ok(Self)
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let mut outcome = Outcome::new();
        for record in batch.records() {
            match record.data {
                b"log" => (0..10_000).for_each(|line| log(Level::Info, &format!("line {line}"))),
                b"stderr" => (0..10_000).for_each(|line| eprintln!("line {line}")),
                b"stdout" => (0..10_000).for_each(|line| println!("line {line}")),
                b"many" => {
                    for _ in 0..200_000 {
                        outcome.emit(b"");
                    }
                }
                b"emit" => drop(outcome.emit(&vec![b'x'; 64 << 20])),
                data => drop(outcome.emit(data).partition_key(record.partition_key)),
            }
        }
        Ok(outcome)
    }
}

tidemill_guest::export!(Flood);
