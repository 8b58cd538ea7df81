//! Refusals, by the names that the service gives them.

use thiserror::Error;

use crate::kinesis::KinesisError;

/// The service refused a call. The message is for people; the code is part of the protocol.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{code}: {message}")]
pub struct ServiceError {
    /// The error's AWS name, such as `ResourceNotFoundException`.
    pub code: &'static str,
    /// What is wrong, in a sentence.
    pub message: String,
}

impl ServiceError {
    /// An error by its AWS name.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// A value breaks a rule that only the stream or the account knows.
    pub fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new("InvalidArgumentException", message)
    }

    /// A value breaks a rule of the interface itself: a length, a range, a pattern.
    pub fn validation(field: &str, rule: impl std::fmt::Display) -> Self {
        Self::new(
            "ValidationException",
            format!(
                "1 validation error detected: Value at '{field}' failed to satisfy constraint: Member must {rule}"
            ),
        )
    }

    /// The call asks for more than the account may have, or comes too often.
    pub fn limit_exceeded(message: impl Into<String>) -> Self {
        Self::new("LimitExceededException", message)
    }

    /// A shard was written or read too fast.
    pub fn throughput(message: impl Into<String>) -> Self {
        Self::new("ProvisionedThroughputExceededException", message)
    }

    /// What the call names is not there.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new("ResourceNotFoundException", message)
    }

    /// What the call names is in a state that does not allow the call.
    pub fn in_use(message: impl Into<String>) -> Self {
        Self::new("ResourceInUseException", message)
    }

    /// The same error as the seam knows it, from the call that met it.
    pub fn during(self, operation: &'static str) -> KinesisError {
        KinesisError::from_code(operation, self.code, &self.message)
    }
}
