//! Processors by the name that settings use.

use std::ops::Range;

use crate::{Aggregator, Malformed, Serializer};

/// An aggregator and a serializer under one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// The name in settings.
    pub name: &'static str,
    /// How documents share a record.
    pub aggregator: Aggregator,
    /// How a document becomes bytes.
    pub serializer: Serializer,
}

impl Preset {
    /// All presets, the plainest first.
    pub const ALL: &'static [Self] = &[
        Self { name: "string", aggregator: Aggregator::Simple, serializer: Serializer::String },
        Self { name: "json", aggregator: Aggregator::Simple, serializer: Serializer::Json },
        Self { name: "json-line", aggregator: Aggregator::Newline, serializer: Serializer::Json },
    ];

    /// The preset of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|preset| preset.name == name).copied()
    }

    /// Takes a record apart, in order. Bytes that are no document are one part with what is wrong with them.
    pub fn unpack(self, data: &[u8]) -> impl Iterator<Item = Part> {
        self.aggregator.parts(data).map(move |place| {
            let checked = self.serializer.check(&data[place.clone()]);
            Part { place, checked }
        })
    }
}

/// One document of a record, or bytes in the place of one.
#[derive(Debug)]
pub struct Part {
    /// Where it lies in the record's data.
    pub place: Range<usize>,
    /// Whether it is a document.
    pub checked: Result<(), Malformed>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn preset(name: &str) -> Preset {
        Preset::named(name).unwrap()
    }

    #[test]
    fn presets_are_found_by_their_names_and_no_other() {
        let names: Vec<_> = Preset::ALL.iter().map(|preset| preset.name).collect();
        assert_eq!(names, ["string", "json", "json-line"]);
        assert!(names.iter().all(|name| preset(name).name == *name));
        assert_eq!(Preset::named("JSON"), None);
    }

    #[test]
    fn a_bad_line_is_one_part_and_its_neighbours_are_documents() {
        let data = b"{\"a\":1}\n\nnot json\n[1, 2]\n";
        let parts: Vec<_> =
            preset("json-line").unpack(data).map(|part| (part.place, part.checked.is_ok())).collect();
        assert_eq!(parts, [(0..7, true), (9..17, false), (18..24, true)]);
    }

    proptest! {
        #[test]
        fn any_bytes_unpack_into_parts_that_lie_in_order_within_them(data: Vec<u8>) {
            for preset in Preset::ALL {
                let mut at = 0;
                for part in preset.unpack(&data) {
                    prop_assert!(at <= part.place.start && part.place.end <= data.len());
                    at = part.place.end;
                }
            }
        }

        #[test]
        fn any_text_is_one_document_of_string(text: String) {
            let parts: Vec<_> = preset("string").unpack(text.as_bytes()).collect();
            prop_assert_eq!(parts.len(), 1);
            prop_assert_eq!(&parts[0].place, &(0..text.len()));
            prop_assert!(parts[0].checked.is_ok());
        }
    }
}
