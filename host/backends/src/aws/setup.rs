//! From settings to what a client needs: region, credentials, timeouts and TLS.

use aws_config::{
    BehaviorVersion, Region, SdkConfig, profile::ProfileFileCredentialsProvider,
    provider_config::ProviderConfig, retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider},
};
use aws_sdk_kinesis::config::SharedHttpClient;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use tidemill_engine::limits;
use tokio::time::timeout;

use super::{
    AwsSettings, SetupError,
    endpoint::{Endpoint, Service, is_set},
    words,
};

/// What a client has to be told, everything found.
pub(crate) struct Setup {
    /// Region, credentials, timeouts and TLS. Nothing is tried again: the engine does, and knows when.
    pub(crate) shared: SdkConfig,
    /// The endpoint, if it is another one than AWS's own.
    pub(crate) endpoint_url: Option<String>,
    /// Whether the endpoint is asked over TLS.
    pub(crate) is_tls: bool,
}

/// Finds region, credentials and endpoint for one service.
pub(crate) async fn setup(settings: &AwsSettings, service: Service) -> Result<Setup, SetupError> {
    let endpoint = Endpoint::find(settings, service)?;
    let https = http_client(true);
    let shared = shared_config(settings, endpoint.as_ref(), &https).await?;
    let mut shared =
        shared.into_builder().retry_config(RetryConfig::disabled()).timeout_config(timeouts(service));
    let is_tls = endpoint.as_ref().is_none_or(|endpoint| endpoint.is_tls);
    if !is_tls {
        shared = shared.http_client(http_client(false));
    }
    Ok(Setup { shared: shared.build(), endpoint_url: endpoint.map(|endpoint| endpoint.url), is_tls })
}

/// A client of HTTP with connections of its own. Without TLS there is no need for the machine's certificates, so a
/// machine without any will do.
pub(crate) fn http_client(is_tls: bool) -> SharedHttpClient {
    let builder = aws_smithy_http_client::Builder::new();
    if is_tls {
        builder.tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
    } else {
        builder.build_http()
    }
}

fn timeouts(service: Service) -> TimeoutConfig {
    let call = match service {
        Service::Kinesis => limits::AWS_CALL_TIMEOUT,
        Service::DynamoDb => limits::DYNAMODB_CALL_TIMEOUT,
    };
    TimeoutConfig::builder()
        .connect_timeout(limits::AWS_CONNECT_TIMEOUT)
        .operation_attempt_timeout(call)
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
