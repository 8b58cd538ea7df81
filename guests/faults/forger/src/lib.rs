//! Passes a line with an end in its middle and colours in it wherever words of a guest may reach people: in the log on
//! `log`, in a panic on `panic`, in an error on `error`, as the reason of a record that it gives up on `reason`, as the
//! name of a sink on `sink`. Other records pass through.

use memchr::memmem;
use tidemill_guest::{Batch, BatchError, Handler, Level, Outcome, log};

/// What is behind the line's end would pass for a line of the host.
const FORGED: &str = "so far\r\n\u{1b}[31mFORGED the host has stopped\u{202e}";

struct Forger;

impl Handler for Forger {
    fn open() -> Result<Self, BatchError> {
        Ok(Self)
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let mut outcome = Outcome::for_batch(batch);
        for record in batch.records() {
            let asks = |word: &str| memmem::find(record.data, word.as_bytes()).is_some();
            if asks("log") {
                log(Level::Warn, FORGED);
                println!("{FORGED}");
            }
            if asks("panic") {
                panic!("{FORGED}");
            }
            if asks("error") {
                return Err(BatchError::retryable(FORGED.repeat(1_000)));
            }
            if asks("reason") {
                outcome.dead_letter(record.index, FORGED.repeat(1_000));
                continue;
            }
            let emit = outcome.emit(record.data).partition_key(record.partition_key);
            if asks("sink") {
                emit.sink(FORGED);
            }
        }
        Ok(outcome)
    }
}

tidemill_guest::export!(Forger);
