//! Sorts what the SDK calls an error by what the engine does about it.

use std::{error::Error, fmt::Debug};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_kinesis::{
    config::http::HttpResponse,
    error::{BuildError, ProvideErrorMetadata, SdkError},
};
use tidemill_engine::kinesis::{ErrorKind, KinesisError};

use crate::aws::words;

/// The engine's error for a call that failed.
pub(super) fn sort<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> KinesisError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ServiceError(answer) => {
            with_status(named(operation, answer.err()), answer.raw().status().as_u16())
        }
        _ => unnamed(operation, error),
    }
}

/// The engine's error for a subscription that failed after it was begun. There is no status any more.
pub(super) fn sort_event<E, R>(operation: &'static str, error: &SdkError<E, R>) -> KinesisError
where
    E: ProvideErrorMetadata + Error + 'static,
    R: Debug + 'static,
{
    match error {
        SdkError::ServiceError(event) => named(operation, event.err()),
        _ => unnamed(operation, error),
    }
}

fn named(operation: &'static str, error: &impl ProvideErrorMetadata) -> KinesisError {
    let code = error.code().unwrap_or("an error without a name");
    KinesisError::from_code(operation, code, error.message().unwrap_or("no message"))
}

fn unnamed<E, R>(operation: &'static str, error: &SdkError<E, R>) -> KinesisError
where
    E: Error + 'static,
    R: Debug + 'static,
{
    let kind = match error {
        SdkError::ConstructionFailure(_) => ErrorKind::Invalid,
        _ if lacks_credentials(error) => ErrorKind::Denied,
        _ => ErrorKind::Unavailable,
    };
    KinesisError { kind, operation, message: words(error) }
}

/// The engine's error for a request that the SDK would not make.
pub(super) fn refused(operation: &'static str, error: &BuildError) -> KinesisError {
    KinesisError { kind: ErrorKind::Invalid, operation, message: words(error) }
}

/// What a proxy or load balancer answers has a status but none of the service's names.
fn with_status(error: KinesisError, status: u16) -> KinesisError {
    let kind = match (error.kind, status) {
        (ErrorKind::Invalid, 429) => ErrorKind::Throttled,
        (ErrorKind::Invalid, 401 | 403) => ErrorKind::Denied,
        (ErrorKind::Invalid, 408 | 500..) => ErrorKind::Unavailable,
        (kind, _) => kind,
    };
    KinesisError { kind, ..error }
}

/// Whether there are no credentials, so that trying again is no use. A source of them that does not answer may later.
fn lacks_credentials(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<CredentialsError>() {
            return matches!(
                error,
                CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_)
            );
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_sdk_kinesis::{
        config::http::HttpResponse,
        error::{ConnectorError, ErrorMetadata},
        operation::list_streams::ListStreamsError,
    };

    use super::*;

    fn answered(status: u16, code: Option<&str>) -> ErrorKind {
        let mut metadata = ErrorMetadata::builder();
        if let Some(code) = code {
            metadata = metadata.code(code);
        }
        let response = HttpResponse::new(status.try_into().unwrap(), "".into());
        let error = SdkError::service_error(ListStreamsError::generic(metadata.build()), response);
        sort("ListStreams", &error).kind
    }

    fn not_sent(source: CredentialsError) -> KinesisError {
        let connector = ConnectorError::other(source.into(), None);
        sort("ListStreams", &SdkError::<ListStreamsError, HttpResponse>::dispatch_failure(connector))
    }

    #[test]
    fn what_the_service_names_is_sorted_by_its_name() {
        assert_eq!(answered(400, Some("LimitExceededException")), ErrorKind::Throttled);
        assert_eq!(answered(400, Some("ResourceInUseException")), ErrorKind::Busy);
        assert_eq!(answered(400, Some("ExpiredIteratorException")), ErrorKind::ExpiredIterator);
        assert_eq!(answered(400, Some("AccessDeniedException")), ErrorKind::Denied);
        assert_eq!(answered(400, Some("ValidationException")), ErrorKind::Invalid);
        assert_eq!(answered(500, Some("InternalFailure")), ErrorKind::Unavailable);
    }

    #[test]
    fn what_something_between_answers_is_sorted_by_its_status() {
        assert_eq!(answered(502, None), ErrorKind::Unavailable);
        assert_eq!(answered(503, Some("SomethingNew")), ErrorKind::Unavailable);
        assert_eq!(answered(429, None), ErrorKind::Throttled);
        assert_eq!(answered(403, None), ErrorKind::Denied);
        assert_eq!(answered(413, None), ErrorKind::Invalid);
    }

    #[test]
    fn missing_credentials_are_denied_and_late_ones_may_come() {
        let none = not_sent(CredentialsError::not_loaded("nobody has any"));
        assert_eq!(none.kind, ErrorKind::Denied);
        assert!(none.message.ends_with("nobody has any"), "{none}");
        let late = not_sent(CredentialsError::provider_timed_out(Duration::from_secs(1)));
        assert_eq!(late.kind, ErrorKind::Unavailable);
    }

    #[test]
    fn a_call_without_an_answer_may_have_happened() {
        let error = SdkError::<ListStreamsError, HttpResponse>::timeout_error("no answer");
        let error = sort("PutRecords", &error);
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert!(!error.has_no_side_effects());
        assert_eq!(error.message, "request has timed out: no answer");
    }
}
