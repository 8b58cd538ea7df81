//! Letters back onto the streams that they came from, with the keys that they were put with.

use std::collections::HashMap;

use tidemill_engine::{
    dead_letter::{DeadLetter, Payload},
    kinesis::is_valid_partition_key,
    processor::Document,
    producer::Producer,
    stream::StreamRef,
};
use tokio::sync::Mutex;

use super::{super::place::Opened, route::Begun};
use crate::{
    config::{ProcessorConfig, ProducerConfig},
    exit::Exit,
    failure::Failure,
    host::{processor::LoadedProcessor, target::Target},
};

/// Puts letters back.
#[derive(Debug)]
pub struct Back {
    target: Target,
    /// Where all of them go, if not back.
    to: Option<StreamRef>,
    /// The streams as the settings name them, by ARN perhaps.
    named: Vec<StreamRef>,
    documents: (ProducerConfig, LoadedProcessor),
    /// For what did not decode: its bytes as they were.
    records: (ProducerConfig, LoadedProcessor),
    producers: Mutex<HashMap<(StreamRef, bool), Result<Producer, String>>>,
}

impl Back {
    /// Gets ready; a stream is opened when the first letter goes there.
    pub async fn open(
        opened: &Opened,
        to: Option<StreamRef>,
        processor: Option<ProcessorConfig>,
    ) -> Result<Self, Failure> {
        let source = opened.pipeline.as_ref().map(|pipeline| &pipeline.config.source);
        let processor = match (source, processor) {
            (Some(_), Some(_)) => {
                return Err(Failure::new(Exit::Usage, "the settings say how documents are packed")
                    .help("leave out --processor"));
            }
            (Some(source), None) => source.processor.clone(),
            (None, given) => given.unwrap_or_default(),
        };
        let bytes: ProcessorConfig = "simple+bytes".parse().expect("both are ours");
        let load = async |config: ProcessorConfig| {
            let loaded = LoadedProcessor::alone(&config).await?;
            Ok::<_, Failure>((ProducerConfig::of(config), loaded))
        };
        Ok(Self {
            target: Target::connect(opened.connection()?).await?,
            to,
            named: source.map_or_else(Vec::new, |source| source.streams.clone()),
            documents: load(processor).await?,
            records: load(bytes).await?,
            producers: Mutex::default(),
        })
    }

    /// Hands a letter to its stream's producer.
    pub async fn begin(&self, letter: &DeadLetter) -> Result<Begun, String> {
        let producer = self.producer(letter).await?;
        let partition_key = Some(letter.partition_key.clone()).filter(is_valid_partition_key);
        let explicit_hash_key = letter.explicit_hash_key.filter(|_| partition_key.is_some());
        let document = Document { data: letter.data.clone(), partition_key, explicit_hash_key };
        let ticket = producer.put_all(vec![document]).await.map_err(|error| error.to_string())?;
        Ok(Begun(vec![ticket]))
    }

    /// Has everything go at once.
    pub async fn flush(&self) {
        for producer in self.producers.lock().await.values().flatten() {
            producer.flush().await;
        }
    }

    /// Closes all producers.
    pub async fn close(&self) {
        for producer in self.producers.lock().await.values().flatten() {
            producer.close().await;
        }
    }

    async fn producer(&self, letter: &DeadLetter) -> Result<Producer, String> {
        let stream = self.stream(letter)?;
        let is_record = letter.payload == Payload::Record;
        let mut producers = self.producers.lock().await;
        if let Some(known) = producers.get(&(stream.clone(), is_record)) {
            return known.clone();
        }
        let (config, loaded) = if is_record { &self.records } else { &self.documents };
        let processor = std::sync::Arc::clone(&loaded.processor);
        let opened = self.target.open(config, processor, &stream, "redrive", None).await;
        let opened = opened.map_err(|failure| failure.to_string());
        producers.insert((stream, is_record), opened.clone());
        opened
    }

    fn stream(&self, letter: &DeadLetter) -> Result<StreamRef, String> {
        let named = self.named.iter().find(|stream| *stream.name() == *letter.stream);
        match self.to.as_ref().or(named) {
            Some(stream) => Ok(stream.clone()),
            None => letter.stream.parse().map_err(|error| format!("{error}")),
        }
    }
}
