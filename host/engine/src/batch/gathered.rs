//! The bytes of records that lie far apart, brought together for whoever copies them.

use std::borrow::Cow;

use super::Documents;

impl Documents {
    /// The same records without most of the bytes between them. What is passed to a guest is copied as it lies, and the
    /// records of one lane, or of another attempt, lie among those of others.
    #[must_use]
    pub fn gathered(&self) -> Cow<'_, Self> {
        if self.needed_bytes() * 2 >= self.bytes.len() {
            return Cow::Borrowed(self);
        }
        Cow::Owned(self.copied())
    }

    /// The same records in bytes of their own, for whoever keeps a few of a large batch for long.
    #[must_use]
    pub fn copied(&self) -> Self {
        let needed = self.needed_bytes();
        let mut bytes = Vec::with_capacity(needed);
        let mut place = |offset: u32, length: u32| {
            let begin = u32::try_from(bytes.len()).expect("there are fewer bytes than in the batch");
            bytes.extend_from_slice(&self.bytes[super::span(offset, length)]);
            begin
        };
        let mut index = self.index.clone();
        for at in &mut index {
            at.data_offset = place(at.data_offset, at.data_length);
            at.key_offset = place(at.key_offset, at.key_length);
        }
        Self { bytes: bytes.into(), index, ..self.clone() }
    }

    fn needed_bytes(&self) -> usize {
        self.index.iter().map(|at| (at.data_length + at.key_length) as usize).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{record::Record, time::UnixMillis};

    fn documents() -> Documents {
        let record = |sequence: u32, data: &'static str| Record {
            sequence: sequence.to_string().try_into().unwrap(),
            partition_key: format!("key-{sequence}").into(),
            data: data.into(),
            arrival: UnixMillis(u64::from(sequence)),
        };
        Documents::of_records(&[record(1, "one"), record(2, "-".repeat(100).leak()), record(3, "three")])
    }

    #[test]
    fn records_that_lie_apart_are_brought_together_and_read_alike() {
        let apart = documents().pick(&[0, 2]);
        let gathered = apart.gathered();
        assert!(matches!(gathered, Cow::Owned(_)));
        assert_eq!(gathered.bytes().len(), "onekey-1threekey-3".len());
        for at in 0..2 {
            assert_eq!(gathered.data(at), apart.data(at));
            assert_eq!(gathered.partition_key(at), apart.partition_key(at));
            assert_eq!(gathered.sequence(at), apart.sequence(at));
            assert_eq!(gathered.arrival(at), apart.arrival(at));
        }
    }

    #[test]
    fn records_that_lie_together_are_not_copied() {
        assert!(matches!(documents().gathered(), Cow::Borrowed(_)));
        assert!(matches!(Documents::of_records(&[]).gathered(), Cow::Borrowed(_)));
    }
}
