//! What a packed processor decodes. A guest is not trusted: every place, key and count is checked.

use std::{iter::Peekable, ops::Range, slice, vec};

use tidemill_engine::{
    batch::{Attributes, DocumentsBuilder, RawBuilder, RecordPlace},
    processor::{Decoded, HashCheck, ProcessorError},
    record::Record,
};

use super::{
    answer::{Stretch, hash_key, rows, tags},
    turn::{Turn, call},
};
use crate::{bindings::processors as wit, fault::Fault, words};

/// Words that the answer's index has for each document.
const DOCUMENT_WORDS: usize = 6;

/// A document in the answer: raw index, sub-index, where it lies, where its key lies.
type Row = [u32; DOCUMENT_WORDS];

/// Takes records apart. The guest is given a copy of the bytes that the documents will lie in.
pub async fn decode(turn: &Turn, records: &[Record], check: HashCheck) -> Result<Decoded, ProcessorError> {
    turn.take(records.len(), |generation| async move {
        let mut builder = DocumentsBuilder::for_records(records, check);
        let places = builder.all(records);
        let index: &[u32] = bytemuck::cast_slice(&places);
        let called =
            call(generation, |functions| functions.packed().decode, (index, builder.bytes())).await?;
        called.checked(|(answer,)| built(&answer, builder, records, &places))
    })
    .await
}

/// Takes the answer into the builder that the bytes are from.
fn built(
    answer: &wit::Decoded,
    mut builder: DocumentsBuilder,
    records: &[Record],
    places: &[RecordPlace],
) -> Result<Decoded, Fault> {
    let stretch = Stretch::new(builder.bytes().len(), answer.bytes.len())?;
    builder.append(&answer.bytes);
    let rows = rows::<DOCUMENT_WORDS>(&answer.index)?;
    let keys = checked_keys(rows, stretch, builder.bytes())?;
    let mut left = Left {
        stretch,
        documents: rows.iter().zip(keys).enumerate().peekable(),
        rejections: answer.rejections.iter().peekable(),
        attributes: answer.attributes.iter().peekable(),
    };
    for (raw_index, (record, place)) in (0..).zip(records.iter().zip(places)) {
        left.add_record(raw_index, builder.at(record, raw_index, *place))?;
    }
    left.is_empty()?;
    Ok(builder.build())
}

/// Where the keys lie that documents have of their own, each known to be text.
fn checked_keys(rows: &[Row], stretch: Stretch, bytes: &[u8]) -> Result<Vec<Option<Range<usize>>>, Fault> {
    let mut last = 0..0;
    let key = |(at, &[_, _, _, _, offset, length]): (usize, &Row)| {
        if (offset, length) == (0, 0) {
            return Ok(None);
        }
        let place = stretch.place(offset, length, "document", at)?;
        if place != last {
            std::str::from_utf8(&bytes[place.clone()])
                .map_err(|_| Fault::malformed(format!("a partition key is not UTF-8, document={at}")))?;
            last = place.clone();
        }
        Ok(Some(place))
    };
    rows.iter().enumerate().map(key).collect()
}

type Documents<'a> =
    std::iter::Enumerate<std::iter::Zip<slice::Iter<'a, Row>, vec::IntoIter<Option<Range<usize>>>>>;

/// What of an answer was not taken yet.
struct Left<'a> {
    stretch: Stretch,
    documents: Peekable<Documents<'a>>,
    rejections: Peekable<slice::Iter<'a, wit::Rejection>>,
    attributes: Peekable<slice::Iter<'a, wit::Attributes>>,
}

impl Left<'_> {
    /// Takes what is of one record: place after place either a document or a rejection.
    fn add_record(&mut self, raw_index: u32, mut raw: RawBuilder<'_>) -> Result<(), Fault> {
        for sub_index in 0.. {
            let here = (raw_index, sub_index);
            if let Some((at, (row, key))) = self.documents.next_if(|(_, (row, _))| (row[0], row[1]) == here) {
                let data = self.stretch.place(row[2], row[3], "document", at)?;
                raw.place(data, key, self.attributes_of(here, at)?);
            } else if let Some(rejection) =
                self.rejections.next_if(|rejection| (rejection.raw_index, rejection.sub_index) == here)
            {
                raw.reject(words::repeated(&rejection.reason));
            } else {
                break;
            }
        }
        Ok(())
    }

    fn attributes_of(&mut self, place: (u32, u32), at: usize) -> Result<Attributes, Fault> {
        let found =
            self.attributes.next_if(|attributes| (attributes.raw_index, attributes.sub_index) == place);
        let Some(found) = found else { return Ok(Attributes::default()) };
        let given = found.explicit_hash_key.as_deref();
        let explicit_hash_key = given.map(|text| hash_key(text, "document", at)).transpose()?;
        Ok(Attributes { explicit_hash_key, tags: tags(&found.tags) })
    }

    /// Whether all of it was taken.
    fn is_empty(&mut self) -> Result<(), Fault> {
        let (what, raw_index, sub_index) = if let Some((_, (row, _))) = self.documents.peek() {
            ("document", row[0], row[1])
        } else if let Some(rejection) = self.rejections.peek() {
            ("rejection", rejection.raw_index, rejection.sub_index)
        } else if let Some(attributes) = self.attributes.peek() {
            ("document with attributes", attributes.raw_index, attributes.sub_index)
        } else {
            return Ok(());
        };
        let reason = format!(
            "a {what} is out of order, of no record given, or leaves a place free before it, raw_index={raw_index} \
             sub_index={sub_index}"
        );
        Err(Fault::malformed(reason))
    }
}
