//! A processor put together from an aggregator and a serializer, of which at least one is a component in plain lists.

use std::sync::Arc;

use bytes::Bytes;
use tidemill_engine::{
    batch::{Attributes, DocumentsBuilder},
    processor::{Decoded, Document, Encoded, HashCheck, ProcessorError},
    record::Record,
};

use super::{ProcessorSlot, sample, turn::Turn};

mod aggregator;
mod serializer;

pub use aggregator::AggregatorHalf;
pub use serializer::SerializerHalf;

/// An aggregator and a serializer.
#[derive(Debug)]
pub struct Halves {
    pub aggregator: AggregatorHalf<ProcessorSlot>,
    pub serializer: SerializerHalf<ProcessorSlot>,
}

/// What an aggregator found at one place of a record.
#[derive(Debug)]
pub struct Part {
    /// The serialized document.
    pub data: Bytes,
    /// Its own partition key, where the aggregator keeps one.
    pub key: Option<String>,
    /// What it was put with besides.
    pub attributes: Attributes,
}

impl Halves {
    /// What logs and errors call it.
    pub fn label(&self) -> String {
        format!("{}+{}", self.aggregator.label(), self.serializer.label())
    }

    /// Both as they are now. A component that is both is of one generation in both.
    fn now(&self) -> (AggregatorHalf<Arc<Turn>>, SerializerHalf<Arc<Turn>>) {
        let serializer = match &self.serializer {
            SerializerHalf::Native(serializer) => SerializerHalf::Native(*serializer),
            SerializerHalf::Component(slot) => SerializerHalf::Component(Turn::now(slot)),
        };
        let aggregator = match (&self.aggregator, &self.serializer, &serializer) {
            (AggregatorHalf::Native(aggregator), ..) => AggregatorHalf::Native(*aggregator),
            (
                AggregatorHalf::Component(slot),
                SerializerHalf::Component(other),
                SerializerHalf::Component(turn),
            ) if Arc::ptr_eq(slot, other) => AggregatorHalf::Component(Arc::clone(turn)),
            (AggregatorHalf::Component(slot), ..) => AggregatorHalf::Component(Turn::now(slot)),
        };
        (aggregator, serializer)
    }

    /// Takes records apart, then all serialized documents in one call.
    pub async fn decode(&self, records: &[Record], check: HashCheck) -> Result<Decoded, ProcessorError> {
        let (aggregator, serializer) = self.now();
        let mut unpacked = aggregator.unpack(records).await?;
        let data: Vec<Bytes> = unpacked.iter().flatten().flatten().map(|part| part.data.clone()).collect();
        let documents = serializer.deserialize(&data).await?;
        if documents.iter().all(Result::is_ok) && unpacked.iter().flatten().all(Result::is_ok) {
            self.remember_read(records, &data);
        }
        let mut documents = documents.into_iter();
        let mut builder = DocumentsBuilder::for_records(records, check);
        for (record, parts) in records.iter().zip(&mut unpacked) {
            let mut raw = builder.raw(record, &[]);
            for part in parts.drain(..) {
                let decoded = part.and_then(|part| {
                    let document = documents.next().expect("there is one answer for every part");
                    document.map(|document| (document, part))
                });
                match decoded {
                    Ok((document, Part { key, attributes, .. })) => {
                        let place = raw.append(&document);
                        let key = key.map(|key| raw.append(key.as_bytes()));
                        raw.place(place, key, attributes);
                    }
                    Err(reason) => raw.reject(reason),
                }
            }
        }
        Ok(builder.build())
    }

    /// Serializes all documents in one call, then packs every run of those that are not refused.
    pub async fn encode(
        &self,
        documents: &[Document],
        max_bytes: usize,
    ) -> Result<Vec<Encoded>, ProcessorError> {
        let (aggregator, serializer) = self.now();
        let mut serialized = serializer.serialize(documents).await?.into_iter().enumerate().peekable();
        if let Some(slot) = self.serializer.slot() {
            slot.remember(|last| last.documents.renew(|| sample::documents(documents)));
        }
        let mut encoded = Vec::new();
        while let Some((document, data)) = serialized.next() {
            let data = match data {
                Ok(data) => data,
                Err(reason) => {
                    encoded.push(Encoded::Refused { document, reason });
                    continue;
                }
            };
            let mut run = vec![Document { data, ..documents[document].clone() }];
            while let Some((at, Ok(data))) = serialized.next_if(|(_, data)| data.is_ok()) {
                run.push(Document { data, ..documents[at].clone() });
            }
            if let Some(slot) = self.aggregator.slot() {
                slot.remember(|last| last.packed.renew(|| sample::documents(&run)));
            }
            encoded.extend(aggregator.pack(document, &run, max_bytes).await?);
        }
        Ok(encoded)
    }

    fn remember_read(&self, records: &[Record], data: &[Bytes]) {
        if let Some(slot) = self.aggregator.slot() {
            slot.remember(|last| last.records.renew(|| sample::records(records)));
        }
        if let Some(slot) = self.serializer.slot() {
            slot.remember(|last| last.serialized.renew(|| sample::data(data)));
        }
    }
}
