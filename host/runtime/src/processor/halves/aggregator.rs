//! Half of a processor: how documents share a record.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use bytestring::ByteString;
use tidemill_engine::{
    batch::Attributes,
    native::NativeProcessor,
    processor::{Document, Encoded, Processor, ProcessorError, Sharing},
    record::Record,
};
use tidemill_processors::{Aggregator, Codec, Malformed, Origin, Serializer, Unpacked};

use super::{
    super::{
        ProcessorSlot,
        answer::{hash_key, tags},
        encoded::{check_key, check_size},
        key_bytes,
        turn::{Running, Turn, call},
    },
    Part,
};
use crate::{bindings::processors as wit, fault::Fault, words};

/// An aggregator: one of the host's own, or a component's.
#[derive(Debug)]
pub enum AggregatorHalf<C> {
    /// One of the host's own.
    Native(Aggregator),
    /// A component's.
    Component(C),
}

/// What an aggregator found in each record, place by place: serialized documents and rejections.
type Found = Vec<Vec<Result<Part, String>>>;

impl AggregatorHalf<ProcessorSlot> {
    /// What logs and errors call it.
    pub fn label(&self) -> String {
        match self {
            Self::Native(aggregator) => aggregator.to_string(),
            Self::Component(slot) => slot.label().to_string(),
        }
    }

    /// Where its component is, if it is one.
    pub fn slot(&self) -> Option<&ProcessorSlot> {
        match self {
            Self::Native(_) => None,
            Self::Component(slot) => Some(slot),
        }
    }

    /// Which documents may share an entry.
    pub fn sharing(&self) -> Sharing {
        match self {
            Self::Native(aggregator) => aggregator.sharing(),
            Self::Component(slot) => slot.settings().sharing,
        }
    }
}

impl AggregatorHalf<Arc<Turn>> {
    /// Finds the serialized documents of records.
    pub async fn unpack(&self, records: &[Record]) -> Result<Found, ProcessorError> {
        match self {
            Self::Native(aggregator) => {
                Ok(records.iter().map(|record| found_in(of_bytes(*aggregator), &record.data)).collect())
            }
            Self::Component(turn) => turn.take(records.len(), |now| unpacked(now, records)).await,
        }
    }

    /// Packs a run of serialized documents, of which the first has this number.
    pub async fn pack(
        &self,
        first: usize,
        run: &[Document],
        max_bytes: usize,
    ) -> Result<Vec<Encoded>, ProcessorError> {
        let mut encoded = match self {
            Self::Native(aggregator) => {
                NativeProcessor::from(of_bytes(*aggregator)).encode(run, max_bytes).await?
            }
            Self::Component(turn) => turn.take(run.len(), |now| packed(now, run, max_bytes)).await?,
        };
        for answer in &mut encoded {
            match answer {
                Encoded::Entry { documents, .. } => {
                    *documents = first + documents.start..first + documents.end;
                }
                Encoded::Refused { document, .. } => *document += first,
            }
        }
        Ok(encoded)
    }
}

async fn unpacked(generation: Running, records: &[Record]) -> Result<Found, Fault> {
    let lists: Vec<&[u8]> = records.iter().map(|record| &*record.data).collect();
    let called = call(generation, |functions| functions.aggregator().unpack, (&*lists,)).await?;
    called.checked(|(answers,)| found(answers, records.len()))
}

async fn packed(generation: Running, run: &[Document], max_bytes: usize) -> Result<Vec<Encoded>, Fault> {
    let items: Vec<wit::Item<'_>> = run.iter().map(item).collect();
    let keys = run.iter().map(|document| key_bytes(document.partition_key.as_deref()));
    let room = max_bytes.saturating_sub(keys.max().unwrap_or(0));
    let room = u32::try_from(room).unwrap_or(u32::MAX);
    let called = call(generation, |functions| functions.aggregator().pack, (&*items, room)).await?;
    called.checked(|(answers,)| entries(answers, run.len(), max_bytes))
}

/// An aggregator of the host's own, over whatever bytes a serializer makes.
fn of_bytes(aggregator: Aggregator) -> Codec {
    Codec { aggregator, serializer: Serializer::Bytes }
}

fn item(document: &Document) -> wit::Item<'_> {
    wit::Item {
        data: &document.data,
        partition_key: document.partition_key.as_deref(),
        explicit_hash_key: document.explicit_hash_key.map(|key| key.0.to_string()),
    }
}

fn entries(
    answers: Vec<Result<wit::Entry, String>>,
    items: usize,
    max_bytes: usize,
) -> Result<Vec<Encoded>, Fault> {
    let mut encoded = Vec::with_capacity(answers.len());
    let mut next = 0;
    for (at, answer) in answers.into_iter().enumerate() {
        let count = answer.as_ref().map_or(1, |entry| entry.items as usize);
        let end = next + count;
        if count == 0 || end > items {
            let reason =
                format!("an entry has a wrong count, entry={at} items={count} first={next} of={items}");
            return Err(Fault::malformed(reason));
        }
        encoded.push(match answer {
            Ok(entry) => {
                check_size(at, entry.data.len(), entry.partition_key.as_deref(), max_bytes)?;
                let key = entry.partition_key.map(|key| check_key(ByteString::from(key), at)).transpose()?;
                let hash = entry.explicit_hash_key.map(|key| hash_key(&key, "entry", at)).transpose()?;
                Encoded::Entry {
                    data: entry.data,
                    partition_key: key,
                    explicit_hash_key: hash,
                    documents: next..end,
                }
            }
            Err(reason) => Encoded::Refused { document: next, reason: words::repeated(&reason) },
        });
        next = end;
    }
    if next != items {
        return Err(Fault::malformed(format!("an item is in no entry, item={next} of={items}")));
    }
    Ok(encoded)
}

fn found(answers: Vec<Result<Vec<wit::Part>, String>>, records: usize) -> Result<Found, Fault> {
    if answers.len() != records {
        let answers = answers.len();
        let reason = format!("there is not one answer for each record, answers={answers} records={records}");
        return Err(Fault::malformed(reason));
    }
    let answer = |(at, answer): (usize, Result<Vec<wit::Part>, String>)| match answer {
        Ok(parts) => parts.into_iter().map(|part| Ok(Ok(part_of(part, at)?))).collect(),
        Err(reason) => Ok(vec![Err(words::repeated(&reason))]),
    };
    answers.into_iter().enumerate().map(answer).collect()
}

fn part_of(part: wit::Part, record: usize) -> Result<Part, Fault> {
    let hash = part.explicit_hash_key.map(|key| hash_key(&key, "record", record)).transpose()?;
    let attributes = Attributes { explicit_hash_key: hash, tags: tags(&part.tags) };
    Ok(Part { data: part.data, key: part.partition_key, attributes })
}

fn found_in(codec: Codec, data: &Bytes) -> Vec<Result<Part, String>> {
    let mut parts = Parts { data, found: Vec::new() };
    codec.unpack(data, &mut parts);
    parts.found
}

/// Takes what an aggregator of the host's own finds.
struct Parts<'a> {
    data: &'a Bytes,
    found: Vec<Result<Part, String>>,
}

impl Parts<'_> {
    fn add(&mut self, data: Bytes, origin: &Origin<'_>) {
        let key = origin.key.clone().map(|key| {
            let text = str::from_utf8(&self.data[key]);
            text.expect("an aggregator gives keys that are text").to_owned()
        });
        self.found.push(Ok(Part { data, key, attributes: origin.into() }));
    }
}

impl Unpacked for Parts<'_> {
    fn part(&mut self, place: Range<usize>, origin: &Origin<'_>) {
        self.add(self.data.slice(place), origin);
    }

    fn made(&mut self, origin: &Origin<'_>, write: impl FnOnce(&mut Vec<u8>) -> Result<(), Malformed>) {
        let mut made = Vec::new();
        match write(&mut made) {
            Ok(()) => self.add(made.into(), origin),
            Err(malformed) => self.rejected(&malformed),
        }
    }

    fn rejected(&mut self, why: &Malformed) {
        self.found.push(Err(why.to_string()));
    }
}
