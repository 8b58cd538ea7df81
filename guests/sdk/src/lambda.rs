//! Answers in the way of AWS Lambda: the identifiers of the records that failed.

use crate::{Batch, BatchError, Outcome};

impl Outcome {
    /// The outcome that a function of AWS Lambda means by its `batchItemFailures`, given the item identifiers in them:
    /// sequence numbers of Kinesis records. Without any, every record is done. Otherwise all records before the first
    /// that is named are done, and it and everything behind it are given again. What is emitted has to be of the records
    /// that are done; [`Outcome::emit`] adds it to the answer. It asks the host for sequence numbers where something
    /// failed, and only then.
    ///
    /// # Errors
    /// The whole batch failed, as with Lambda, where an identifier is empty or of no record of the batch.
    pub fn batch_item_failures<I>(batch: &Batch, identifiers: I) -> Result<Self, BatchError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let identifiers: Vec<I::Item> = identifiers.into_iter().collect();
        let mut outcome = Self::for_batch(batch);
        if identifiers.is_empty() {
            return Ok(outcome);
        }
        let mut sequences: Vec<(u32, String)> = Vec::new();
        let mut last = None;
        for record in
            batch.records().filter(|record| last.replace(record.raw_index) != Some(record.raw_index))
        {
            sequences.push((record.index, record.sequence_number()));
        }
        let first = first_failed(&sequences, &identifiers)?;
        for record in batch.records().skip(first as usize) {
            outcome.retry(record.index, 0);
        }
        Ok(outcome)
    }
}

/// The position of the first record that is named. `sequences` are those of the Kinesis records, each with the position
/// of its first user record, in order.
fn first_failed(sequences: &[(u32, String)], identifiers: &[impl AsRef<str>]) -> Result<u32, BatchError> {
    let mut first = u32::MAX;
    for identifier in identifiers.iter().map(AsRef::as_ref) {
        let found = sequences.iter().find(|(_, sequence)| sequence == identifier);
        let Some((position, _)) = found else {
            let reason = format!(
                "the function named a record that the batch does not have, identifier={identifier:?}"
            );
            return Err(BatchError::retryable(reason));
        };
        first = first.min(*position);
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three Kinesis records, the second with two user records.
    fn sequences() -> Vec<(u32, String)> {
        vec![(0, "90".to_owned()), (1, "100".to_owned()), (3, "101".to_owned())]
    }

    #[test]
    fn everything_from_the_first_record_that_is_named_on_failed() {
        for (named, first) in [(&["90"][..], 0), (&["101", "100"], 1), (&["101", "101"], 3)] {
            assert_eq!(
                first_failed(&sequences(), named).map_err(|error| error.reason),
                Ok(first),
                "{named:?}"
            );
        }
    }

    #[test]
    fn an_identifier_that_is_empty_or_unknown_fails_the_batch_and_may_be_tried_again() {
        for named in [&[""][..], &["100", ""], &["99"], &["0100"]] {
            let error = first_failed(&sequences(), named).unwrap_err();
            assert!(error.retryable, "{named:?}");
            assert!(
                error
                    .reason
                    .starts_with("the function named a record that the batch does not have, identifier=")
            );
        }
    }

    #[test]
    fn without_identifiers_everything_is_done_and_the_host_is_asked_nothing() {
        let packed = crate::PackedBatch { index: vec![0, 1, 0, 0, 0, 0, 0, 0], bytes: b"a".to_vec() };
        let batch = crate::batch::batch_of(packed);
        let outcome = Outcome::batch_item_failures(&batch, [] as [&str; 0]).unwrap().into_packed();
        assert!(outcome.failures.is_empty() && outcome.index.is_empty());
    }
}
