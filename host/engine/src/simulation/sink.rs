//! What lands on the sink: every document is looked at in the moment that it does.

use futures::FutureExt;

use super::{
    ledger,
    network::{Fault, Trip},
    process::ProcessId,
    world::World,
};
use crate::{
    kinesis::{EntryError, Kinesis, KinesisError},
    processor::{HashCheck, Processor},
    record::{Entry, Placed, Record},
    stream::StreamRef,
    time::UnixMillis,
};

/// Of so many entries one is throttled by itself while things go wrong.
const THROTTLED_ONE_IN: u32 = 32;

impl World {
    /// Puts entries on the sink. Some may be throttled while others are taken.
    pub(super) async fn land(
        &self,
        process: ProcessId,
        trip: Trip,
        sink: &StreamRef,
        entries: &[Entry],
    ) -> Result<Vec<Result<Placed, EntryError>>, KinesisError> {
        let mut random = fastrand::Rng::with_seed(u64::from(trip.detail));
        let throttles = trip.throttles_entries();
        let taken: Vec<bool> =
            entries.iter().map(|_| !throttles || random.u32(..THROTTLED_ONE_IN) > 0).collect();
        let put: Vec<Entry> =
            entries.iter().zip(&taken).filter(|(_, taken)| **taken).map(|(entry, _)| entry.clone()).collect();
        let results = if put.is_empty() { Vec::new() } else { self.kinesis.put_records(sink, &put).await? };
        for (entry, result) in put.iter().zip(&results) {
            if let Ok(placed) = result {
                self.landed(process, trip, entry, placed);
            }
        }
        let mut results = results.into_iter();
        let throttled = || Err(EntryError::Throttled("the service was told to throttle".to_owned()));
        let settle = |taken| if taken { results.next().unwrap_or_else(throttled) } else { throttled() };
        Ok(taken.into_iter().map(settle).collect())
    }

    fn landed(&self, process: ProcessId, trip: Trip, entry: &Entry, placed: &Placed) {
        let record = Record {
            sequence: placed.sequence.clone(),
            partition_key: entry.partition_key.clone(),
            data: entry.data.clone(),
            arrival: UnixMillis(0),
        };
        let decoded = self.sink_processor.decode(std::slice::from_ref(&record), HashCheck::default());
        let Some(Ok(decoded)) = decoded.now_or_never() else { return };
        for at in 0..decoded.documents.len() {
            let Some((key, number)) = ledger::parse(decoded.documents.data(at)) else { continue };
            let landed = {
                let mut ledger = self.ledger();
                if trip.deceives() {
                    ledger.excuse(key, number);
                }
                ledger.landed(key, number)
            };
            self.note(format_args!("{process} puts {key}:{number} on {}", placed.shard));
            let is_again = self.check(landed).unwrap_or_default();
            let mut diary = self.diary();
            diary.counts.landed += 1;
            diary.counts.duplicates += u64::from(is_again);
        }
    }
}

impl Trip {
    /// Whether the service refuses single entries of a request.
    fn throttles_entries(self) -> bool {
        self.is_stormy && self.fault != Some(Fault::AnswerLost) && self.detail.is_multiple_of(4)
    }
}
