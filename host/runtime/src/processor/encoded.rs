//! What a packed processor encodes. A guest is not trusted: every place, key, count and size is checked.

use std::ops::Range;

use bytes::Bytes;
use bytestring::ByteString;
use tidemill_engine::{
    kinesis::is_valid_partition_key,
    limits,
    processor::{Document, Encoded, ProcessorError},
};

use super::{
    answer::{Stretch, hash_key, rows},
    key_bytes,
    turn::{Turn, call},
};
use crate::{bindings::processors as wit, fault::Fault, words};

/// Words that the index has for each document.
const DOCUMENT_WORDS: usize = 6;
/// Words that the answer's index has for each entry.
const ENTRY_WORDS: usize = 7;

/// An entry in the answer: how many documents it holds, and where its data, key and explicit hash key lie.
type Row = [u32; ENTRY_WORDS];

/// Packs documents into entries.
pub async fn encode(
    turn: &Turn,
    documents: &[Document],
    max_bytes: usize,
) -> Result<Vec<Encoded>, ProcessorError> {
    let bounds = wit::Bounds {
        record_bytes: u32::try_from(max_bytes).unwrap_or(u32::MAX),
        spread_key_bytes: limits::SPREAD_KEY_BYTES as u32,
    };
    turn.take(documents.len(), |generation| async move {
        let gathered = Gathered::of(documents);
        let params = (gathered.index.as_flattened(), &*gathered.bytes, bounds);
        let called = call(generation, |functions| functions.packed().encode, params).await?;
        called.checked(|(answer,)| {
            let stretch = Stretch::new(gathered.bytes.len(), answer.bytes.len())?;
            let bytes = [Bytes::from(gathered.bytes), answer.bytes];
            Entries { documents, places: &gathered.index, stretch, bytes, max_bytes }
                .of(&answer.index, answer.refusals)
        })
    })
    .await
}

/// Documents in one stretch of bytes with an index over it.
struct Gathered {
    bytes: Vec<u8>,
    index: Vec<[u32; DOCUMENT_WORDS]>,
}

impl Gathered {
    fn of(documents: &[Document]) -> Self {
        let bytes = documents.iter().map(|document| document.data.len() + limits::SPREAD_KEY_BYTES).sum();
        let mut all = Self { bytes: Vec::with_capacity(bytes), index: Vec::with_capacity(documents.len()) };
        let mut last: (Option<&ByteString>, [u32; 2]) = (None, [0, 0]);
        for document in documents {
            let [data_at, data_length] = all.add(&document.data);
            // Neighbours often share a key, which then lies there once.
            let key = document.partition_key.as_ref();
            if key != last.0 {
                last = (key, key.map_or([0, 0], |key| all.add(key.as_bytes())));
            }
            let [hash_at, hash_length] = match document.explicit_hash_key {
                Some(hash_key) => all.add(hash_key.0.to_string().as_bytes()),
                None => [0, 0],
            };
            all.index.push([data_at, data_length, last.1[0], last.1[1], hash_at, hash_length]);
        }
        all
    }

    fn add(&mut self, bytes: &[u8]) -> [u32; 2] {
        let word = |count| u32::try_from(count).expect("a producer holds far less than 4 GiB");
        let at = word(self.bytes.len());
        self.bytes.extend_from_slice(bytes);
        [at, word(bytes.len())]
    }
}

/// Makes entries of an answer.
struct Entries<'a> {
    documents: &'a [Document],
    /// Where the documents lie in the bytes that were passed.
    places: &'a [[u32; DOCUMENT_WORDS]],
    stretch: Stretch,
    /// The bytes that were passed, and those of the answer.
    bytes: [Bytes; 2],
    max_bytes: usize,
}

impl Entries<'_> {
    /// Every document has to be in one entry or be refused, in order.
    fn of(&self, index: &[u32], refusals: Vec<wit::Refusal>) -> Result<Vec<Encoded>, Fault> {
        let rows = rows::<ENTRY_WORDS>(index)?;
        let mut encoded = Vec::with_capacity(rows.len() + refusals.len());
        let mut rows = rows.iter().enumerate();
        let mut refusals = refusals.into_iter().peekable();
        let mut next = 0;
        while next < self.documents.len() {
            if let Some(refusal) = refusals.next_if(|refusal| refusal.document as usize == next) {
                encoded.push(Encoded::Refused { document: next, reason: words::repeated(&refusal.reason) });
                next += 1;
                continue;
            }
            let Some((at, row)) = rows.next() else {
                return Err(Fault::malformed(format!("a document is in no entry, document={next}")));
            };
            let room = refusals.peek().map_or(self.documents.len(), |refusal| refusal.document as usize);
            let end = next.saturating_add(row[0] as usize);
            if row[0] == 0 || end > room.min(self.documents.len()) {
                let reason =
                    format!("an entry has a wrong count, entry={at} documents={} first={next}", row[0]);
                return Err(Fault::malformed(reason));
            }
            encoded.push(self.entry(at, row, next..end)?);
            next = end;
        }
        if rows.next().is_some() || refusals.next().is_some() {
            let documents = self.documents.len();
            let reason =
                format!("there are more answers than documents, or out of order, documents={documents}");
            return Err(Fault::malformed(reason));
        }
        Ok(encoded)
    }

    fn entry(&self, at: usize, row: &Row, documents: Range<usize>) -> Result<Encoded, Fault> {
        let first = &self.documents[documents.start];
        let place = &self.places[documents.start];
        let is_first = |offset: usize, length: usize| {
            row[offset] == place[length] && row[offset + 1] == place[length + 1]
        };
        // What a guest leaves where it was is shared with the document, and the gathered bytes may go.
        let data = if is_first(1, 0) { first.data.clone() } else { self.part(row[1], row[2], at)? };
        let partition_key = match row[4] {
            0 => None,
            _ if is_first(3, 2) => first.partition_key.clone(),
            length => Some(self.partition_key(row[3], length, at)?),
        };
        let explicit_hash_key = match row[6] {
            0 => None,
            _ if is_first(5, 4) => first.explicit_hash_key,
            length => Some(hash_key(&self.text(row[5], length, at)?, "entry", at)?),
        };
        check_size(at, data.len(), partition_key.as_deref(), self.max_bytes)?;
        Ok(Encoded::Entry { data, partition_key, explicit_hash_key, documents })
    }

    fn partition_key(&self, offset: u32, length: u32, at: usize) -> Result<ByteString, Fault> {
        let key = self.text(offset, length, at)?;
        check_key(key, at)
    }

    fn text(&self, offset: u32, length: u32, at: usize) -> Result<ByteString, Fault> {
        let text = ByteString::try_from(self.part(offset, length, at)?);
        text.map_err(|_| Fault::malformed(format!("a key is not UTF-8, entry={at}")))
    }

    fn part(&self, offset: u32, length: u32, at: usize) -> Result<Bytes, Fault> {
        let place = self.stretch.place(offset, length, "entry", at)?;
        let [passed, answered] = &self.bytes;
        Ok(match self.stretch.in_answer(&place) {
            Some(place) => answered.slice(place),
            None => passed.slice(place),
        })
    }
}

/// A partition key of an entry, which the service has to take.
pub fn check_key(key: ByteString, entry: usize) -> Result<ByteString, Fault> {
    if is_valid_partition_key(&key) {
        return Ok(key);
    }
    let most = limits::PARTITION_KEY_CHARS;
    Err(Fault::malformed(format!("a partition key has no or more than {most} characters, entry={entry}")))
}

/// Whether an entry is one that the stream takes.
pub fn check_size(at: usize, data: usize, key: Option<&str>, max_bytes: usize) -> Result<(), Fault> {
    let bytes = data + key_bytes(key);
    if bytes <= max_bytes {
        return Ok(());
    }
    Err(Fault::malformed(format!("an entry is too large, entry={at} bytes={bytes} limit={max_bytes}")))
}
