//! Streams and shards in pages and through filters; settings of a stream.

use super::*;
use crate::kinesis::{ShardFilter, memory::ShardQuery};

fn ids(model: &Model, filter: ShardFilter) -> Vec<u64> {
    let query = ShardQuery::Stream { name: "s", filter, after: None };
    let page = model.list_shards(&query, None).unwrap();
    page.shards.iter().map(|shard| shard.id.as_str()["shardId-".len()..].parse().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn each_filter_lists_its_shards() {
    let kinesis = with_stream(2, Settings::default());
    let model = kinesis.model();
    pass(1_000).await;
    model.split_shard("s", FIRST, HashKey(1 << 126)).unwrap();
    pass(1_000).await;
    model.merge_shards("s", "shardId-000000000003", "shardId-000000000001").unwrap();
    pass(1_000).await;
    let at = |millis| ShardFilter::AtTimestamp(UnixMillis(START.0 + millis));
    let from = |millis| ShardFilter::FromTimestamp(UnixMillis(START.0 + millis));
    assert_eq!(ids(model, ShardFilter::All), [0, 1, 2, 3, 4]);
    assert_eq!(ids(model, ShardFilter::AfterShard("shardId-000000000002".into())), [3, 4]);
    assert_eq!(ids(model, ShardFilter::AtTrimHorizon), [0, 1]);
    assert_eq!(ids(model, ShardFilter::FromTrimHorizon), [0, 1, 2, 3, 4]);
    assert_eq!(ids(model, ShardFilter::AtLatest), [2, 4]);
    assert_eq!(ids(model, at(999)), [0, 1]);
    assert_eq!(ids(model, at(1_000)), [1, 2, 3]);
    assert_eq!(ids(model, at(2_500)), [2, 4]);
    assert_eq!(ids(model, from(1_500)), [1, 2, 3, 4]);
    assert_eq!(ids(model, from(2_500)), [2, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_token_goes_on_where_its_page_ended_with_the_same_filter() {
    let kinesis = with_stream(2, Settings::default());
    let model = kinesis.model();
    model.update_shard_count("s", 4).unwrap();
    let query = ShardQuery::Stream { name: "s", filter: ShardFilter::AtLatest, after: None };
    let first = model.list_shards(&query, Some(3)).unwrap();
    let token = first.next.unwrap();
    let second = model.list_shards(&ShardQuery::Token(&token), Some(3)).unwrap();
    let all: Vec<_> = first.shards.iter().chain(&second.shards).map(|shard| shard.id.to_string()).collect();
    let expected: Vec<_> = (2..6).map(|n| format!("shardId-{n:012}")).collect();
    assert_eq!((all, second.next), (expected, None));
    let refused = |token: &str| model.list_shards(&ShardQuery::Token(token), None).unwrap_err().code;
    assert_eq!(refused("x"), "InvalidArgumentException");
    pass(300_000).await;
    assert_eq!(refused(&token), "ExpiredNextTokenException");
}

#[tokio::test(start_paused = true)]
async fn streams_are_listed_by_name_in_pages() {
    let kinesis = with_stream(1, Settings::default());
    let model = kinesis.model();
    for name in ["b", "a", "c"] {
        create(model, name, 1).unwrap();
    }
    let names = |page: &crate::kinesis::memory::StreamNames| -> Vec<String> {
        page.streams.iter().map(|stream| stream.name.clone()).collect()
    };
    let first = model.list_streams(None, None, Some(3)).unwrap();
    assert_eq!(names(&first), ["a", "b", "c"]);
    let second = model.list_streams(None, first.next.as_deref(), Some(3)).unwrap();
    assert_eq!((names(&second), second.next), (vec!["s".to_owned()], None));
    assert_eq!(names(&model.list_streams(Some("b"), None, None).unwrap()), ["c", "s"]);
}

#[tokio::test(start_paused = true)]
async fn descriptions_come_in_pages() {
    let kinesis = with_stream(3, Settings::default());
    let model = kinesis.model();
    let first = model.describe_stream("s", None, Some(2)).unwrap();
    assert_eq!((first.shards.len(), first.more), (2, true));
    let rest = model.describe_stream("s", Some(first.shards[1].id.as_str()), Some(2)).unwrap();
    assert_eq!((rest.shards.len(), rest.more), (1, false));
    assert_eq!(rest.shards[0].id.as_str(), "shardId-000000000002");
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_named_by_name_by_arn_or_by_both() {
    let kinesis = with_stream(1, Settings::default());
    let model = kinesis.model();
    let arn = |region: &str, name: &str| format!("arn:aws:kinesis:{region}:000000000000:stream/{name}");
    let resolve = |name: Option<&str>, arn: Option<String>| {
        let resolved = model.resolve(name.map(Into::into), arn.map(Into::into));
        resolved.map(std::borrow::Cow::into_owned).map_err(|error| error.code)
    };
    assert_eq!(resolve(Some("s"), None), Ok("s".to_owned()));
    assert_eq!(resolve(None, Some(arn("us-east-1", "s"))), Ok("s".to_owned()));
    assert_eq!(resolve(Some("s"), Some(arn("us-east-1", "s"))), Ok("s".to_owned()));
    assert_eq!(resolve(Some("t"), Some(arn("us-east-1", "s"))), Err("InvalidArgumentException"));
    assert_eq!(resolve(None, Some(arn("eu-west-1", "s"))), Err("ResourceNotFoundException"));
    assert_eq!(resolve(None, Some("arn:aws:s3:::s".to_owned())), Err("ValidationException"));
    assert_eq!(resolve(Some("no spaces"), None), Err("ValidationException"));
    assert_eq!(resolve(None, None), Err("InvalidArgumentException"));
}

#[tokio::test(start_paused = true)]
async fn properties_are_set_told_and_checked() {
    let kinesis = with_stream(1, Settings::default());
    let model = kinesis.model();
    model.increase_retention("s", 48).unwrap();
    assert_eq!(model.increase_retention("s", 47).unwrap_err().code, "InvalidArgumentException");
    model.decrease_retention("s", 36).unwrap();
    assert_eq!(model.decrease_retention("s", 23).unwrap_err().code, "InvalidArgumentException");
    assert_eq!(model.update_max_record_size("s", 1_023).unwrap_err().code, "ValidationException");
    model.update_max_record_size("s", 2_048).unwrap();
    model.set_encryption("s", Some("alias/aws/kinesis")).unwrap();
    let (before, after) = model.set_metrics("s", &["ALL".to_owned()], true).unwrap();
    assert_eq!((before.len(), after.len()), (0, 7));
    let (_, after) = model.set_metrics("s", &["IncomingBytes".to_owned()], false).unwrap();
    assert_eq!(after.len(), 6);
    let stream = model.describe_stream_summary("s").unwrap();
    assert_eq!(stream.summary.retention_hours, 36);
    assert_eq!(stream.summary.max_record_bytes, 2 << 20);
    assert_eq!(stream.encryption_key.as_deref(), Some("alias/aws/kinesis"));
    let tags = |from: usize, to: usize| (from..to).map(|n| (format!("k{n:02}"), "v".to_owned())).collect();
    model.add_tags("s", tags(0, 50)).unwrap();
    assert_eq!(model.add_tags("s", tags(50, 51)).unwrap_err().code, "InvalidArgumentException");
    model.remove_tags("s", &["k00".to_owned()]).unwrap();
    let (page, more) = model.list_tags("s", Some("k40"), Some(5)).unwrap();
    assert_eq!((page[0].0.as_str(), page.len(), more), ("k41", 5, true));
}
