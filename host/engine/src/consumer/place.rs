//! Places in a shard: where reading starts, what of a read is to be handled, and where it was done up to.

use std::ops::Deref;

use crate::{
    batch::Documents,
    bugs::{Bug, planted},
    kinesis::Position,
    lease::Checkpoint,
    processor::{Decoded, Rejection},
    sequence::SequenceNumber,
};

/// Raw index and sub-index of a user record in one read.
pub(super) type SubPlace = (u32, u32);

/// Where to start reading, and what of the first read was done before.
pub(super) fn start_of(checkpoint: &Checkpoint) -> (Position, Option<Skip>) {
    match checkpoint {
        Checkpoint::Latest => (Position::Latest, None),
        Checkpoint::AtTimestamp(at) => (Position::AtTimestamp(*at), None),
        Checkpoint::AtSequence(sequence) => (Position::At(sequence.clone()), None),
        Checkpoint::At { sequence, sub_sequence: None } => (Position::After(sequence.clone()), None),
        Checkpoint::At { sequence, sub_sequence: Some(sub_sequence) } => {
            let skip = Skip { sequence: sequence.clone(), sub_sequence: *sub_sequence };
            (Position::At(sequence.clone()), Some(skip))
        }
        // A lease at its end is never taken; from the start is the answer that loses nothing.
        Checkpoint::TrimHorizon | Checkpoint::ShardEnd => (Position::TrimHorizon, None),
    }
}

/// User records at the start of a read that were done before.
#[derive(Debug)]
pub(super) struct Skip {
    sequence: SequenceNumber,
    sub_sequence: u32,
}

impl Skip {
    /// Leaves away what was done before.
    pub(super) fn rest_of(&self, decoded: Decoded) -> Decoded {
        let Decoded { documents, mut rejections, misplaced, passed_over } = decoded;
        let is_done = |raw_index: u32, sub_index: u32| {
            sub_index <= self.sub_sequence && documents.sequence_of_raw(raw_index) == Some(&self.sequence)
        };
        rejections.retain(|Rejection { raw_index, sub_index, .. }| !is_done(*raw_index, *sub_index));
        let index = documents.index().iter().zip(0..);
        let rest: Vec<u32> = index
            .filter(|(at, _)| !is_done(at.raw_index, at.sub_index))
            .map(|(_, position)| position)
            .collect();
        Decoded { documents: documents.pick(&rest), rejections, misplaced, passed_over }
    }
}

/// The documents of a read that may be handled.
#[derive(Debug)]
pub(super) struct Readable {
    documents: Documents,
    /// The first user record that did not decode, where those behind it are not to be handled.
    end: Option<SubPlace>,
}

impl Readable {
    /// All documents of a read, or those before a place in it.
    pub(super) fn before(documents: Documents, end: Option<SubPlace>) -> Self {
        let Some(place) = end else { return Self { documents, end } };
        let count = documents.index().partition_point(|at| (at.raw_index, at.sub_index) < place);
        let kept: Vec<u32> = (0..).take(count).collect();
        Self { documents: documents.pick(&kept), end }
    }

    /// The checkpoint that says: everything up to the document at this position is done.
    pub(super) fn checkpoint_behind(&self, position: usize) -> Checkpoint {
        let this = self.documents.index()[position];
        let next_document = self.documents.index().get(position + 1).map(|next| next.raw_index);
        let next_rejection = self.end.map(|(raw_index, _)| raw_index);
        let has_more = [next_document, next_rejection].contains(&Some(this.raw_index));
        Checkpoint::At {
            sequence: self.documents.sequence(position).clone(),
            sub_sequence: (has_more && !planted(Bug::WholeRecordCheckpoint)).then_some(this.sub_index),
        }
    }
}

impl Deref for Readable {
    type Target = Documents;

    fn deref(&self) -> &Documents {
        &self.documents
    }
}

#[cfg(test)]
mod tests {
    use tidemill_processors::{Malformed, Origin, Unpacked};

    use super::*;
    use crate::{batch::DocumentsBuilder, processor::HashCheck, record::Record, time::UnixMillis};

    /// Two records of three lines each, of which the second line of the second record does not decode.
    fn decoded() -> Decoded {
        let records = [1, 2].map(|sequence: u32| Record {
            sequence: sequence.to_string().try_into().unwrap(),
            partition_key: "k".into(),
            data: "abc".into(),
            arrival: UnixMillis(0),
        });
        let mut builder = DocumentsBuilder::for_records(&records, HashCheck::default());
        let whole = Origin::default();
        let mut first = builder.raw(&records[0], b"abc");
        (0..3).for_each(|at| first.part(at..at + 1, &whole));
        drop(first);
        let mut second = builder.raw(&records[1], b"abc");
        second.part(0..1, &whole);
        second.rejected(&Malformed::Lines);
        second.part(2..3, &whole);
        drop(second);
        builder.build()
    }

    fn at(sequence: &str, sub_sequence: Option<u32>) -> Checkpoint {
        Checkpoint::At { sequence: sequence.to_owned().try_into().unwrap(), sub_sequence }
    }

    #[test]
    fn i1_a_checkpoint_never_covers_what_did_not_decode() {
        let readable = Readable::before(decoded().documents, Some((1, 1)));
        assert_eq!(readable.len(), 4);
        assert_eq!(readable.checkpoint_behind(3), at("2", Some(0)));
        assert_eq!(readable.checkpoint_behind(2), at("1", None));
        assert_eq!(readable.checkpoint_behind(1), at("1", Some(1)));
    }

    #[test]
    fn what_was_done_before_is_skipped_and_nothing_else() {
        let checkpoint = at("2", Some(1));
        let (position, skip) = start_of(&checkpoint);
        assert_eq!(position, Position::At("2".to_owned().try_into().unwrap()));
        let rest = skip.unwrap().rest_of(decoded());
        assert_eq!((rest.documents.len(), rest.rejections.len()), (4, 0));
        assert_eq!(rest.documents.index()[3].sub_index, 2);
    }
}
