//! A client of DynamoDB, found as the client of Kinesis is.

pub use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;

pub use crate::aws::{AwsSettings, SetupError};
use crate::aws::{Service, Setup, setup};

/// Finds region and credentials and makes a client, which does not retry. Nothing is asked of the endpoint yet.
///
/// # Errors
/// [`SetupError`] says what to do.
///
/// # Cancel safety
/// Safe: nothing is changed.
pub async fn connect(settings: &AwsSettings) -> Result<Client, SetupError> {
    let Setup { shared, endpoint_url, .. } = setup(settings, Service::DynamoDb).await?;
    let mut config = Builder::from(&shared);
    config.set_endpoint_url(endpoint_url);
    Ok(Client::from_conf(config.build()))
}
