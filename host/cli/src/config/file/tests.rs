use std::time::Duration;

use miette::{GraphicalReportHandler, GraphicalTheme};

use tidemill_engine::{
    kinesis::StreamMode,
    producer::{ProducerSettings, ShardRate},
};
use tidemill_runtime::Sandbox;

use super::*;
use crate::config::{SinkConfig, SpoolConfig};

const SMALLEST: &str = r#"
application = "orders"
[pipelines.orders]
source = { stream = "orders" }
handler = { component = "filter.wasm" }
"#;

fn parse(text: &str) -> Result<Config, Failure> {
    Config::parse("tidemill.toml", text)
}

fn refused(text: &str) -> Failure {
    parse(text).map(drop).expect_err("the settings were taken")
}

/// The smallest file with one text in it replaced.
fn with(old: &str, new: &str) -> String {
    assert!(SMALLEST.contains(old));
    SMALLEST.replace(old, new)
}

#[test]
fn the_smallest_file_has_the_defaults_that_are_documented() {
    let smallest = parse(SMALLEST).unwrap();
    let pipeline = smallest.pipelines.values().next().unwrap();
    assert_eq!(smallest.grace, Duration::from_secs(30));
    assert_eq!(smallest.kinesis.endpoint, Endpoint::Aws);
    assert_eq!(smallest.lease_store(), StoreKind::File);
    assert_eq!(smallest.leases.failover, Duration::from_secs(10));
    assert_eq!(pipeline.handler.sandbox().sandbox.memory_bytes, 128 << 20);
    assert_eq!(pipeline.handler.batch_records.get(), 1_000);
    assert_eq!(pipeline.source.processor.to_string(), "json-line");
}

#[test]
fn the_documented_file_is_read_and_says_what_it_says() {
    let page = include_str!("../../../../../docs/settings.md");
    let text = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let config = parse(text).unwrap();
    let pipeline = config.pipelines.values().next().unwrap();
    let smallest = parse(SMALLEST).unwrap();
    let default = smallest.pipelines.values().next().unwrap();
    // Where the page gives a default, it is the one that holds.
    assert_eq!(config.grace, smallest.grace);
    assert_eq!(format!("{:?}", pipeline.source.start), format!("{:?}", default.source.start));
    assert_eq!(pipeline.source.reader, default.source.reader);
    assert_eq!(pipeline.source.discovery_interval, default.source.discovery_interval);
    let (documented, sandbox) = (pipeline.handler.sandbox().sandbox, default.handler.sandbox().sandbox);
    let granted = (documented.config.clone(), documented.allow.clone());
    assert_eq!(Sandbox { config: granted.0, allow: granted.1, ..sandbox }, documented);
    assert_eq!(pipeline.handler.emitted_bytes, default.handler.emitted_bytes);
    assert_eq!(pipeline.handler.emitted_records, default.handler.emitted_records);
    assert_eq!(pipeline.handler.batch_bytes, default.handler.batch_bytes);
    assert_eq!(pipeline.handler.attempts, default.handler.attempts);
    assert_eq!(pipeline.handler.batch_window, default.handler.batch_window);
    assert_eq!(pipeline.handler.breaker, default.handler.breaker);
    assert_eq!(pipeline.handler.lanes.count(), default.handler.lanes.count());
    assert_eq!(pipeline.handler.checkpointing(), default.handler.checkpointing());
    let [sink, audit] = [pipeline.sink.as_ref().unwrap(), pipeline.sinks.values().next().unwrap()];
    let default =
        ProducerSettings { create: Some(FOUR), record_ttl: FIVE_MINUTES, ..default_settings(audit) };
    let documented = sink.producer.settings(None, 0);
    assert_eq!(format!("{documented:?}"), format!("{default:?}"));
    assert_eq!(audit.stream.region(), Some("eu-west-1"));

    let [ingest, default] = [config.ingest.unwrap(), IngestConfig::default()];
    assert_eq!((ingest.listen, ingest.allow_remote), (default.listen, default.allow_remote));
    assert_eq!(ingest.body_bytes, default.body_bytes);
    let clicks = &ingest.streams["clicks"];
    assert_eq!(clicks.spool.as_ref().unwrap().limit_bytes, SpoolConfig::new("spool".into()).limit_bytes);
}

const FOUR: StreamMode = StreamMode::Provisioned { shards: 4 };
const FIVE_MINUTES: Option<Duration> = Some(Duration::from_secs(300));

/// What a producer of a sink with no settings is told at AWS.
fn default_settings(sink: &SinkConfig) -> ProducerSettings {
    sink.producer.settings(Some(ShardRate::default()), 0)
}

#[test]
fn i9_every_key_is_documented() {
    let page = include_str!("../../../../../docs/settings.md");
    let tables = [
        "zzz = 1".to_owned() + SMALLEST,
        SMALLEST.to_owned() + "zzz = 1",
        SMALLEST.to_owned() + "[kinesis]\nzzz = 1",
        SMALLEST.to_owned() + "[leases]\nzzz = 1",
        SMALLEST.to_owned() + "[leases.redis]\nzzz = 1",
        SMALLEST.to_owned() + "[leases.dynamodb]\nzzz = 1",
        SMALLEST.to_owned() + "[deploy]\nzzz = 1",
        SMALLEST.to_owned() + "sink = { zzz = 1 }",
        SMALLEST.to_owned() + "dead-letters = { stream = 'failed', zzz = 1 }",
        SMALLEST.to_owned() + "dead-letters = { file = 'failed', zzz = 1 }",
        SMALLEST.to_owned() + "dead-letters = { redis = 'failed', zzz = 1 }",
        with("component = \"filter.wasm\"", "component = \"f\", breaker = { zzz = 1 }"),
        with("stream = \"orders\"", "zzz = 1"),
        with("component = \"filter.wasm\"", "zzz = 1"),
        with("component = \"filter.wasm\"", "allow = { zzz = 1 }"),
        with("component = \"filter.wasm\"", "allow = { folders = [{ zzz = 1 }] }"),
        with("stream = \"orders\"", "processor = { zzz = 1 }"),
        with("stream = \"orders\"", "create = { zzz = 1 }"),
        with("stream = \"orders\"", "prefetch = { zzz = 1 }"),
        SMALLEST.to_owned() + "[ingest]\nzzz = 1",
        SMALLEST.to_owned() + "[ingest.streams.orders]\nzzz = 1",
    ];
    for text in tables {
        let failure = refused(&text);
        assert!(failure.to_string().starts_with("unknown key `zzz`"), "{failure}");
        let help = failure.help_text().unwrap();
        for key in help.trim_start_matches("known here: ").split(", ") {
            assert!(page.contains(&format!("`{key}`")), "{key} is not documented");
        }
    }
}

#[test]
fn a_misspelt_key_is_shown_at_its_place_with_the_one_that_was_meant() {
    let failure = refused(&with("handler", "hander"));
    assert_eq!(failure.exit(), Exit::Settings);
    let shown = failure.render(GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()));
    let expected = "  × unknown key `hander`: file=tidemill.toml line=5 column=1
   ╭─[tidemill.toml:5:1]
 4 │ source = { stream = \"orders\" }
 5 │ hander = { component = \"filter.wasm\" }
   · ───┬──
   ·    ╰── here
   ╰────
  help: did you mean `handler`? known here: source, handler, sink, sinks, on-failure, dead-letters";
    assert_eq!(shown, expected);
}

#[test]
fn wrong_values_are_told_with_what_would_be_right() {
    let source = "stream = \"orders\"";
    let handler = "component = \"filter.wasm\"";
    let cases = [
        (
            with(handler, "component = \"f\", deadline = \"5 bananas\""),
            "not a duration: write it as \"500ms\"",
        ),
        (with(handler, "component = \"f\", deadline = \"0s\""), "the duration must be longer than zero"),
        (with(handler, "component = \"f\", deadline = 5"), "invalid type: integer `5`, expected a string"),
        (with(handler, "component = \"f\", memory = \"64\""), "not a size: write it as \"64MiB\""),
        (with(handler, "component = \"f\", memory = \"lots\""), "not a size: write it as \"64MiB\""),
        (
            with(handler, "component = \"f\", attempts = 0"),
            "invalid value: integer `0`, expected a nonzero u32",
        ),
        (
            with(source, "stream = \"o\", create = 4"),
            "invalid type: integer `4`, expected a table such as { shards = 4 }",
        ),
        (
            with(source, "stream = \"arn:aws:sqs:x\""),
            "not the ARN of a Kinesis stream: expected arn:aws:kinesis:",
        ),
        (with(source, "stream = \"a b\""), "not a stream name: 1 to 128 characters"),
        (with(source, "stream = \"o\", start = \"oldest\""), "not a place to start: expected `trim-horizon`"),
        (with("\"orders\"\n[", "\"my orders\"\n["), "not a name: 1 to 64 characters"),
        (
            SMALLEST.to_owned() + "[kinesis]\nendpoint = \"localhost\"",
            "not an endpoint: expected `embedded` or a URL",
        ),
    ];
    for (text, expected) in cases {
        let failure = refused(&text);
        assert!(failure.to_string().starts_with(expected), "{failure}\n{text}");
        assert!(failure.to_string().contains(" line="), "{failure} does not say where");
        assert_eq!(failure.exit(), Exit::Settings);
    }
}

#[test]
fn wrong_settings_of_producers_are_told_with_what_would_be_right() {
    let cases = [
        ("batch-size = 501", "batch-size is more than one request takes: lower it, batch-size=501 limit=500"),
        ("batch-size = 0", "invalid value: integer `0`, expected a nonzero usize"),
        (
            "request-bytes = \"11MiB\"",
            "request-bytes is more than one request takes: lower it, limit=10.0 MiB",
        ),
        ("backoff = \"1m\"", "backoff is longer than backoff-limit: backoff=1m backoff-limit=15s"),
        ("record-ttl = \"0s\"", "the duration must be longer than zero"),
        ("ordering = \"total\"", "unknown value `total`"),
        ("spool = \"folder\"", "a sink has no spool: its pipeline waits"),
    ];
    for (text, expected) in cases {
        let failure = refused(&(SMALLEST.to_owned() + "sink = { stream = \"a\", " + text + " }"));
        assert!(failure.to_string().starts_with(expected), "{failure}");
        assert!(failure.to_string().contains(" line=6 "), "{failure} does not say where");
    }
    let nowhere = refused(&(SMALLEST.to_owned() + "sink = { linger = \"1s\" }"));
    assert!(nowhere.to_string().starts_with("the key `stream` is missing: file="), "{nowhere}");
    let limit = refused(&(SMALLEST.to_owned() + "[ingest.streams.orders]\nspool-limit = \"1GiB\""));
    assert!(limit.to_string().starts_with("spool-limit is set, and there is no spool"), "{limit}");
    let no_name = refused(&(SMALLEST.to_owned() + "[ingest.streams.\"a b\"]"));
    assert!(no_name.to_string().starts_with("[ingest.streams.a b]: not a stream name"), "{no_name}");
}

#[test]
fn the_rate_of_a_shard_is_that_of_the_endpoint_unless_it_is_set() {
    let rate = |text: &str, endpoint: Option<ShardRate>| {
        let config = parse(&(SMALLEST.to_owned() + "sink = { stream = \"a\" " + text + " }")).unwrap();
        let pipeline = config.pipelines.into_values().next().unwrap();
        pipeline.sink.unwrap().producer.settings(endpoint, 0).shard_rate
    };
    let shard_rate =
        |records_per_second, bytes_per_second| Some(ShardRate { records_per_second, bytes_per_second });
    let aws = Some(ShardRate::default());
    assert_eq!((rate("", aws), rate("", None)), (aws, None));
    assert_eq!(rate(", records-per-second = 0, bytes-per-second = \"0B\"", aws), None);
    assert_eq!(rate(", records-per-second = 7", aws), shard_rate(7, 1 << 20));
    assert_eq!(rate(", records-per-second = 7", None), shard_rate(7, usize::MAX));
    assert_eq!(rate(", bytes-per-second = \"1KiB\"", None), shard_rate(u32::MAX, 1 << 10));
}

#[test]
fn ingest_needs_no_pipeline_and_its_streams_are_named_by_the_url() {
    let config = parse("application = \"a\"\n[ingest.streams.orders]\nspool = \"s\"").unwrap();
    let ingest = config.ingest.unwrap();
    let orders = &ingest.streams["orders"];
    assert_eq!(orders.stream("orders").unwrap().to_string(), "orders");
    assert_eq!(ingest.listen.to_string(), "127.0.0.1:4568");
}

#[test]
fn a_word_that_is_no_choice_is_answered_with_the_nearest() {
    let processor = refused(&with("stream = \"orders\"", "stream = \"o\", processor = \"jsonline\""));
    assert!(processor.to_string().starts_with("unknown processor `jsonline`: file="), "{processor}");
    assert!(processor.help_text().unwrap().starts_with("did you mean `json-line`? expected one of: "));
    let policy = refused(&(SMALLEST.to_owned() + "on-failure = \"drap\""));
    assert!(policy.to_string().starts_with("unknown value `drap`: file=tidemill.toml line=6"), "{policy}");
    assert_eq!(
        policy.help_text(),
        Some("did you mean `drop`? expected one of: dead-letter, stop-shard, drop")
    );
}

#[test]
fn a_missing_key_is_named() {
    let failure = refused(&with("application = \"orders\"", ""));
    assert!(
        failure.to_string().starts_with("the key `application` is missing: file=tidemill.toml"),
        "{failure}"
    );
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let cases = [
        ("application = \"a\"\n[pipelines]".to_owned(), "there is no pipeline to run"),
        (SMALLEST.to_owned() + "[kinesis]\nport = 4567", "kinesis.data-dir and kinesis.port belong to"),
        (SMALLEST.to_owned() + "[leases]\nstore = \"memory\"\npath = \"x\"", "leases.path is set"),
        (
            SMALLEST.to_owned() + "[kinesis]\nendpoint = \"embedded\"\n[leases]\nstore = \"file\"",
            "leases would outlive the streams",
        ),
        (
            SMALLEST.to_owned() + "[kinesis]\nendpoint = \"embedded\"\n[leases]\nstore = \"dynamodb\"",
            "leases would outlive the streams",
        ),
        (SMALLEST.to_owned() + "[leases.dynamodb]", "leases.dynamodb is set, and leases.store is \"file\""),
        (SMALLEST.to_owned() + "[ingest]", "ingest has no stream to put to"),
        (
            SMALLEST.to_owned() + "[ingest]\nlisten = \"0.0.0.0:1\"\nstreams.orders = {}",
            "other machines could put without being asked who they are: listen=0.0.0.0:1",
        ),
        (
            SMALLEST.to_owned() + "sink = { stream = \"a\" }\nsinks.default = { stream = \"b\" }",
            "pipeline orders has both `sink` and `sinks.default`",
        ),
        (
            SMALLEST.to_owned() + "on-failure = \"dead-letter\"",
            "pipeline orders has on-failure = \"dead-letter\" and no place for dead letters",
        ),
    ];
    for (text, expected) in cases {
        let failure = refused(&text);
        assert!(failure.to_string().starts_with(expected), "{failure}");
        assert!(failure.help_text().is_some());
    }
}

#[test]
fn streams_in_memory_have_leases_in_memory_unless_they_are_kept() {
    let fleeting = parse(&(SMALLEST.to_owned() + "[kinesis]\nendpoint = \"embedded\"")).unwrap();
    assert_eq!(fleeting.lease_store(), StoreKind::Memory);
    let kept =
        parse(&(SMALLEST.to_owned() + "[kinesis]\nendpoint = \"embedded\"\ndata-dir = \"d\"")).unwrap();
    assert_eq!(kept.lease_store(), StoreKind::File);
}

#[test]
fn paths_are_relative_to_the_file() {
    let mut config = parse(&(SMALLEST.to_owned() + "[ingest.streams.orders]\nspool = \"s\"")).unwrap();
    config.resolve(Path::new("/etc/tidemill"));
    let pipeline = config.pipelines.values().next().unwrap();
    assert_eq!(pipeline.handler.component, Path::new("/etc/tidemill/filter.wasm"));
    assert_eq!(config.leases.path.as_deref(), Some(Path::new("/etc/tidemill/tidemill.redb")));
    let ingest = config.ingest.unwrap();
    assert_eq!(ingest.streams["orders"].spool.as_ref().unwrap().folder, Path::new("/etc/tidemill/s"));
}

#[test]
fn a_file_that_is_not_there_is_told_with_what_to_do() {
    let failure = Config::load(Path::new("no/such/tidemill.toml")).map(drop).unwrap_err();
    assert!(failure.to_string().contains("file=no/such/tidemill.toml"), "{failure}");
    assert_eq!(failure.exit(), Exit::Settings);
    assert!(failure.help_text().is_some());
}

#[test]
fn a_processor_is_a_name_two_names_a_file_or_a_table() {
    let shown = |value: &str| {
        let text = with("stream = \"orders\"", &format!("stream = \"o\", processor = {value}"));
        let mut config = parse(&text).unwrap();
        config.resolve(Path::new("/etc"));
        let processor = config.pipelines.into_values().next().unwrap().source.processor;
        format!("{processor} {:?}", processor.hash_range_policy())
    };
    let cases = [
        ("\"kpl-json\"", "kpl-json Lenient"),
        ("\"netstring+json\"", "netstring+json Lenient"),
        ("\"netstring+msgpack\"", "msgpack Lenient"),
        ("\"mine.wasm\"", "/etc/mine.wasm Lenient"),
        ("{ preset = \"kpl-json\", hash-range = \"strict-kcl\" }", "kpl-json StrictKcl"),
        ("{ aggregator = \"netstring\", serializer = \"json\" }", "netstring+json Lenient"),
        ("{ component = \"mine.wasm\", memory = \"1MiB\" }", "/etc/mine.wasm Lenient"),
        ("{ aggregator = { component = \"a.wasm\" }, serializer = \"json\" }", "/etc/a.wasm+json Lenient"),
        ("{ aggregator = \"kpl\", serializer = { component = \"s.wasm\" } }", "kpl+/etc/s.wasm Lenient"),
    ];
    for (value, expected) in cases {
        assert_eq!(shown(value), expected);
    }
    for (value, expected) in [
        (
            "{ preset = \"json\", memory = \"1MiB\" }",
            "config, memory, deadline and other limits belong to a component",
        ),
        ("{ aggregator = \"kpl\" }", "not a processor: give a preset"),
        ("{ aggregator = \"klp\", serializer = \"json\" }", "unknown aggregator `klp`"),
        ("\"netstring+jsn\"", "unknown serializer `jsn`"),
    ] {
        let failure = refused(&with("stream = \"orders\"", &format!("stream = \"o\", processor = {value}")));
        assert!(failure.to_string().starts_with(expected), "{failure}");
    }
    let sink = "sink = { stream = \"a\", processor = { preset = \"json\", hash-range = \"lenient\" } }";
    let failure = refused(&(SMALLEST.to_owned() + sink));
    assert!(failure.to_string().contains("hash-range"), "{failure}");
}
