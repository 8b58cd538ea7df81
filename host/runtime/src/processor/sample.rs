//! What the calls of a processor's component were about last: copies of a little of it, to try out the next one on.

use bytes::Bytes;
use tidemill_engine::{limits, processor::Document, record::Record};

use crate::slot::Recent;

/// What the calls of a processor's component were about last.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// Kinesis records that were taken apart without a rejection.
    pub records: Recent<Vec<Record>>,
    /// Documents that were encoded or serialized.
    pub documents: Recent<Vec<Document>>,
    /// Serialized documents that were packed.
    pub packed: Recent<Vec<Document>>,
    /// Serialized documents that were deserialized without a rejection.
    pub serialized: Recent<Vec<Bytes>>,
}

/// Copies of the first of these.
pub fn records(all: &[Record]) -> Vec<Record> {
    let copy = |record: &Record| Record { data: Bytes::copy_from_slice(&record.data), ..record.clone() };
    first(all, |record| record.data.len()).map(copy).collect()
}

/// Copies of the first of these.
pub fn documents(all: &[Document]) -> Vec<Document> {
    let copy =
        |document: &Document| Document { data: Bytes::copy_from_slice(&document.data), ..document.clone() };
    first(all, |document| document.data.len()).map(copy).collect()
}

/// Copies of the first of these.
pub fn data(all: &[Bytes]) -> Vec<Bytes> {
    first(all, Bytes::len).map(|data| Bytes::copy_from_slice(data)).collect()
}

fn first<T>(all: &[T], bytes_of: impl Fn(&T) -> usize) -> impl Iterator<Item = &T> {
    let mut bytes = 0;
    let fits = move |one: &&T| {
        bytes += bytes_of(one);
        bytes <= limits::SAMPLE_BYTES
    };
    all.iter().take(limits::SAMPLE_RECORDS).take_while(fits)
}
