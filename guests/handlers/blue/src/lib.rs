//! Emits every record with the component's name and its generation in front, so that whoever reads it knows which of
//! several components handled it.
//!
//! A record may ask one of them to fail by its name: `trap green`, `fail green`, `dead-letter green`, `differ green`, and
//! `spin green` for work that takes a while. Another component handles it as any other.

use tidemill_guest::{Batch, BatchError, Handler, Outcome};

/// Each component is built from this code under a name of its own.
const NAME: &str = env!("CARGO_PKG_NAME");
/// Rounds of a record that asks for work.
const ROUNDS: u64 = 20_000_000;

struct Named;

impl Handler for Named {
    fn open() -> Result<Self, BatchError> {
        Ok(Self)
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let generation = batch.info().generation;
        let mut outcome = Outcome::for_batch(batch);
        for (at, record) in (0..).zip(batch.records()) {
            let text = String::from_utf8_lossy(record.data);
            let mut name = NAME;
            match text.strip_suffix(NAME).map(str::trim_end) {
                Some("trap") => panic!("record index={at} asks for a trap"),
                Some("fail") => return Err(BatchError::retryable("a record asks for it")),
                Some("dead-letter") => {
                    outcome.dead_letter(at, "the record asks for it");
                    continue;
                }
                Some("differ") => name = "other",
                Some("spin") => drop((0..ROUNDS).map(std::hint::black_box).sum::<u64>()),
                _ => {}
            }
            outcome
                .emit(format!("{name} {generation} {text}").as_bytes())
                .partition_key(record.partition_key);
        }
        outcome.checkpoint(batch.len());
        Ok(outcome)
    }
}

tidemill_guest::export!(Named);
