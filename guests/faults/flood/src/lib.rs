//! Writes 10,000 lines to the log on a record that is `log`, as many to stderr on `stderr`, and emits 64 MiB on
//! `emit`. Other records pass through.

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
                b"emit" => drop(outcome.emit(&vec![b'x'; 64 << 20])),
                data => drop(outcome.emit(data).partition_key(record.partition_key)),
            }
        }
        Ok(outcome)
    }
}

tidemill_guest::export!(Flood);
