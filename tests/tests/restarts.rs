//! A host that is stopped or killed in the middle of a stream, and started again: what went in against what came out.

use std::collections::{BTreeMap, HashMap};

use tidemill_backends::leases::file::FileLeases;
use tidemill_engine::{
    lease::{Checkpoint, LeaseStore},
    record::ShardId,
};

use crate::harness::{
    host::Host,
    place::{Pipeline, Place},
    streams::{Streams, lines},
    until,
};

/// Records on the stream.
const RECORDS: usize = 100_000;
/// Small batches: those that may wait for their acknowledgements are a fraction of the stream, so that a host cannot
/// have handled all of it by the time that the first record comes out.
const SMALL_BATCHES: &str = "batch-records = 100";
/// Documents of the output that show the host at work.
const AT_WORK: usize = 1_000;

struct Scenario {
    place: Place,
    streams: Streams,
    settings: std::path::PathBuf,
}

impl Scenario {
    async fn begin() -> Self {
        let (place, streams) = (Place::new(), Streams::start().await);
        streams.create("numbers", 4).await;
        let numbers =
            (0..RECORDS).map(|number| (format!("key-{}", number % 1_000), format!("{{\"n\":{number}}}")));
        streams.put("numbers", numbers).await;
        let pipeline = Pipeline { handler: SMALL_BATCHES, ..Pipeline::new("numbers", "pass_through") };
        let settings = place.settings(streams.url(), &[pipeline]);
        Self { place, streams, settings }
    }

    /// A host that is in the middle of the stream.
    async fn host_at_work(&self) -> Host {
        let host = self.place.run(&self.settings).await;
        until("the host is at work", async || (self.counted().await.len() >= AT_WORK).then_some(())).await;
        host
    }

    /// How often each document came out.
    async fn counted(&self) -> HashMap<String, usize> {
        let mut counts = HashMap::new();
        for document in self.streams.documents("numbers-out").await {
            *counts.entry(document).or_default() += 1;
        }
        counts
    }

    /// Starts the host again, and stops it when every record came out.
    async fn finish(&self) -> HashMap<String, usize> {
        let host = self.place.run(&self.settings).await;
        until("every record came out", async || (self.counted().await.len() >= RECORDS).then_some(())).await;
        let ended = host.terminate().await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let counts = self.counted().await;
        assert_eq!(counts.len(), RECORDS, "something came out that nobody put");
        counts
    }
}

#[tokio::test]
async fn a_host_stopped_in_the_middle_loses_nothing_and_doubles_nothing() {
    let scenario = Scenario::begin().await;
    let ended = scenario.host_at_work().await.terminate().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let out_before = scenario.counted().await.len();
    assert!(out_before < RECORDS, "the host was not in the middle of the stream");
    assert!(ended.stdout.contains(&format!("done={out_before} ")), "{out_before} came out: {}", ended.stdout);

    let counts = scenario.finish().await;
    let doubled = counts.values().filter(|count| **count > 1).count();
    assert_eq!(doubled, 0, "records came out twice");
}

#[tokio::test]
async fn a_host_killed_in_the_middle_loses_nothing_and_repeats_only_what_lay_behind_no_checkpoint() {
    let scenario = Scenario::begin().await;
    scenario.host_at_work().await.kill().await;
    let out_before = scenario.counted().await;
    assert!(out_before.len() < RECORDS, "the host was not in the middle of the stream");
    let behind_no_checkpoint = scenario.behind_no_checkpoint().await;

    let counts = scenario.finish().await;
    let doubled: Vec<&String> =
        counts.iter().filter(|(_, count)| **count > 1).map(|(document, _)| document).collect();
    println!("killed after {} of {RECORDS} records; {} came out twice", out_before.len(), doubled.len());
    for document in doubled {
        assert_eq!(counts[document], 2, "{document} came out more than twice after one crash");
        assert!(
            behind_no_checkpoint.contains_key(document),
            "{document} was behind a checkpoint and came out again"
        );
        assert!(out_before.contains_key(document), "{document} came out twice after the crash");
    }
}

#[tokio::test]
async fn a_second_signal_ends_a_host_that_cannot_finish() {
    let (place, streams) = (Place::new(), Streams::start().await);
    streams.create("numbers", 1).await;
    streams.put("numbers", [("key", "{\"n\":\"good\"}"), ("key", "{\"n\":\"spin\"}")]).await;
    let handler = "deadline = \"10m\"\nbatch-records = 1";
    let pipeline = Pipeline { handler, ..Pipeline::new("numbers", "fault_spin") };
    let host = place.run(&place.settings(streams.url(), &[pipeline])).await;
    // The second batch is begun before what the first one emitted is on its way.
    until("the first batch is out", async || {
        (streams.documents("numbers-out").await.len() == 1).then_some(())
    })
    .await;
    host.ask_to_stop();
    host.logged(&["a second signal ends at once"]).await;
    let ended = host.terminate().await;
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
}

impl Scenario {
    /// The documents that no checkpoint covers, with their shard, as the lease file says after a crash.
    async fn behind_no_checkpoint(&self) -> BTreeMap<String, ShardId> {
        let leases =
            FileLeases::open(&self.place.path().join("tidemill.redb"), "test").expect("the file is whole");
        let leases = leases.of_application("test/numbers").list().await.expect("the file is whole");
        assert_eq!(leases.len(), 4, "there is a lease for each shard");
        let records = self.streams.records("numbers").await;
        let mut uncovered = BTreeMap::new();
        for lease in leases {
            let shard = &records[&lease.key.shard];
            let first = match &lease.checkpoint {
                Checkpoint::At { sequence, .. } => {
                    shard
                        .iter()
                        .position(|record| record.sequence == *sequence)
                        .expect("a checkpoint is at a record")
                        + 1
                }
                _ => 0,
            };
            uncovered
                .extend(shard[first..].iter().flat_map(lines).map(|line| (line, lease.key.shard.clone())));
        }
        uncovered
    }
}
