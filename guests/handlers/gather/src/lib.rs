//! Emits records together: so many JSON documents at a time as one array, under the partition key of the first.
//!
//! Setting: `many`, how many documents an array has. For a pipeline with `checkpoint = "manual"`: what waits for more is
//! in this instance's memory alone, so only what was emitted is checkpointed, and the host gives the rest again to
//! whoever comes after it. When nothing more will come, the rest is emitted as it is.

use tidemill_guest::{Batch, BatchError, Handler, Outcome, configuration};

struct Gather {
    many: usize,
    waiting: Vec<Vec<u8>>,
    key: String,
}

impl Handler for Gather {
    fn open() -> Result<Self, BatchError> {
        let many = configuration::get("many").and_then(|many| many.parse().ok()).filter(|&many| many > 0);
        let many = many.ok_or_else(|| BatchError::refused("set many to a number above zero"))?;
        Ok(Self { many, waiting: Vec::new(), key: String::new() })
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let mut outcome = Outcome::new();
        for (record, handled) in batch.records().zip(1..) {
            if self.waiting.is_empty() {
                self.key = record.partition_key.to_owned();
            }
            self.waiting.push(record.data.to_vec());
            if self.waiting.len() >= self.many {
                self.emit(&mut outcome);
                outcome.checkpoint(handled);
            }
        }
        if batch.is_empty() {
            self.emit(&mut outcome);
            outcome.checkpoint(0);
        }
        Ok(outcome)
    }
}

impl Gather {
    fn emit(&mut self, outcome: &mut Outcome) {
        if self.waiting.is_empty() {
            return;
        }
        let array = [b"[", self.waiting.join(&b',').as_slice(), b"]"].concat();
        outcome.emit(&array).partition_key(&self.key);
        self.waiting.clear();
    }
}

tidemill_guest::export!(Gather);
