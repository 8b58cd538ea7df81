//! What all clients of AWS share: where the service is, who asks it, and what its errors say.

use std::error::Error as StdError;

use thiserror::Error;

mod endpoint;
mod setup;

pub(crate) use endpoint::Service;
pub(crate) use setup::{Setup, http_client, setup};

/// Where the service is and who asks it. What is left out is found as the AWS tools find it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsSettings {
    /// Region, such as `eu-west-1`; otherwise AWS_REGION or the profile decides.
    pub region: Option<String>,
    /// An endpoint other than the region's own, such as `http://127.0.0.1:4567`.
    pub endpoint_url: Option<String>,
    /// The profile in the shared configuration files that names credentials, in place of any in the environment.
    pub profile: Option<String>,
}

impl AwsSettings {
    /// Whether the settings or the environment name an endpoint in place of AWS's own for Kinesis.
    pub fn has_endpoint(&self) -> bool {
        self.endpoint_url.is_some() || Service::Kinesis.endpoint_in_environment().is_some()
    }
}

/// No client can be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SetupError {
    /// Neither settings nor environment nor profile name a region.
    #[error("no AWS region: set the region in the settings, AWS_REGION, or a profile that has one")]
    NoRegion,
    /// There are no credentials.
    #[error(
        "no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, \
         or run where a role provides them: {0}"
    )]
    NoCredentials(String),
    /// The profile that was named gives none.
    #[error(
        "the AWS profile gives no credentials: check it in the files config and credentials of ~/.aws, \
         profile={profile}: {reason}"
    )]
    Profile {
        /// Its name.
        profile: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The endpoint is no URL.
    #[error("not an endpoint: http://host:port or https://host is expected, got={0:?}")]
    Endpoint(String),
}

/// What an error says, with all that caused it, each thing once.
pub(crate) fn words(error: &(dyn StdError + 'static)) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let more = error.to_string();
        if !words.last().is_some_and(|last| last.contains(&more)) {
            words.push(more);
        }
        next = error.source();
    }
    words.join(": ")
}
