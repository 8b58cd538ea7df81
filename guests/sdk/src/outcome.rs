//! What came of a batch, packed while it is written.

use std::io;

use crate::Batch;
use crate::bindings::exports::tidemill::streams::packed_record_handler::PackedOutcome;
use crate::bindings::tidemill::streams::types::{Disposition, Failure};

/// Words that the index of a packed outcome has for each emit.
const WORDS: usize = 8;

/// What came of a batch: documents to send onward and records that were not handled.
#[derive(Debug, Default)]
pub struct Outcome {
    index: Vec<u32>,
    bytes: Vec<u8>,
    failures: Vec<Failure>,
    checkpoint: Option<u32>,
}

impl Outcome {
    /// An outcome in which nothing is emitted and every record is handled.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, with room for about as many documents and bytes as the batch has.
    pub fn for_batch(batch: &Batch) -> Self {
        Self {
            index: Vec::with_capacity(batch.len() * WORDS),
            bytes: Vec::with_capacity(batch.size()),
            failures: Vec::new(),
            checkpoint: None,
        }
    }

    /// Sends a document onward. The answer takes its partition key and the name of its sink.
    pub fn emit(&mut self, data: &[u8]) -> Emit<'_> {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(data);
        self.emitted(at)
    }

    /// Sends onward what `write` writes, with no copy in between. After an error nothing is emitted.
    pub fn emit_with<E>(
        &mut self,
        write: impl FnOnce(&mut dyn io::Write) -> Result<(), E>,
    ) -> Result<Emit<'_>, E> {
        let at = self.bytes.len();
        if let Err(error) = write(&mut self.bytes) {
            self.bytes.truncate(at);
            return Err(error);
        }
        Ok(self.emitted(at))
    }

    /// Has the record at this position given again after so many milliseconds at the least.
    pub fn retry(&mut self, index: u32, millis: u32) {
        self.fail(index, Disposition::Retry(millis));
    }

    /// Counts the record at this position as dropped.
    pub fn drop(&mut self, index: u32) {
        self.fail(index, Disposition::Drop);
    }

    /// Gives up the record at this position for a reason: it goes where the pipeline sends failures.
    pub fn dead_letter(&mut self, index: u32, reason: impl Into<String>) {
        self.fail(index, Disposition::DeadLetter(reason.into()));
    }

    /// Says that everything before the batch, and its first so many records, are done. It counts where the pipeline's
    /// settings leave checkpoints to the handler, `checkpoint = "manual"`, and is passed over elsewhere. What the
    /// handler keeps in memory of other records is given again should the instance be lost.
    pub fn checkpoint(&mut self, records: usize) {
        self.checkpoint = Some(word(records));
    }

    pub(crate) fn into_packed(self) -> PackedOutcome {
        let Self { index, bytes, failures, checkpoint } = self;
        PackedOutcome { index, bytes, failures, checkpoint }
    }

    fn emitted(&mut self, at: usize) -> Emit<'_> {
        let words = [word(at), word(self.bytes.len() - at), 0, 0, 0, 0, 0, 0];
        let row = self.index.len();
        self.index.extend_from_slice(&words);
        Emit { outcome: self, row }
    }

    fn fail(&mut self, index: u32, disposition: Disposition) {
        self.failures.push(Failure { index, disposition });
    }
}

/// A document on its way onward.
#[derive(Debug)]
pub struct Emit<'a> {
    outcome: &'a mut Outcome,
    row: usize,
}

impl Emit<'_> {
    /// Gives it a partition key; without one the host spreads documents over all shards.
    pub fn partition_key(self, key: &str) -> Self {
        self.text(2, key)
    }

    /// Gives it a hash key, in decimal, which decides the shard in place of the partition key's hash.
    pub fn explicit_hash_key(self, key: &str) -> Self {
        self.text(4, key)
    }

    /// Sends it to the sink of this name in place of the one named `default`.
    pub fn sink(self, name: &str) -> Self {
        self.text(6, name)
    }

    fn text(self, column: usize, text: &str) -> Self {
        let at = self.outcome.bytes.len();
        self.outcome.bytes.extend_from_slice(text.as_bytes());
        self.outcome.index[self.row + column] = word(at);
        self.outcome.index[self.row + column + 1] = word(text.len());
        self
    }
}

fn word(count: usize) -> u32 {
    u32::try_from(count).expect("an outcome lies in the memory of a 32-bit machine")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emits_are_packed_as_the_contract_says() {
        let mut outcome = Outcome::new();
        outcome.emit(b"one").partition_key("k").sink("errors");
        outcome.emit_with(|out| out.write_all(b"two")).unwrap();
        let failed = outcome.emit_with(|out| out.write_all(b"half").and(Err(io::Error::other("no"))));
        assert!(failed.is_err());
        outcome.dead_letter(4, "bad");
        outcome.checkpoint(3);
        let packed = outcome.into_packed();
        assert_eq!(packed.index, [0, 3, 3, 1, 0, 0, 4, 6, 10, 3, 0, 0, 0, 0, 0, 0]);
        assert_eq!(packed.bytes, b"onekerrorstwo");
        assert_eq!((packed.failures.len(), packed.checkpoint), (1, Some(3)));
    }
}
