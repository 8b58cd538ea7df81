//! What to do with each entry once its request came back.

use std::sync::Arc;

use super::{PutError, Settled};
use crate::{
    kinesis::{EntryError, KinesisError},
    record::Placed,
};

/// What becomes of an entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is settled.
    Settle(Settled),
    /// It goes again, for this reason.
    Again(Failure),
    /// It goes again at once, in a request of its own.
    Alone,
    /// It is refused for a reason that is not its own, which nobody but people can mend.
    Refused(Arc<str>),
}

/// Why an entry goes again.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The service asked to slow down.
    pub throttled: bool,
    /// What it said.
    pub message: String,
}

/// Answers one verdict an entry of a request of `count` entries.
pub(super) fn judge(
    count: usize,
    answer: Result<Vec<Result<Placed, EntryError>>, KinesisError>,
) -> Vec<Verdict> {
    match answer {
        Ok(results) if results.len() == count => results.into_iter().map(entry).collect(),
        Ok(results) => {
            let message = format!("PutRecords answered entries={} for entries={count}", results.len());
            whole(count, &|| Verdict::Again(Failure { throttled: false, message: message.clone() }))
        }
        Err(error) if error.is_retryable() => {
            let throttled = error.kind == crate::kinesis::ErrorKind::Throttled;
            whole(count, &|| Verdict::Again(Failure { throttled, message: error.to_string() }))
        }
        // One bad entry makes the service refuse its whole request: the others must not pay for it.
        Err(error) if error.kind == crate::kinesis::ErrorKind::Invalid && count > 1 => {
            whole(count, &|| Verdict::Alone)
        }
        Err(error) => {
            let message: Arc<str> = error.to_string().into();
            if error.kind == crate::kinesis::ErrorKind::Invalid {
                return whole(count, &|| Verdict::Settle(Err(PutError::Rejected(Arc::clone(&message)))));
            }
            whole(count, &|| Verdict::Refused(Arc::clone(&message)))
        }
    }
}

fn entry(result: Result<Placed, EntryError>) -> Verdict {
    match result {
        Ok(placed) => Verdict::Settle(Ok(Arc::new(placed))),
        Err(EntryError::Throttled(message)) => Verdict::Again(Failure { throttled: true, message }),
        Err(EntryError::Failed(message)) => Verdict::Again(Failure { throttled: false, message }),
    }
}

fn whole(count: usize, verdict: &dyn Fn() -> Verdict) -> Vec<Verdict> {
    (0..count).map(|_| verdict()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinesis::ErrorKind;

    fn failed(kind: ErrorKind) -> KinesisError {
        KinesisError { kind, operation: "PutRecords", message: "x".to_owned() }
    }

    #[test]
    fn a_refused_request_is_taken_apart_and_a_refused_entry_is_settled() {
        assert_eq!(judge(2, Err(failed(ErrorKind::Invalid))), [Verdict::Alone, Verdict::Alone]);
        let alone = judge(1, Err(failed(ErrorKind::Invalid)));
        assert!(matches!(alone[..], [Verdict::Settle(Err(PutError::Rejected(_)))]));
    }

    #[test]
    fn what_may_pass_is_tried_again_and_what_cannot_is_not() {
        for kind in [ErrorKind::Throttled, ErrorKind::Unavailable, ErrorKind::Busy] {
            assert!(matches!(judge(1, Err(failed(kind)))[..], [Verdict::Again(_)]), "{kind}");
        }
        for kind in [ErrorKind::Denied, ErrorKind::NotFound] {
            assert!(matches!(judge(3, Err(failed(kind)))[..], [_, _, Verdict::Refused(_)]), "{kind}");
        }
    }

    #[test]
    fn an_answer_of_the_wrong_length_settles_nothing() {
        assert!(matches!(judge(2, Ok(vec![]))[..], [Verdict::Again(_), Verdict::Again(_)]));
    }
}
