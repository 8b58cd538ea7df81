//! Where dead letters are kept, opened.

use std::{fmt, sync::Arc};

use tidemill_backends::{
    dead_letters::{FileDeadLetters, RedisDeadLetters, StreamDeadLetters},
    redis::Redis,
};
use tidemill_engine::{dead_letter::DeadLetters, producer::Producer};

use super::{leases, processor::LoadedProcessor, target::Target};
use crate::{
    config::{DeadLettersConfig, RedisConfig, RedisListConfig, SinkConfig},
    exit::Exit,
    failure::Failure,
};

/// A place for dead letters that is ready to take some.
#[derive(Debug)]
pub struct BuiltLetters {
    /// The place.
    pub letters: Arc<dyn DeadLetters>,
    /// What puts them on a stream, if that is what it is; it is the caller's to close.
    pub producer: Option<Producer>,
    /// Bytes that the producer may hold.
    pub buffer: usize,
    shown: String,
}

impl BuiltLetters {
    /// Opens the place. Redis is the one that keeps the leases, unless it has settings of its own.
    pub async fn open(
        config: &DeadLettersConfig,
        leases: Option<&RedisConfig>,
        target: &Target,
    ) -> Result<Self, Failure> {
        let shown = Shown(config).to_string();
        let alone =
            |letters: Arc<dyn DeadLetters>| Self { letters, producer: None, buffer: 0, shown: shown.clone() };
        match config {
            DeadLettersConfig::Stream(sink) => {
                let SinkConfig { stream, producer: config } = &**sink;
                let processor = LoadedProcessor::alone(&config.processor).await?.processor;
                let producer = target.open(config, processor, stream, "dead-letters", None).await?;
                let letters = Arc::new(StreamDeadLetters::new(stream.clone(), producer.clone()));
                Ok(Self { letters, producer: Some(producer), buffer: config.buffer(), shown })
            }
            DeadLettersConfig::File(path) => {
                let opened = FileDeadLetters::open(path).await;
                opened.map(|file| alone(Arc::new(file))).map_err(|error| unusable(&error))
            }
            DeadLettersConfig::Redis(list) => {
                let redis = connect(list, leases).await?;
                Ok(alone(Arc::new(RedisDeadLetters::new(redis, &list.key))))
            }
        }
    }
}

impl fmt::Display for BuiltLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dead letters {}", self.shown)
    }
}

/// A place for dead letters in a few words, without any password.
pub struct Shown<'a>(pub &'a DeadLettersConfig);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            DeadLettersConfig::Stream(sink) => write!(f, "on stream {}", sink.stream),
            DeadLettersConfig::File(path) => write!(f, "in {}", path.display()),
            DeadLettersConfig::Redis(list) => write!(f, "in Redis, list {}", list.key),
        }
    }
}

/// Connects to the Redis of a list.
pub async fn connect(list: &RedisListConfig, leases: Option<&RedisConfig>) -> Result<Redis, Failure> {
    let server = list.server.as_ref().or(leases).cloned().unwrap_or_default();
    leases::connect(&server).await
}

fn unusable(error: &dyn std::error::Error) -> Failure {
    Failure::caused(Exit::Surroundings, error)
}
