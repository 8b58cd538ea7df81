//! Emits what every record was put with: its keys, its sequence number and its tags, one line a record.

use tidemill_guest::{Batch, BatchError, Handler, Outcome};

struct Origins;

impl Handler for Origins {
    fn open() -> Result<Self, BatchError> {
        Ok(Self)
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let mut outcome = Outcome::for_batch(batch);
        for record in batch.records() {
            let hash_key = record.explicit_hash_key().unwrap_or_else(|| "none".to_owned());
            let mut line = format!(
                "key={} hash-key={hash_key} sequence={}.{}",
                record.partition_key,
                record.sequence_number(),
                record.sub_index
            );
            for tag in record.tags() {
                line.push_str(&format!(" {}={}", tag.key, tag.value.as_deref().unwrap_or_default()));
            }
            outcome.emit(line.as_bytes()).partition_key(record.partition_key);
        }
        Ok(outcome)
    }
}

tidemill_guest::export!(Origins);
