//! Failures of the service, sorted by what the caller does about them.

use std::fmt;

use thiserror::Error;

/// A call failed as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{operation} failed: {kind}: {message}")]
pub struct KinesisError {
    /// What the caller should do about it.
    pub kind: ErrorKind,
    /// The call, by its AWS name.
    pub operation: &'static str,
    /// The service's error name and words.
    pub message: String,
}

impl KinesisError {
    /// Whether the same call may succeed later without anybody's doing.
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind, ErrorKind::Throttled | ErrorKind::Unavailable | ErrorKind::Busy)
    }

    /// Whether the call certainly changed nothing. A put for which this is false may be on the stream.
    pub fn has_no_side_effects(&self) -> bool {
        self.kind != ErrorKind::Unavailable
    }

    /// Sorts an error of the service by its AWS name.
    pub fn from_code(operation: &'static str, code: &str, message: &str) -> Self {
        let kind = match (operation, code) {
            // The service has one name for what is there already and for what is in another state.
            ("CreateStream" | "RegisterStreamConsumer", "ResourceInUseException") => ErrorKind::Exists,
            _ => ErrorKind::from_code(code),
        };
        Self { kind, operation, message: format!("{code}: {message}") }
    }
}

/// What the caller should do about a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Slow down and try again.
    Throttled,
    /// Try again: the service or the network failed, and it is unknown whether the call took effect.
    Unavailable,
    /// Try again later: the stream is in a state that does not allow the call, such as being created.
    Busy,
    /// Get a new iterator at the last position.
    ExpiredIterator,
    /// Give up: the stream or shard does not exist.
    NotFound,
    /// Give up: it exists already.
    Exists,
    /// Give up until someone mends the credentials or permissions.
    Denied,
    /// Give up: the service refuses what was asked.
    Invalid,
}

impl ErrorKind {
    fn from_code(code: &str) -> Self {
        match code {
            "ProvisionedThroughputExceededException"
            | "LimitExceededException"
            | "ThrottlingException"
            | "Throttling"
            | "RequestLimitExceeded"
            | "KMSThrottlingException" => Self::Throttled,
            "InternalFailure" | "InternalServerError" | "InternalFailureException" | "ServiceUnavailable" => {
                Self::Unavailable
            }
            "ResourceInUseException" => Self::Busy,
            "ExpiredIteratorException" => Self::ExpiredIterator,
            "ResourceNotFoundException" => Self::NotFound,
            "AccessDeniedException"
            | "UnrecognizedClientException"
            | "InvalidSignatureException"
            | "ExpiredTokenException"
            | "MissingAuthenticationTokenException"
            | "IncompleteSignatureException"
            | "OptInRequired" => Self::Denied,
            _ => Self::Invalid,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Throttled => "throttled",
            Self::Unavailable => "the service cannot be reached or failed",
            Self::Busy => "the stream is in another state",
            Self::ExpiredIterator => "the shard iterator expired",
            Self::NotFound => "not found",
            Self::Exists => "it exists already",
            Self::Denied => "access denied",
            Self::Invalid => "the service refused the request",
        })
    }
}

/// One entry of a PutRecords request failed while the request went through. Nothing of it is on the stream.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EntryError {
    /// Its shard took no more (`ProvisionedThroughputExceededException`).
    #[error("throttled: {0}")]
    Throttled(String),
    /// The service failed (`InternalFailure`).
    #[error("failed: {0}")]
    Failed(String),
}
