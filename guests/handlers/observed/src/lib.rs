//! Tells of its records in the host's log and among its metrics, and emits them behind a greeting.
//!
//! Setting: `greeting`, what goes before each record.

use tidemill_guest::{Batch, BatchError, Handler, Level, Outcome, configuration, log, metrics};

struct Observed {
    greeting: String,
}

impl Handler for Observed {
    fn open() -> Result<Self, BatchError> {
        Ok(Self { greeting: configuration::get("greeting").unwrap_or_default() })
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        log(Level::Info, &format!("{} records of {}", batch.len(), batch.info().shard_id));
        metrics::gauge("batch_records", &[], batch.len() as f64);
        let mut outcome = Outcome::for_batch(batch);
        for record in batch.records() {
            let kind = String::from_utf8_lossy(record.data);
            metrics::counter("records", &[("kind", &kind)], 1);
            metrics::histogram("record_bytes", &[], record.data.len() as f64);
            outcome
                .emit_with(|out| {
                    out.write_all(self.greeting.as_bytes()).and_then(|()| out.write_all(record.data))
                })
                .map_err(|error| BatchError::refused(error.to_string()))?
                .partition_key(record.partition_key);
        }
        Ok(outcome)
    }
}

tidemill_guest::export!(Observed);
