//! Hostile components, all of them in one host beside a healthy one (invariant I6).

use std::collections::BTreeSet;

use crate::harness::{
    host::Host,
    numbered::{CameOut, Numbered, Numbers},
    place::{Pipeline, Place},
    streams::Streams,
    until,
};

mod corpus;

use corpus::{STOPPING, Sick};

/// Partition keys of the healthy pipeline: several a shard.
const KEYS: u32 = 40;
/// Good records before a bad one, and as many behind it.
const GOOD: usize = 5;

/// The healthy pipeline, which is given a round of documents whenever something happened to a sick one.
struct Healthy {
    numbers: Numbers,
}

impl Healthy {
    const NAME: &str = "healthy";

    async fn put_round(&mut self, streams: &Streams) {
        let round = self.numbers.next_round();
        streams.put(Self::NAME, round.iter().map(|document| (document.partition_key(), document))).await;
    }

    /// Waits until everything came out, once and in order for each key.
    async fn is_complete(&self, streams: &Streams) {
        until("the healthy pipeline goes on", async || {
            (streams.documents("healthy-out").await.len() >= self.numbers.count()).then_some(())
        })
        .await;
        let documents = streams.documents("healthy-out").await;
        let came_out: CameOut = documents.iter().map(|line| Numbered::read(line)).collect();
        assert_eq!(came_out.count(), self.numbers.count());
        assert_eq!(came_out.doubled().next(), None, "the healthy pipeline doubled records");
    }
}

async fn put(streams: &Streams, Sick { guest, word, .. }: &Sick) {
    streams.create(guest, 1).await;
    streams.put(guest, documents("good", GOOD)).await;
    streams.put(guest, [("key", format!("{{\"n\":\"{word}\"}}"))]).await;
    streams.put(guest, documents("late", GOOD)).await;
}

fn documents(word: &str, count: usize) -> Vec<(String, String)> {
    (0..count).map(|number| ("key".to_owned(), format!("{{\"n\":\"{word}-{number}\"}}"))).collect()
}

/// Waits until the host says why the sick pipeline's shard stopped: component, shard and cause, by their names.
async fn is_named(host: &Host, Sick { guest, says, .. }: &Sick) {
    let stream = format!("stream={guest} shard=shardId-000000000000");
    let line = host.logged(&["the shard stopped before a record", &stream]).await;
    for text in *says {
        assert!(line.contains(text), "{guest}: the log does not say {text:?}: {line}");
    }
}

#[tokio::test]
async fn i6_every_hostile_component_stops_its_own_shard_by_its_name_and_nothing_else() {
    let (place, streams) = (Place::new(), Streams::start().await);
    let mut healthy = Healthy { numbers: Numbers::of(KEYS) };
    streams.create(Healthy::NAME, 4).await;
    for sick in &STOPPING {
        put(&streams, sick).await;
    }
    let sick = |sick: &Sick| Pipeline { handler: sick.handler, ..Pipeline::new(sick.guest, sick.guest) };
    let mut pipelines: Vec<Pipeline> = STOPPING.iter().map(sick).collect();
    pipelines.push(Pipeline::new(Healthy::NAME, "pass_through"));
    healthy.put_round(&streams).await;
    let host = place.run(&place.settings(streams.url(), &pipelines)).await;
    for sick in &STOPPING {
        healthy.put_round(&streams).await;
        is_named(&host, sick).await;
    }
    healthy.put_round(&streams).await;
    healthy.is_complete(&streams).await;

    let ended = host.terminate().await;
    assert_eq!(ended.code, Some(6), "a host with stopped shards says so:\n{}", ended.stderr);
    assert_eq!(ended.stdout.matches("stopped at shard shardId-000000000000").count(), STOPPING.len());
    let forged = |line: &&str| line.trim_start_matches("\u{1b}[31m").starts_with("FORGED");
    assert_eq!(ended.stderr.lines().chain(ended.stdout.lines()).find(forged), None, "a guest wrote a line");
    for Sick { guest, word, .. } in &STOPPING {
        let out = streams.documents(&format!("{guest}-out")).await;
        let escaped = out.iter().find(|document| document.contains(word));
        assert_eq!(escaped, None, "{guest}: a record came out that was not handled");
    }
}

#[tokio::test]
async fn components_that_are_only_a_nuisance_do_their_work_all_the_same() {
    let (place, streams) = (Place::new(), Streams::start().await);
    let mut healthy = Healthy { numbers: Numbers::of(KEYS) };
    streams.create(Healthy::NAME, 4).await;
    let nuisances = [("fault_moody", "moody"), ("fault_flood", "log"), ("fault_series", "series")];
    for (guest, word) in nuisances {
        put(&streams, &Sick { guest, word, handler: "", says: &[] }).await;
    }
    let mut pipelines = Vec::from(nuisances.map(|(guest, _)| Pipeline::new(guest, guest)));
    pipelines.push(Pipeline::new(Healthy::NAME, "pass_through"));
    healthy.put_round(&streams).await;
    let host = place.run(&place.settings(streams.url(), &pipelines)).await;
    for (guest, _) in nuisances {
        until("all of its records came out", async || {
            (streams.documents(&format!("{guest}-out")).await.len() > 2 * GOOD).then_some(())
        })
        .await;
        healthy.put_round(&streams).await;
    }
    healthy.is_complete(&streams).await;
    let ended = host.terminate().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("not in the mood, attempt=2"), "{}", ended.stderr);
    for (guest, _) in nuisances {
        let out: BTreeSet<String> = streams.documents(&format!("{guest}-out")).await.into_iter().collect();
        assert_eq!(out.len(), 2 * GOOD + 1, "{guest} lost records");
    }
}

#[tokio::test]
async fn a_component_that_never_begins_is_refused_before_anything_runs() {
    let (place, streams) = (Place::new(), Streams::start().await);
    let words = [("fault_start_spin", "no answer in time"), ("fault_start_trap", "unreachable")];
    for (guest, says) in words {
        let pipeline = Pipeline { handler: "deadline = \"700ms\"", ..Pipeline::new("never", guest) };
        let settings = place.settings(streams.url(), &[pipeline]);
        let ended = place.tidemill(&["run", &settings.display().to_string()]).await;
        assert_eq!(ended.code, Some(4), "{}", ended.stderr);
        assert!(ended.stderr.contains("cannot be instantiated") && ended.stderr.contains(says), "{ended:?}");
    }
}

#[tokio::test]
async fn a_pipeline_that_may_drop_goes_on_behind_the_bad_batch() {
    let (place, streams) = (Place::new(), Streams::start().await);
    streams.create("sick", 1).await;
    streams.put("sick", documents("good", GOOD)).await;
    streams.put("sick", [("key", "{\"n\":\"trap\"}")]).await;
    streams.put("sick", documents("late", GOOD)).await;
    let sick = Pipeline {
        handler: "attempts = 1\nbatch-records = 1",
        more: "on-failure = \"drop\"",
        ..Pipeline::new("sick", "fault_trap")
    };
    let host = place.run(&place.settings(streams.url(), &[sick])).await;
    until("all but the bad record came out", async || {
        (streams.documents("sick-out").await.len() >= 2 * GOOD).then_some(())
    })
    .await;
    let ended = host.terminate().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("dropped=1 "), "{}", ended.stdout);
    assert_eq!(streams.documents("sick-out").await.len(), 2 * GOOD);
}
