//! Letters, the three places that keep them, and the commands over them.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use tidemill_backends::{
    dead_letters::{FileDeadLetters, Piece, RedisDeadLetters, StreamDeadLetters, form},
    redis::Redis,
};
use tidemill_engine::{
    dead_letter::{DeadLetter, DeadLetters, Payload},
    deploy::Digest,
    handler::Deployed,
    hash::HashKey,
    native::NativeProcessor,
    producer::{Producer, ProducerSettings},
    time::UnixMillis,
};

use crate::harness::{
    binaries,
    place::{Ended, Place},
    servers::{self, RedisServer},
    streams::Streams,
};

/// A folder, streams, and letters of the pipeline `orders` in a place that its settings name.
pub struct World {
    pub place: Place,
    pub streams: Streams,
    letters: Arc<dyn DeadLetters>,
    /// What `dead-letters` is in the settings.
    table: String,
    _redis: Option<Arc<RedisServer>>,
}

/// Where letters are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    OnAStream,
    InAFile,
    InRedis,
}

impl World {
    /// The streams `orders`, which letters are of, and `orders-out`; none where the machine lacks what keeps them.
    pub async fn new(kept: Kept) -> Option<Self> {
        let (place, streams) = (Place::new(), Streams::start().await);
        streams.create("orders", 2).await;
        streams.create("orders-out", 1).await;
        let mut redis = None;
        let (letters, table): (Arc<dyn DeadLetters>, String) = match kept {
            Kept::InAFile => {
                let path = place.path().join("failed.jsonl");
                let file = FileDeadLetters::open(&path).await.expect("the folder can be written");
                (Arc::new(file), "{ file = \"failed.jsonl\" }".to_owned())
            }
            Kept::OnAStream => {
                streams.create("failed", 2).await;
                let settings =
                    ProducerSettings { linger: std::time::Duration::ZERO, ..ProducerSettings::default() };
                let processor = Arc::new(NativeProcessor::named("string").expect("it is a preset"));
                let stream = "failed".parse().expect("it is a name");
                let opened = Producer::open(settings, stream, streams.kinesis(), processor).await;
                let stream = "failed".parse().expect("it is a name");
                let letters = Arc::new(StreamDeadLetters::new(stream, opened.expect("the stream is there")));
                (letters, "{ stream = \"failed\" }".to_owned())
            }
            Kept::InRedis => {
                let server = redis.insert(servers::redis().await?);
                let key = format!("failed-{}", fastrand::u64(..));
                let connection = Redis::connect(&server.settings()).await.expect("it answers");
                let url = &server.settings().urls[0];
                let table = format!("{{ redis = \"{key}\", url = \"{url}\" }}");
                (Arc::new(RedisDeadLetters::new(connection, key)), table)
            }
        };
        Some(Self { place, streams, letters, table, _redis: redis })
    }

    /// Keeps letters, as a host does.
    pub async fn keep(&self, letters: &[DeadLetter]) {
        self.letters.put(letters).await.expect("they can be kept");
    }

    /// Writes settings with a handler, and answers where they are.
    pub fn settings(&self, guest: &str) -> PathBuf {
        let (url, table, component) = (self.streams.url(), &self.table, binaries::guest(guest));
        let component = component.display();
        self.place.write(
            "tidemill.toml",
            format!(
                "application = \"shop\"\n[kinesis]\nendpoint = \"{url}\"\n[pipelines.orders]\n\
                 source = {{ stream = \"orders\", idle-interval = \"100ms\" }}\n\
                 sink = {{ stream = \"orders-out\", linger = \"20ms\" }}\n\
                 dead-letters = {table}\n\
                 [pipelines.orders.handler]\ncomponent = \"{component}\"\nattempts = 2\n"
            ),
        )
    }

    /// `tidemill dead-letters` with arguments, over the settings in the folder.
    pub async fn dead_letters(&self, arguments: &[&str]) -> Ended {
        self.place.tidemill(&[&["dead-letters"], arguments].concat()).await
    }

    /// Redrives, and holds the exit code and the last line against what is expected.
    pub async fn redrive(&self, arguments: &[&str], code: i32, line: &str) -> Ended {
        let ended = self.dead_letters(&[&["redrive"], arguments].concat()).await;
        assert_eq!((ended.code, ended.stdout.lines().last()), (Some(code), Some(line)), "{}", ended.stderr);
        ended
    }

    /// The ids of the letters that are listed.
    pub async fn listed(&self) -> Vec<String> {
        self.lines().await.iter().map(|line| form::id(&read(line))).collect()
    }

    /// The letters that are kept and not redriven.
    pub async fn letters(&self) -> Vec<DeadLetter> {
        self.lines().await.iter().map(|line| read(line)).collect()
    }

    async fn lines(&self) -> Vec<String> {
        let ended = self.dead_letters(&["list", "--json"]).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout.lines().map(str::to_owned).collect()
    }

    /// Documents with their keys on a stream, sorted.
    pub async fn keyed(&self, stream: &str) -> Vec<(String, String)> {
        let records = self.streams.records(stream).await;
        let records = records.values().flatten();
        let mut keyed: Vec<_> = records
            .flat_map(|record| {
                let lines = crate::harness::streams::lines(record);
                lines.into_iter().map(|line| (record.partition_key.to_string(), line))
            })
            .collect();
        keyed.sort();
        keyed
    }
}

fn read(line: &str) -> DeadLetter {
    form::read(line.as_bytes()).and_then(Piece::whole).expect("it is a letter")
}

/// A letter of the pipeline `orders` with a number of its own.
pub fn letter(number: u32, data: impl Into<Bytes>) -> DeadLetter {
    DeadLetter {
        pipeline: "orders".into(),
        stream: "orders".into(),
        shard: "shardId-000000000000".into(),
        sequence: format!("495{number:053}").try_into().expect("it is a number"),
        sub_sequence: 0,
        partition_key: format!("key-{}", number % 3).into(),
        explicit_hash_key: None,
        arrival: UnixMillis(1_700_000_000_000),
        payload: Payload::Document,
        data: data.into(),
        kind: "trapped".to_owned(),
        reason: "the guest trapped".to_owned(),
        attempts: 5,
        by: Some(Arc::new(Deployed {
            component: "enrich".to_owned(),
            digest: Digest::of_bytes(&[0xab; 32]),
            generation: 3,
        })),
        at: UnixMillis(1_700_000_060_000),
    }
}

/// So many letters with a JSON document each.
pub fn letters(count: u32) -> Vec<DeadLetter> {
    (0..count).map(|number| letter(number, format!("{{\"number\":{number}}}"))).collect()
}

/// What `World::keyed` is when so many of `letters` are on a stream.
pub fn keyed(count: u32) -> Vec<(String, String)> {
    let mut keyed: Vec<_> = (0..count)
        .map(|number| (format!("key-{}", number % 3), format!("{{\"number\":{number}}}")))
        .collect();
    keyed.sort();
    keyed
}

/// A hash key in the upper half of all.
pub const UPPER: HashKey = HashKey(u128::MAX - 7);
