//! The two forms that requests and responses take, and what an error looks like in them.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tidemill_engine::kinesis::memory::ServiceError;

/// How a request is written; its response is written likewise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Cbor,
}

impl Format {
    pub(crate) fn of(content_type: &str) -> Self {
        if content_type.contains("cbor") { Self::Cbor } else { Self::Json }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/x-amz-json-1.1",
            Self::Cbor => "application/x-amz-cbor-1.1",
        }
    }

    /// Reads a request. Text without escapes is borrowed from a JSON body.
    pub(crate) fn read<'a, I: Deserialize<'a>>(self, body: &'a [u8]) -> Result<I, ServiceError> {
        match self {
            Self::Json => serde_json::from_slice(body).map_err(|error| unreadable(&error.to_string())),
            Self::Cbor => {
                let value: ciborium::Value =
                    ciborium::from_reader(body).map_err(|error| unreadable(&error.to_string()))?;
                value.deserialized().map_err(|error| match error {
                    ciborium::value::Error::Custom(message) => unreadable(&message),
                })
            }
        }
    }

    /// Writes a response.
    pub(crate) fn write<O: Serialize>(self, output: &O) -> Result<Vec<u8>, ServiceError> {
        let mut body = Vec::new();
        let written = match self {
            Self::Json => serde_json::to_writer(&mut body, output).map_err(|error| error.to_string()),
            Self::Cbor => ciborium::into_writer(output, &mut body).map_err(|error| error.to_string()),
        };
        written.map_err(|message| ServiceError::new("InternalFailure", message))?;
        Ok(body)
    }

    /// The body of an error.
    pub(crate) fn write_error(self, error: &ServiceError) -> Vec<u8> {
        #[derive(Serialize)]
        struct Body<'a> {
            __type: &'a str,
            message: &'a str,
        }
        self.write(&Body { __type: error.code, message: &error.message }).unwrap_or_default()
    }
}

/// The status that goes with an error: 400 for the caller's, 500 for ours.
pub(crate) fn status_of(error: &ServiceError) -> StatusCode {
    match error.code {
        "InternalFailure" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// A body that is not what the operation takes. A field that is missing or out of range is ValidationException at
/// the service, all else SerializationException; the parser tells them apart by its words only.
fn unreadable(message: &str) -> ServiceError {
    let is_rule = message.starts_with("missing field") || message.starts_with("invalid value");
    if is_rule {
        return ServiceError::new("ValidationException", format!("1 validation error detected: {message}"));
    }
    ServiceError::new("SerializationException", message)
}
