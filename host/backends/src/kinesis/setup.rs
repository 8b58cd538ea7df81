//! From settings to a client: region, credentials, timeouts and TLS.

use std::{env, net::IpAddr};

use aws_config::{
    BehaviorVersion, Region, SdkConfig, profile::ProfileFileCredentialsProvider,
    provider_config::ProviderConfig, retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider},
};
use aws_sdk_kinesis::{
    Client,
    config::{Builder, SharedHttpClient},
};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use http::Uri;
use thiserror::Error;
use tidemill_engine::limits;
use tokio::time::timeout;

use super::error::words;

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
    /// Whether the settings or the environment name an endpoint in place of AWS's own.
    pub fn has_endpoint(&self) -> bool {
        self.endpoint_url.is_some() || from_environment().is_some()
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

/// A client that was told everything it needs.
pub(super) async fn client(settings: &AwsSettings) -> Result<Client, SetupError> {
    let endpoint = endpoint(settings)?;
    let https =
        aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let shared = shared_config(settings, endpoint.as_ref(), &https).await?;
    let mut config = Builder::from(&shared).retry_config(RetryConfig::disabled()).timeout_config(timeouts());
    if let Some(endpoint) = &endpoint {
        config = config.endpoint_url(&endpoint.url);
        if !endpoint.is_tls {
            // Without TLS there is no need for the machine's certificates, so a machine without any will do.
            config = config.http_client(aws_smithy_http_client::Builder::new().build_http());
        }
    }
    Ok(Client::from_conf(config.build()))
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(limits::AWS_CONNECT_TIMEOUT)
        .operation_attempt_timeout(limits::AWS_CALL_TIMEOUT)
        .build()
}

/// Region and credentials, both there.
async fn shared_config(
    settings: &AwsSettings,
    endpoint: Option<&Endpoint>,
    https: &SharedHttpClient,
) -> Result<SdkConfig, SetupError> {
    let is_local = endpoint.is_some_and(|endpoint| endpoint.is_loopback);
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(https.clone());
    if let Some(profile) = &settings.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = &settings.region {
        loader = loader.region(Region::new(region.clone()));
    } else if is_local && !is_set("AWS_REGION") && !is_set("AWS_PROFILE") && settings.profile.is_none() {
        loader = loader.region(Region::from_static(LOCAL_REGION));
    }
    if is_local && !is_set("AWS_ACCESS_KEY_ID") && !is_set("AWS_PROFILE") && settings.profile.is_none() {
        loader = loader.credentials_provider(Credentials::new("local", "local", None, None, "local"));
    }
    let loaded = timeout(limits::AWS_SETUP_TIMEOUT, loader.load()).await;
    let mut shared = loaded.map_err(|_| SetupError::NoRegion)?;
    if shared.region().is_none() {
        return Err(SetupError::NoRegion);
    }
    if let Some(profile) = &settings.profile {
        let provider = profile_credentials(profile, shared.region().cloned(), https);
        shared = shared.into_builder().credentials_provider(provider).build();
    }
    check_credentials(&shared).await.map_err(|reason| match &settings.profile {
        Some(profile) => SetupError::Profile { profile: profile.clone(), reason },
        None => SetupError::NoCredentials(reason),
    })?;
    Ok(shared)
}

/// The profile alone: who names one does not want what happens to be in the environment.
fn profile_credentials(
    profile: &str,
    region: Option<Region>,
    https: &SharedHttpClient,
) -> SharedCredentialsProvider {
    let config = ProviderConfig::without_region().with_region(region).with_http_client(https.clone());
    let provider = ProfileFileCredentialsProvider::builder().configure(&config).profile_name(profile).build();
    SharedCredentialsProvider::new(provider)
}

/// Asks for credentials once, and says what is missing.
async fn check_credentials(shared: &SdkConfig) -> Result<(), String> {
    let Some(provider) = shared.credentials_provider() else {
        return Err("there is no source of them".into());
    };
    match timeout(limits::AWS_SETUP_TIMEOUT, provider.provide_credentials()).await {
        Ok(provided) => provided.map(drop).map_err(|error| words(&error)),
        Err(_) => Err("no source of them answered in time".into()),
    }
}

/// What requests to an endpoint on this machine are signed for when nothing says otherwise.
const LOCAL_REGION: &str = "us-east-1";

struct Endpoint {
    url: String,
    is_tls: bool,
    is_loopback: bool,
}

/// The endpoint that settings or environment name, if any.
fn endpoint(settings: &AwsSettings) -> Result<Option<Endpoint>, SetupError> {
    let Some(url) = settings.endpoint_url.clone().or_else(from_environment) else { return Ok(None) };
    parse_endpoint(&url).map(Some).ok_or(SetupError::Endpoint(url))
}

fn from_environment() -> Option<String> {
    ENDPOINT_VARIABLES.iter().find_map(|name| env::var(name).ok())
}

/// The variables that the AWS tools read, the narrower first.
const ENDPOINT_VARIABLES: [&str; 2] = ["AWS_ENDPOINT_URL_KINESIS", "AWS_ENDPOINT_URL"];

fn parse_endpoint(url: &str) -> Option<Endpoint> {
    let uri: Uri = url.parse().ok()?;
    let is_tls = match uri.scheme_str()? {
        "http" => false,
        "https" => true,
        _ => return None,
    };
    let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    Some(Endpoint { url: url.to_owned(), is_tls, is_loopback })
}

fn is_set(variable: &str) -> bool {
    env::var_os(variable).is_some_and(|value| !value.is_empty())
}
