//! Processors by the name that settings use.

use crate::{Aggregator, Codec, Serializer};

/// An aggregator and a serializer under one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// The name in settings.
    pub name: &'static str,
    /// The two of them.
    pub codec: Codec,
}

impl Preset {
    /// All presets, the plainest first.
    pub const ALL: &'static [Self] = &[
        preset("string", Aggregator::Simple, Serializer::String),
        preset("json", Aggregator::Simple, Serializer::Json),
        preset("json-line", Aggregator::Newline, Serializer::Json),
        preset("json-list", Aggregator::List, Serializer::Json),
        preset("msgpack", Aggregator::Netstring, Serializer::Msgpack),
        preset("kpl-json", Aggregator::Kpl, Serializer::Json),
        preset("kpl-string", Aggregator::Kpl, Serializer::String),
    ];

    /// The preset of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|preset| preset.name == name).copied()
    }
}

const fn preset(name: &'static str, aggregator: Aggregator, serializer: Serializer) -> Preset {
    Preset { name, codec: Codec { aggregator, serializer } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_found_by_their_names_and_no_other() {
        let names: Vec<_> = Preset::ALL.iter().map(|preset| preset.name).collect();
        assert_eq!(names, ["string", "json", "json-line", "json-list", "msgpack", "kpl-json", "kpl-string"]);
        assert!(names.iter().all(|name| Preset::named(name).unwrap().name == *name));
        assert_eq!(Preset::named("JSON"), None);
    }
}
