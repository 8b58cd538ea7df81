//! Putting, iterators, reading, retention.

use super::*;
use crate::sequence::SequenceNumber;

fn number(place: &Place) -> SequenceNumber {
    place.number.into()
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_iterator_stands_where_it_says() {
    let kinesis = with_stream(1, Settings::default());
    let model = kinesis.model();
    let mut places = Vec::new();
    for n in 0..6 {
        places.push(put_at(model, &n.to_string(), 0));
        pass(10).await;
    }
    let latest = model.get_shard_iterator("s", FIRST, &Position::Latest).unwrap();
    put_at(model, "new", 0);
    let from = |position| texts(&read_from(model, FIRST, &position).unwrap());
    assert_eq!(from(Position::TrimHorizon), ["0", "1", "2", "3", "4", "5", "new"]);
    assert_eq!(from(Position::At(number(&places[4]))), ["4", "5", "new"]);
    assert_eq!(from(Position::After(number(&places[4]))), ["5", "new"]);
    assert_eq!(from(Position::AtTimestamp(UnixMillis(START.0 + 41))), ["5", "new"]);
    assert_eq!(from(Position::AtTimestamp(UnixMillis(START.0 + 40))), ["4", "5", "new"]);
    assert_eq!(texts(&model.get_records(None, &latest, None).unwrap()), ["new"]);
    assert_eq!(texts(&model.get_records(None, &latest, None).unwrap()), ["new"], "iterators are reusable");
}

#[tokio::test(start_paused = true)]
async fn the_ends_of_a_shards_numbers_are_positions() {
    let kinesis = with_stream(1, Settings::default());
    let model = kinesis.model();
    put_at(model, "a", 0);
    model.split_shard("s", FIRST, HashKey(1 << 127)).unwrap();
    let shard = model.describe_stream("s", None, None).unwrap().shards.remove(0);
    let first = Position::After(shard.starting_sequence);
    assert_eq!(texts(&read_from(model, FIRST, &first).unwrap()), ["a"]);
    let end = Position::At(shard.ending_sequence.unwrap());
    let read = read_from(model, FIRST, &end).unwrap();
    assert_eq!((read.records.len(), read.next), (0, None));
}

#[tokio::test(start_paused = true)]
async fn a_position_that_the_shard_never_had_is_refused() {
    let kinesis = with_stream(2, Settings::default());
    let model = kinesis.model();
    let other = put_at(model, "other", u128::MAX);
    let own = put_at(model, "own", 0);
    let next = own.number.as_str().replace("0000000000000000001", "0000000000000000002");
    let shifted = own.number.as_str().replace(&START.0.to_string(), &(START.0 + 1).to_string());
    for text in [other.number.as_str(), &next, &shifted, "0", "1", &"4".repeat(56)] {
        let position = Position::At(text.to_owned().try_into().unwrap());
        let error = model.get_shard_iterator("s", FIRST, &position).unwrap_err();
        assert_eq!(error.code, "InvalidArgumentException", "{text}");
    }
    let future = Position::AtTimestamp(UnixMillis(START.0 + 1));
    let code = |shard, position| model.get_shard_iterator("s", shard, position).unwrap_err().code;
    assert_eq!(code(FIRST, &future), "InvalidArgumentException");
    assert_eq!(code("shardId-000000000002", &Position::Latest), "ResourceNotFoundException");
    assert_eq!(code("not a shard", &Position::Latest), "ValidationException");
}

#[tokio::test(start_paused = true)]
async fn an_iterator_lives_five_minutes() {
    let kinesis = with_stream(1, Settings::default());
    let model = kinesis.model();
    let iterator = model.get_shard_iterator("s", FIRST, &Position::TrimHorizon).unwrap();
    pass(299_999).await;
    let next = model.get_records(None, &iterator, None).unwrap().next.unwrap();
    pass(1).await;
    assert_eq!(model.get_records(None, &iterator, None).unwrap_err().code, "ExpiredIteratorException");
    assert!(model.get_records(None, &next, None).is_ok());
    assert_eq!(model.get_records(None, "AAAA", None).unwrap_err().code, "InvalidArgumentException");
}

#[tokio::test(start_paused = true)]
async fn an_iterator_of_a_deleted_stream_is_none_of_its_namesake() {
    let kinesis = with_stream(1, Settings::default());
    let model = kinesis.model();
    let iterator = model.get_shard_iterator("s", FIRST, &Position::TrimHorizon).unwrap();
    model.delete_stream("s").unwrap();
    assert_eq!(model.get_records(None, &iterator, None).unwrap_err().code, "ResourceNotFoundException");
    create(model, "s", 1).unwrap();
    assert_eq!(model.get_records(None, &iterator, None).unwrap_err().code, "InvalidArgumentException");
}

#[tokio::test(start_paused = true)]
async fn a_response_holds_ten_thousand_records_and_ten_mebibytes() {
    let kinesis = with_stream(1, Settings::default());
    let model = kinesis.model();
    for _ in 0..21 {
        model.put_records("s", vec![entry("d", "k"); 500]).unwrap();
    }
    let read = read_from(model, FIRST, &Position::TrimHorizon).unwrap();
    assert_eq!(read.records.len(), 10_000);
    pass(70).await;
    let rest = model.get_records(None, &read.next.unwrap(), None).unwrap();
    assert_eq!((rest.records.len(), rest.millis_behind_latest), (500, 0));
    model.update_max_record_size("s", 10_240).unwrap();
    for _ in 0..2 {
        model.put_record("s", entry(vec![0; (10 << 20) - 1], "k")).unwrap();
    }
    let read = model.get_records(None, &rest.next.unwrap(), None).unwrap();
    assert_eq!(read.records.len(), 1, "two records of 10 MiB are too much for one response");
}

#[tokio::test(start_paused = true)]
async fn millis_behind_latest_is_the_age_of_the_last_record_read() {
    let kinesis = with_stream(1, Settings::default());
    let model = kinesis.model();
    put_at(model, "a", 0);
    put_at(model, "b", 0);
    let iterator = model.get_shard_iterator("s", FIRST, &Position::TrimHorizon).unwrap();
    let behind = || model.get_records(None, &iterator, Some(1)).unwrap().millis_behind_latest;
    assert_eq!(behind(), 1, "zero would say that there is nothing more to read");
    pass(2_500).await;
    assert_eq!(behind(), 2_500);
    assert_eq!(model.get_records(None, &iterator, None).unwrap().millis_behind_latest, 0);
}

#[tokio::test(start_paused = true)]
async fn records_past_retention_are_gone_and_numbers_go_on() {
    let kinesis = with_stream(1, Settings { retention: Duration::from_secs(60), ..Settings::default() });
    let model = kinesis.model();
    let old = put_at(model, "old", 0);
    pass(40_000).await;
    put_at(model, "new", 0);
    pass(20_001).await;
    assert_eq!(texts(&read_from(model, FIRST, &Position::TrimHorizon).unwrap()), ["new"]);
    let after_old = Position::After(number(&old));
    assert_eq!(texts(&read_from(model, FIRST, &after_old).unwrap()), ["new"]);
    pass(60_000).await;
    assert!(read_from(model, FIRST, &Position::TrimHorizon).unwrap().records.is_empty());
    assert!(put_at(model, "later", 0).number > old.number);
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_used_only_while_it_is_there() {
    let settings = Settings { transition: Duration::from_millis(50), ..Settings::default() };
    let kinesis = with_stream(1, settings);
    let model = kinesis.model();
    let status = || model.describe_stream_summary("s").map(|stream| stream.summary.status.as_str());
    let put = || model.put_record("s", entry("d", "k")).map(|_| ()).map_err(|error| error.code);
    assert_eq!((status(), put()), (Ok("CREATING"), Err("ResourceNotFoundException")));
    pass(50).await;
    assert_eq!((status(), put()), (Ok("ACTIVE"), Ok(())));
    model.split_shard("s", FIRST, HashKey(1 << 127)).unwrap();
    assert_eq!((status(), put()), (Ok("UPDATING"), Ok(())));
    let again = model.split_shard("s", "shardId-000000000001", HashKey(1 << 100));
    assert_eq!(again.unwrap_err().code, "ResourceInUseException");
    pass(50).await;
    model.delete_stream("s").unwrap();
    assert_eq!((status(), put()), (Ok("DELETING"), Err("ResourceNotFoundException")));
    assert_eq!(create(model, "s", 1).unwrap_err().code, "ResourceInUseException");
    pass(50).await;
    assert_eq!(status().unwrap_err().code, "ResourceNotFoundException");
    assert_eq!(create(model, "s", 1), Ok(()));
}
