//! A stream of numbered documents, a pipeline that passes them on, and `tidemill checkpoints` beside it.

use std::{
    collections::BTreeMap,
    fs,
    ops::Range,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::Value;

use crate::harness::{
    host::Host,
    place::{Ended, Pipeline, Place},
    streams::Streams,
    until,
};

/// How long a lease may stand still: short, so that hosts and commands need not wait for long.
const FAILOVER: &str = "failover = \"3s\"";

/// The stream `numbers`, and the settings of the pipeline that reads it.
pub struct World {
    pub place: Place,
    pub streams: Streams,
    settings: PathBuf,
}

impl World {
    /// A stream of two shards, and leases as the settings say behind `[leases]`.
    pub async fn new(leases: &str) -> Self {
        let (place, streams) = (Place::new(), Streams::start().await);
        streams.create("numbers", 2).await;
        let settings = place.settings(streams.url(), &[Pipeline::new("numbers", "pass_through")]);
        let text = fs::read_to_string(&settings).expect("it was just written");
        let settings = place.write("tidemill.toml", format!("{text}\n[leases]\n{FAILOVER}\n{leases}\n"));
        Self { place, streams, settings }
    }

    /// Sets how records are taken apart.
    pub fn processor(&self, preset: &str) {
        let text = fs::read_to_string(&self.settings).expect("it was written");
        let source = "stream = \"numbers\", ";
        assert!(text.contains(source), "the settings have a source");
        fs::write(&self.settings, text.replace(source, &format!("{source}processor = \"{preset}\", ")))
            .expect("the folder can be written");
    }

    /// Puts numbered documents, each a record, under twenty keys.
    pub async fn put(&self, numbers: Range<u32>) {
        let document = |n| (format!("key-{}", n % 20), format!("{{\"n\":{n}}}"));
        self.streams.put("numbers", numbers.map(document)).await;
    }

    /// Starts the host.
    pub async fn host(&self) -> Host {
        self.place.run(&self.settings).await
    }

    /// Runs the host until so many documents came out in all, and stops it.
    pub async fn run_until(&self, count: usize) {
        let host = self.host().await;
        self.out(count).await;
        let ended = host.terminate().await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }

    /// Waits until so many documents came out, and answers how often each did.
    pub async fn out(&self, count: usize) -> BTreeMap<u64, u32> {
        until(&format!("{count} documents are out"), async || {
            (self.streams.documents("numbers-out").await.len() >= count).then_some(())
        })
        .await;
        self.counted().await
    }

    /// How often each document came out so far.
    pub async fn counted(&self) -> BTreeMap<u64, u32> {
        let mut counts = BTreeMap::new();
        for document in self.streams.documents("numbers-out").await {
            *counts.entry(number(&document)).or_default() += 1;
        }
        counts
    }

    /// `tidemill checkpoints` with arguments.
    pub async fn checkpoints(&self, arguments: &[&str]) -> Ended {
        self.place.tidemill(&[&["checkpoints"], arguments].concat()).await
    }

    /// The same, which has to succeed.
    pub async fn done(&self, arguments: &[&str]) -> String {
        let ended = self.checkpoints(arguments).await;
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        ended.stdout
    }

    /// The checkpoint of each shard, as `show --json` has it.
    pub async fn shown(&self) -> BTreeMap<String, String> {
        let shown: Value = serde_json::from_str(&self.done(&["show", "--json"]).await).expect("it is JSON");
        let text = |value: &Value| value.as_str().expect("it is text").to_owned();
        let rows = shown.as_array().expect("it is an array").iter();
        rows.map(|row| (text(&row["shard"]), text(&row["checkpoint"]))).collect()
    }
}

/// The number in a document.
pub fn number(document: &str) -> u64 {
    let document: Value = serde_json::from_str(document).expect("documents are JSON");
    document["n"].as_u64().expect("documents have a number")
}

/// Each number of a range, so many times.
pub fn times(numbers: Range<u64>, times: u32) -> BTreeMap<u64, u32> {
    numbers.map(|n| (n, times)).collect()
}

/// A name that no other test of this process has, so that tests share a server.
pub fn unique(what: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{what}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}
