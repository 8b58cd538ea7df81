//! Sorts what the SDK calls an error by what a holder of leases does about it.

use std::error::Error;

use aws_sdk_dynamodb::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};
use tidemill_engine::lease::{LeaseError, LeaseKey};

use crate::aws::words;

/// The error of a write to one lease.
pub(super) fn of_write<E>(key: &LeaseKey, table: &str, error: &SdkError<E, HttpResponse>) -> LeaseError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if code(error) == Some("ConditionalCheckFailedException") {
        return LeaseError::Lost(key.clone());
    }
    failed(table, error)
}

/// The error of any other call. None of them is tried again by the SDK, and every one may be by the caller.
pub(super) fn failed<E>(table: &str, error: &SdkError<E, HttpResponse>) -> LeaseError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    LeaseError::Unavailable(told(table, error))
}

/// The same for people, with what to do.
pub(crate) fn told<E>(table: &str, error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let advice = match code(error) {
        Some("ResourceNotFoundException") => "there is no such table: create it, or set create-table: ",
        Some("ValidationException") => {
            "the table is not one of leases: its keys must be application and lease, both texts: "
        }
        Some("AccessDeniedException") => "allow this role to read and write the table: ",
        Some("ProvisionedThroughputExceededException" | "ThrottlingException" | "RequestLimitExceeded") => {
            "DynamoDB throttles: give the table on-demand capacity, or more: "
        }
        _ => "",
    };
    format!("{advice}{}, table={table}", said(error))
}

/// What the service or the SDK says, the service's name for it first.
pub(super) fn said<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error.as_service_error().and_then(|service| Some((service.code()?, service.message()))) {
        Some((code, message)) => format!("{code}: {}", message.unwrap_or("no message")),
        None => words(error),
    }
}

/// The service's name for it.
pub(crate) fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    error.as_service_error().and_then(|service| service.code())
}
