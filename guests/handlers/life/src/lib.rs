//! Notes what it is told of its life: in the log, and with every batch as one document, a JSON
//! string where the records are.
//!
//! Setting: `refuse`, why it cannot work.

use tidemill_guest::{Batch, BatchError, Ending, Handler, Level, LifeCycle, Outcome, configuration, log};

struct Life {
    notes: Vec<String>,
}

impl Handler for Life {
    fn open() -> Result<Self, BatchError> {
        match configuration::get("refuse") {
            Some(reason) => Err(BatchError::refused(reason)),
            None => Ok(Self { notes: vec!["init".to_owned()] }),
        }
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let mut outcome = Outcome::new();
        for record in batch.records() {
            if record.data == b"panic" {
                panic!("a record asks for it");
            }
            self.note(format!("record {}", String::from_utf8_lossy(record.data)));
        }
        let notes = self.notes.join(", ");
        let in_json = batch.records().any(|record| record.data.starts_with(b"\""));
        outcome.emit(if in_json { format!("{notes:?}") } else { notes }.as_bytes());
        Ok(outcome)
    }
}

impl LifeCycle for Life {
    fn shard_started(&mut self, stream: &str, shard: &str) {
        self.note(format!("started {stream} {shard}"));
    }

    fn shard_ended(&mut self, stream: &str, shard: &str, why: Ending) {
        let why = match why {
            Ending::Ended => "ended",
            Ending::Left => "left",
            Ending::Replaced => "replaced",
        };
        self.note(format!("{why} {stream} {shard}"));
    }

    fn drain(&mut self) {
        self.note("drain".to_owned());
    }
}

impl Life {
    fn note(&mut self, note: String) {
        log(Level::Info, &note);
        self.notes.push(note);
    }
}

tidemill_guest::export_with_life_cycle!(Life);
