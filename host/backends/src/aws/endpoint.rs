//! Where a service is when it is not where AWS has it.

use std::{env, net::IpAddr};

use http::Uri;

use super::{AwsSettings, SetupError};

/// A service that this program is a client of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Service {
    Kinesis,
    DynamoDb,
}

impl Service {
    /// The endpoint that the environment names, in the variables that the AWS tools read: the narrower goes first.
    pub(crate) fn endpoint_in_environment(self) -> Option<String> {
        let narrow = match self {
            Self::Kinesis => "AWS_ENDPOINT_URL_KINESIS",
            Self::DynamoDb => "AWS_ENDPOINT_URL_DYNAMODB",
        };
        [narrow, "AWS_ENDPOINT_URL"].iter().find_map(|name| env::var(name).ok())
    }
}

/// An endpoint in place of AWS's own.
pub(super) struct Endpoint {
    pub(super) url: String,
    pub(super) is_tls: bool,
    pub(super) is_loopback: bool,
}

impl Endpoint {
    /// The endpoint that settings or environment name, if any.
    pub(super) fn find(settings: &AwsSettings, service: Service) -> Result<Option<Self>, SetupError> {
        let named = settings.endpoint_url.clone().or_else(|| service.endpoint_in_environment());
        let Some(url) = named else { return Ok(None) };
        Self::parse(&url).map(Some).ok_or(SetupError::Endpoint(url))
    }

    fn parse(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let is_tls = match uri.scheme_str()? {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
        let is_loopback =
            host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        Some(Self { url: url.to_owned(), is_tls, is_loopback })
    }
}

/// Whether an environment variable has a value.
pub(super) fn is_set(variable: &str) -> bool {
    env::var_os(variable).is_some_and(|value| !value.is_empty())
}
