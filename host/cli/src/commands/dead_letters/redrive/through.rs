//! Letters through the pipeline's handler once more, and what it emits to the pipeline's sinks.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use tidemill_engine::{
    backoff::Backoff,
    batch::{Batch, BatchInfo, Documents, DocumentsBuilder},
    consumer::{Checkpointing, DEFAULT_SINK},
    dead_letter::{DeadLetter, Payload},
    deploy::Part,
    handler::{Closed, Disposition, Emit, Handler, Outcome},
    limits,
    processor::{Document, HashCheck, Processor},
    producer::{BatchTicket, Producer},
    record::{Record, ShardId},
};
use tidemill_processors::{Origin, Unpacked};
use tokio::time::sleep;

use super::{super::place::Opened, route::Begun};
use crate::{
    deploying::parts,
    exit::Exit,
    failure::Failure,
    host::{
        component::{self, LazyEngine},
        processor::LoadedProcessor,
        target::Target,
    },
};

/// Handles letters. Each is a batch of its own: none has to wait for what is wrong with another.
#[derive(Debug)]
pub struct Through {
    handler: Arc<dyn Handler>,
    processor: Arc<dyn Processor>,
    sinks: BTreeMap<String, Producer>,
    attempts: u32,
    seen: Mutex<HashSet<(Arc<str>, ShardId)>>,
}

impl Through {
    /// Loads the handler as the host does, and opens the sinks.
    pub async fn open(opened: &Opened) -> Result<Self, Failure> {
        let pipeline = opened.pipeline.as_ref().ok_or_else(|| {
            Failure::new(Exit::Usage, "a handler is named by settings").help("give --settings and --pipeline")
        })?;
        let config = &pipeline.config;
        if config.handler.checkpointing() != Checkpointing::Auto {
            let message =
                "the handler makes its own checkpoints: what it holds back of a letter would be lost";
            return Err(Failure::new(Exit::Usage, message)
                .help("leave out --handler, and letters go back to their stream"));
        }
        let engine = LazyEngine::default();
        let part = Part { pipeline: pipeline.name.to_string(), role: parts::HANDLER.to_owned() };
        let artifact = component::artifact(&config.handler.component).await?;
        let handler = component::load(&engine, part, &config.handler, &artifact).await?;
        let processor = LoadedProcessor::load(&engine, &config.source.processor).await?.processor;
        let target = Target::connect(opened.connection()?).await?;
        let mut sinks = BTreeMap::new();
        for (name, sink) in config.named_sinks() {
            let processor = LoadedProcessor::load(&engine, &sink.producer.processor).await?.processor;
            let producer = target.open(&sink.producer, processor, &sink.stream, name, None).await?;
            sinks.insert(name.to_owned(), producer);
        }
        let attempts = config.handler.attempts.get();
        Ok(Self { handler, processor, sinks, attempts, seen: Mutex::default() })
    }

    /// Has the handler handle a letter, with as many attempts as its pipeline gives it.
    pub async fn begin(&self, letter: &DeadLetter) -> Result<Begun, String> {
        let seen = (Arc::clone(&letter.stream), letter.shard.clone());
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(seen);
        let info = BatchInfo {
            stream: Arc::clone(&letter.stream),
            shard: letter.shard.clone(),
            lane: 0,
            millis_behind_latest: 0,
            attempt: 1,
            uncovered: 0,
        };
        let mut batch = Batch::new(info, self.documents(letter).await?);
        let (first, longest) = limits::HANDLER_BACKOFF;
        let mut backoff = Backoff::new(first, longest, letter.at.0);
        let mut begun = Begun::default();
        loop {
            let attempt = batch.info.attempt;
            let again: Vec<u32> = match self.handler.handle(&batch).await {
                Ok(outcome) => self.take(outcome, &mut begun.0).await?,
                Err(error) if error.is_retryable() && attempt < self.attempts => {
                    (0..).take(batch.documents().len()).collect()
                }
                Err(error) => return Err(error.to_string()),
            };
            if again.is_empty() {
                return Ok(begun);
            }
            if attempt >= self.attempts {
                return Err(format!("the handler asked for another attempt, attempts={attempt}"));
            }
            sleep(backoff.pause(attempt)).await;
            batch = batch.part(&again, attempt + 1);
        }
    }

    /// Has everything go at once.
    pub async fn flush(&self) {
        for sink in self.sinks.values() {
            sink.flush().await;
        }
    }

    /// Tells the handler that nothing more comes, and closes the sinks.
    pub async fn close(&self) {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        for (stream, shard) in seen {
            self.handler.shard_closed(&stream, &shard, Closed::Left).await;
        }
        for sink in self.sinks.values() {
            sink.close().await;
        }
    }

    /// What the handler was given then: the document, or what is in the record if it decodes now.
    async fn documents(&self, letter: &DeadLetter) -> Result<Documents, String> {
        let record = Record {
            sequence: letter.sequence.clone(),
            partition_key: letter.partition_key.clone(),
            data: letter.data.clone(),
            arrival: letter.arrival,
        };
        if letter.payload == Payload::Document {
            let mut builder =
                DocumentsBuilder::for_records(std::slice::from_ref(&record), HashCheck::default());
            let mut raw = builder.raw(&record, &record.data);
            raw.skip_to(letter.sub_sequence);
            let hash_key = letter.explicit_hash_key.map(|key| key.0);
            raw.part(0..record.data.len(), &Origin { hash_key, ..Origin::default() });
            drop(raw);
            return Ok(builder.build().documents);
        }
        let decoded = self.processor.decode(&[record], HashCheck::default()).await;
        let decoded = decoded.map_err(|error| error.to_string())?;
        match decoded.rejections.into_iter().next() {
            Some(rejection) => Err(format!("it still does not decode: {}", rejection.reason)),
            None => Ok(decoded.documents),
        }
    }

    /// Sends what was emitted, and answers the records that are to be given again.
    async fn take(&self, outcome: Outcome, tickets: &mut Vec<BatchTicket>) -> Result<Vec<u32>, String> {
        let mut again = Vec::new();
        let mut given_up = None;
        for failure in outcome.failures {
            match failure.disposition {
                Disposition::Retry(_) => again.push(failure.index),
                Disposition::DeadLetter(reason) => given_up = given_up.or(Some(reason)),
                Disposition::Drop => {}
            }
        }
        if let Some(reason) = given_up {
            return Err(format!("the handler gave it up: {reason}"));
        }
        again.sort_unstable();
        for Emit { data, partition_key, explicit_hash_key, sink } in outcome.emits {
            let sink = sink.as_deref().unwrap_or(DEFAULT_SINK);
            let producer = self.sinks.get(sink).ok_or_else(|| {
                format!("the handler emitted to a sink that the pipeline lacks, sink={sink}")
            })?;
            let document = Document { data, partition_key, explicit_hash_key };
            tickets.push(
                producer.put_all(vec![document]).await.map_err(|closed| format!("sink={sink}: {closed}"))?,
            );
        }
        Ok(again)
    }
}
