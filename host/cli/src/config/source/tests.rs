use tidemill_engine::time::UnixMillis;

use super::*;

fn parse(text: &str) -> Result<SourceConfig, String> {
    toml::from_str(text).map_err(|error| error.message().to_owned())
}

fn refused(text: &str) -> String {
    parse(&format!("stream = \"orders\"\n{text}")).expect_err("the settings were taken")
}

#[test]
fn the_names_of_async_kinesis_say_the_same_as_ours() {
    let ours = r#"
        stream = "orders"
        start = "2023-11-14T22:13:20Z"
        interval = "500ms"
        idle-interval = "2s"
        attempts = 5
        backoff-limit = "2m"
        record-limit = 500
        idle-timeout = "5s"
    "#;
    let theirs = r#"
        stream = "orders"
        iterator-type = "AT_TIMESTAMP"
        timestamp = "1700000000"
        shard-fetch-rate = 2
        sleep-time-no-records = "2s"
        retry-limit = 5
        expo-backoff-limit = "120s"
        record-limit = 500
        idle-timeout = "5s"
        use-list-shards = true
    "#;
    let [ours, theirs] = [ours, theirs].map(|text| parse(text).unwrap());
    assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
    assert_eq!(ours.start.0, plan::Start::AtTimestamp(UnixMillis(1_700_000_000_000)));
    assert_eq!(ours.reader.interval, Duration::from_millis(500));
    assert_eq!(ours.reader.limit, 500);
}

#[test]
fn a_start_may_be_in_the_words_of_the_service() {
    let start =
        |word: &str| parse(&format!("stream = \"orders\"\niterator-type = \"{word}\"")).unwrap().start.0;
    assert_eq!(start("TRIM_HORIZON"), plan::Start::TrimHorizon);
    assert_eq!(start("LATEST"), plan::Start::Latest);
}

#[test]
fn single_shards_may_start_elsewhere() {
    let source = parse("stream = \"orders\"\nstart-at = { shardId-000000000003 = \"4959\" }").unwrap();
    let places: Vec<_> = source.start_at.iter().map(|(shard, at)| (shard.as_str(), at.as_str())).collect();
    assert_eq!(places, [("shardId-000000000003", "4959")]);
    let error = refused("start-at = { shardId-000000000003 = \"LATEST\" }");
    assert!(error.starts_with("start-at, shard=shardId-000000000003: not a sequence number"), "{error}");
}

#[test]
fn several_streams_are_read_and_none_twice() {
    let source = parse("streams = [\"orders\", \"clicks\"]").unwrap();
    let names: Vec<_> = source.streams.iter().map(StreamRef::name).collect();
    assert_eq!(names, ["orders", "clicks"]);
    let twice = r#"streams = ["arn:aws:kinesis:eu-west-1:123456789012:stream/orders", "orders"]"#;
    assert!(parse(twice).unwrap_err().ends_with("stream=orders"));
    assert_eq!(parse("streams = []").unwrap_err(), "missing field `stream`");
}

#[test]
fn what_contradicts_itself_is_refused_with_what_to_do() {
    let cases = [
        ("streams = [\"clicks\"]", "stream and streams are the same"),
        ("start = \"latest\"\niterator-type = \"LATEST\"", "start and iterator-type are the same"),
        ("iterator-type = \"AT_TIMESTAMP\"", "iterator-type = \"AT_TIMESTAMP\" needs timestamp"),
        ("timestamp = \"1700000000\"", "timestamp goes with iterator-type = \"AT_TIMESTAMP\""),
        ("iterator-type = \"AT_TIMESTAMP\"\ntimestamp = \"latest\"", "timestamp has to be a date"),
        ("interval = \"1s\"\nshard-fetch-rate = 1", "interval and shard-fetch-rate say the same"),
        (
            "shard-fetch-rate = 6",
            "shard-fetch-rate is more than the service allows, shard-fetch-rate=6 limit=5",
        ),
        ("record-limit = 10001", "record-limit is more than one read gives"),
        ("backoff = \"1m\"", "backoff is longer than backoff-limit: backoff=1m backoff-limit=30s"),
        ("use-list-shards = false", "use-list-shards = false: shards are listed with ListShards alone"),
        (
            "create = { shards = 1 }\nskip-describe-stream = true",
            "create has to look whether the stream is there",
        ),
    ];
    for (text, expected) in cases {
        let error = refused(text);
        assert!(error.starts_with(expected), "{error}");
    }
    let error = parse("streams = [\"a\", \"b\"]\nstart-at = { shardId-000000000000 = \"1\" }").unwrap_err();
    assert!(error.starts_with("start-at names shards of one stream"), "{error}");
}
