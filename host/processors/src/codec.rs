//! An aggregator and a serializer, put together.

use crate::{Aggregator, Serializer, Unpacked};

/// An aggregator and a serializer: everything that decides how documents become records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codec {
    /// How documents share a record.
    pub aggregator: Aggregator,
    /// How a document becomes bytes.
    pub serializer: Serializer,
}

impl Codec {
    /// Takes a record apart, in order.
    pub fn unpack(self, data: &[u8], out: &mut impl Unpacked) {
        let Self { aggregator, serializer } = self;
        aggregator.split(data, &mut |place, origin| match serializer.check(&data[place.clone()]) {
            Ok(()) => out.part(place, origin),
            Err(malformed) => out.rejected(&malformed),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use proptest::prelude::*;

    use super::*;
    use crate::{Malformed, Origin, Preset};

    /// What was found, in order: the place of a document, or none for what is rejected.
    #[derive(Default)]
    struct Found(Vec<Option<Range<usize>>>);

    impl Unpacked for Found {
        fn part(&mut self, place: Range<usize>, _: &Origin<'_>) {
            self.0.push(Some(place));
        }

        fn made(&mut self, _: &Origin<'_>, write: impl FnOnce(&mut Vec<u8>) -> Result<(), Malformed>) {
            self.0.push(write(&mut Vec::new()).ok().map(|()| 0..0));
        }

        fn rejected(&mut self, _: &Malformed) {
            self.0.push(None);
        }
    }

    fn unpacked(name: &str, data: &[u8]) -> Vec<Option<Range<usize>>> {
        let mut found = Found::default();
        Preset::named(name).unwrap().codec.unpack(data, &mut found);
        found.0
    }

    #[test]
    fn a_bad_line_is_rejected_and_its_neighbours_are_documents() {
        let data = b"{\"a\":1}\n\nnot json\n[1, 2]\n";
        assert_eq!(unpacked("json-line", data), [Some(0..7), None, Some(18..24)]);
    }

    proptest! {
        #[test]
        fn any_bytes_unpack_into_parts_that_lie_in_order_within_them(data: Vec<u8>) {
            for preset in Preset::ALL {
                let mut at = 0;
                for place in unpacked(preset.name, &data).into_iter().flatten() {
                    prop_assert!(at <= place.start && place.end <= data.len());
                    at = place.end;
                }
            }
        }

        #[test]
        fn any_text_is_one_document_of_string(text: String) {
            prop_assert_eq!(unpacked("string", text.as_bytes()), [Some(0..text.len())]);
        }
    }
}
