use std::{net::TcpListener, time::Duration};

use tidemill_engine::kinesis::{ErrorKind, contract, memory};
use tidemill_local_kinesis::{LocalKinesis, Settings};

use super::*;

/// The embedded Kinesis and a client of it that was given no region and no credentials.
async fn embedded(model: memory::Settings) -> (LocalKinesis, AwsKinesis) {
    let server = LocalKinesis::start(Settings { port: 0, data_dir: None, model }).await.unwrap();
    let kinesis = connect(server.url()).await.unwrap();
    (server, kinesis)
}

async fn connect(endpoint_url: &str) -> Result<AwsKinesis, SetupError> {
    AwsKinesis::connect(&AwsSettings {
        endpoint_url: Some(endpoint_url.to_owned()),
        ..AwsSettings::default()
    })
    .await
}

#[tokio::test]
async fn the_aws_client_keeps_the_contract_of_kinesis() {
    let (_server, kinesis) = embedded(memory::Settings::default()).await;
    contract::check(&kinesis).await;
}

#[tokio::test]
async fn iterators_of_the_aws_client_expire() {
    let model = memory::Settings { iterator_life: Duration::ZERO, ..memory::Settings::default() };
    let (_server, kinesis) = embedded(model).await;
    contract::an_old_iterator_is_expired(&kinesis).await;
}

#[tokio::test]
async fn entries_that_are_throttled_fail_one_by_one() {
    let model = memory::Settings { enforce_limits: true, ..memory::Settings::default() };
    let (_server, kinesis) = embedded(model).await;
    let stream: StreamRef = "throttled".parse().unwrap();
    kinesis.create_stream(&stream, StreamMode::Provisioned { shards: 1 }).await.unwrap();
    // A shard takes 1 MiB a second, and each of these is the half of it and its key.
    let half = Entry { data: vec![0; 1 << 19].into(), partition_key: "k".into(), explicit_hash_key: None };
    let results = kinesis.put_records(&stream, &[half.clone(), half.clone(), half]).await.unwrap();
    assert_eq!(results.len(), 3);
    assert!(results[0].is_ok());
    let Err(EntryError::Throttled(reason)) = &results[2] else { panic!("got={:?}", results[2]) };
    assert!(reason.starts_with("ProvisionedThroughputExceededException: "), "reason={reason}");
}

#[tokio::test]
async fn a_missing_stream_is_reported_in_the_words_of_the_service() {
    let (_server, kinesis) = embedded(memory::Settings::default()).await;
    let error = kinesis.describe_stream_summary(&"none".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    let text = error.to_string();
    assert!(
        text.starts_with("DescribeStreamSummary failed: not found: ResourceNotFoundException: "),
        "{text}"
    );
    assert!(text.contains("none"), "{text}");
}

#[tokio::test]
async fn an_endpoint_that_nobody_listens_on_is_unavailable() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let kinesis = connect(&format!("http://{free}")).await.unwrap();
    let error = kinesis.list_streams(None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.to_string().contains("Connection refused"), "{error}");
}

#[tokio::test]
async fn an_endpoint_without_tls_behind_https_is_unavailable_and_says_why() {
    let (server, _) = embedded(memory::Settings::default()).await;
    let kinesis = connect(&server.url().replace("http:", "https:")).await.unwrap();
    let error = kinesis.list_streams(None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.to_string().contains("InvalidContentType"), "{error}");
}

#[tokio::test]
async fn what_is_no_url_is_refused_at_once() {
    for url in ["", "localhost:4567", "ftp://localhost", "http://", "a b"] {
        assert_eq!(connect(url).await.unwrap_err(), SetupError::Endpoint(url.to_owned()));
    }
}

#[tokio::test]
async fn a_profile_that_is_not_there_leaves_no_credentials() {
    let settings = AwsSettings {
        region: Some("eu-west-1".into()),
        profile: Some("no-such-profile-of-tidemill".into()),
        ..AwsSettings::default()
    };
    let text = AwsKinesis::connect(&settings).await.unwrap_err().to_string();
    assert!(text.starts_with("the AWS profile gives no credentials: check it in the files"), "{text}");
    assert!(text.contains("profile=no-such-profile-of-tidemill: "), "{text}");
}
