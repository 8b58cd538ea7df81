//! Works well, and does not part in peace: where its shard leaves it, it does what its configuration says under `when`,
//! `trap` or `spin`, and once more in the last call of all.

use tidemill_guest::{Batch, BatchError, Ending, Handler, LifeCycle, Outcome, configuration};

struct Parting;

impl Handler for Parting {
    fn open() -> Result<Self, BatchError> {
        Ok(Self)
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let mut outcome = Outcome::for_batch(batch);
        for record in batch.records() {
            outcome.emit(record.data).partition_key(record.partition_key);
        }
        Ok(outcome)
    }
}

impl LifeCycle for Parting {
    fn shard_ended(&mut self, _stream: &str, _shard: &str, _why: Ending) {
        resist();
    }

    fn drain(&mut self) {
        resist();
    }
}

fn resist() {
    match configuration::get("when").as_deref() {
        Some("spin") => loop {
            std::hint::black_box(());
        },
        _ => panic!("it will not part"),
    }
}

tidemill_guest::export_with_life_cycle!(Parting);
