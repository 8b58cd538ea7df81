//! What the service refuses: sizes always, rates where they are enforced.

use std::sync::Arc;

use super::*;

fn enforced() -> Settings {
    Settings { enforce_limits: true, ..Settings::default() }
}

#[tokio::test(start_paused = true)]
async fn sizes_are_limited_to_the_byte() {
    let kinesis = with_stream(1, Settings::default());
    let model = kinesis.model();
    let put = |data: usize, key: &str| {
        model.put_record("s", entry(vec![0; data], key)).map(|_| ()).map_err(|error| error.code)
    };
    assert_eq!(put((1 << 20) - 1, "k"), Ok(()));
    assert_eq!(put(1 << 20, "k"), Err("InvalidArgumentException"), "the key counts");
    assert_eq!(put(10 << 20, "k"), Err("InvalidArgumentException"));
    assert_eq!(put((10 << 20) + 1, "k"), Err("ValidationException"));
    assert_eq!(put(0, "k"), Ok(()));
    assert_eq!(put(0, ""), Err("ValidationException"));
    assert_eq!(put(0, &"ä".repeat(256)), Ok(()), "characters count, not bytes");
    assert_eq!(put(0, &"ä".repeat(257)), Err("ValidationException"));
    let many = |count: usize, size: usize| {
        model.put_records("s", vec![entry(vec![0; size], "k"); count]).map(|_| ()).map_err(|error| error.code)
    };
    assert_eq!(many(0, 0), Err("ValidationException"));
    assert_eq!(many(500, 0), Ok(()));
    assert_eq!(many(501, 0), Err("ValidationException"));
    assert_eq!(many(10, (1 << 20) - 1), Ok(()));
    assert_eq!(many(11, (1 << 20) - 1), Err("InvalidArgumentException"));
}

#[tokio::test(start_paused = true)]
async fn the_account_has_so_many_shards() {
    let kinesis = with_stream(3, Settings { shard_limit: 4, ..Settings::default() });
    let model = kinesis.model();
    assert_eq!(create(model, "t", 2).unwrap_err().code, "LimitExceededException");
    assert_eq!(model.update_shard_count("s", 5).unwrap_err().code, "LimitExceededException");
    model.split_shard("s", FIRST, HashKey(1 << 100)).unwrap();
    let split = model.split_shard("s", "shardId-000000000001", HashKey(1 << 127));
    assert_eq!(split.unwrap_err().code, "LimitExceededException");
    assert_eq!(model.describe_limits().unwrap(), (4, 4, 0));
}

#[tokio::test(start_paused = true)]
async fn a_shard_takes_a_thousand_records_a_second_and_the_rest_fail_singly() {
    let kinesis = with_stream(1, enforced());
    let model = kinesis.model();
    let put = || {
        let results = model.put_records("s", vec![entry("d", "k"); 500]).unwrap();
        let refused = results.into_iter().filter_map(Result::err).map(|error| error.code);
        refused.collect::<Vec<_>>()
    };
    assert_eq!((put().len(), put().len()), (0, 0));
    assert_eq!(put(), ["ProvisionedThroughputExceededException"; 500]);
    let whole = model.put_record("s", entry("d", "k")).unwrap_err();
    assert_eq!(whole.code, "ProvisionedThroughputExceededException");
    pass(250).await;
    assert_eq!(put().len(), 250, "a quarter of a second gives a quarter of the rate");
    let read = read_from(model, FIRST, &Position::TrimHorizon).unwrap();
    assert_eq!(read.records.len(), 1_250);
}

#[tokio::test(start_paused = true)]
async fn a_shard_takes_a_mebibyte_a_second() {
    let kinesis = with_stream(1, enforced());
    let model = kinesis.model();
    let results = model.put_records("s", vec![entry(vec![0; (256 << 10) - 1], "k"); 5]).unwrap();
    let accepted: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(accepted, [true, true, true, true, false]);
}

#[tokio::test(start_paused = true)]
async fn a_shard_is_read_five_times_a_second() {
    let kinesis = with_stream(1, enforced());
    let model = kinesis.model();
    let iterator = model.get_shard_iterator("s", FIRST, &Position::TrimHorizon).unwrap();
    let read = || model.get_records(None, &iterator, None).map(|_| ()).map_err(|error| error.code);
    for _ in 0..5 {
        assert_eq!(read(), Ok(()));
    }
    assert_eq!(read(), Err("ProvisionedThroughputExceededException"));
    pass(200).await;
    assert_eq!((read(), read()), (Ok(()), Err("ProvisionedThroughputExceededException")));
}

#[tokio::test(start_paused = true)]
async fn a_large_read_is_paid_for_at_two_mebibytes_a_second() {
    let kinesis = with_stream(1, Settings::default());
    for _ in 0..10 {
        kinesis.model().put_record("s", entry(vec![0; (1 << 20) - 1], "k")).unwrap();
    }
    let mut model = Arc::into_inner(kinesis.model).unwrap();
    model.settings.enforce_limits = true;
    let iterator = model.get_shard_iterator("s", FIRST, &Position::TrimHorizon).unwrap();
    let read = || model.get_records(None, &iterator, None).map(|read| read.records.len());
    assert_eq!(read(), Ok(10));
    pass(3_999).await;
    assert_eq!(read().unwrap_err().code, "ProvisionedThroughputExceededException");
    pass(1).await;
    assert_eq!(read(), Ok(10));
}

#[tokio::test(start_paused = true)]
async fn an_account_describes_and_makes_streams_at_its_rates() {
    let kinesis = with_stream(1, enforced());
    let model = kinesis.model();
    let refused = |call: &dyn Fn() -> Result<(), ServiceError>| -> usize {
        let results: Vec<_> = (0..40).map(|_| call()).collect();
        let errors: Vec<_> = results.into_iter().filter_map(Result::err).collect();
        assert!(errors.iter().all(|error| error.code == "LimitExceededException"), "{errors:?}");
        errors.len()
    };
    assert_eq!(refused(&|| model.describe_stream("s", None, None).map(|_| ())), 30);
    assert_eq!(refused(&|| model.describe_stream_summary("s").map(|_| ())), 20);
    assert_eq!(refused(&|| model.list_streams(None, None, None).map(|_| ())), 35);
    pass(1_000).await;
    assert_eq!(refused(&|| model.describe_stream("s", None, None).map(|_| ())), 30);
}

#[tokio::test(start_paused = true)]
async fn the_count_of_shards_changes_ten_times_a_day() {
    let kinesis = with_stream(2, enforced());
    let model = kinesis.model();
    for _ in 0..10 {
        model.update_shard_count("s", 2).unwrap();
        pass(1_000).await;
    }
    assert_eq!(model.update_shard_count("s", 2).unwrap_err().code, "LimitExceededException");
    pass(24 * 3_600_000).await;
    assert!(model.update_shard_count("s", 2).is_ok());
}
