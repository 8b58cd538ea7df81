//! Answers in the way of a function of AWS Lambda: with the sequence numbers of the records that failed.
//!
//! A document `{"fail": 2}` fails in its first two attempts, one with `{"misname": 2}` is answered with an identifier
//! that is none, and any other is passed through.

use serde_json::Value;
use tidemill_guest::{Batch, BatchError, Handler, Outcome};

struct LambdaStyle;

impl Handler for LambdaStyle {
    fn open() -> Result<Self, BatchError> {
        Ok(Self)
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let mut failed = Vec::new();
        let mut done = Vec::new();
        for record in batch.records() {
            let document: Value = serde_json::from_slice(record.data)
                .map_err(|error| BatchError::refused(format!("not JSON: {error}")))?;
            let asks = |name: &str| {
                document[name].as_u64().is_some_and(|until| u64::from(batch.info().attempt) <= until)
            };
            if asks("misname") {
                failed.push(String::new());
            } else if asks("fail") {
                failed.push(record.sequence_number());
            } else if failed.is_empty() {
                done.push(record);
            }
        }
        let mut outcome = Outcome::batch_item_failures(batch, failed)?;
        for record in done {
            outcome.emit(record.data).partition_key(record.partition_key);
        }
        Ok(outcome)
    }
}

tidemill_guest::export!(LambdaStyle);
