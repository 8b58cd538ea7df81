//! Processors: how documents become records and back.

pub use crate::bindings::{
    aggregator::exports::tidemill::streams::aggregator::{Entry, Item, Part},
    tidemill::streams::types::{Sharing, Tag},
};

/// How documents share a Kinesis record. [`export_aggregator!`](crate::export_aggregator) makes a component of one;
/// the serializer beside it is one of the host's own or another component, or the same one's.
pub trait Aggregator {
    /// Which documents may share a record.
    const SHARING: Sharing;

    /// Packs items, in order, into as few entries as it can, none with more than `max_bytes` of data. The answers cover
    /// every item once, in order: an entry a run of items, an error the next item alone, which is refused.
    fn pack(items: &[Item], max_bytes: usize) -> Vec<Result<Entry, String>>;

    /// Takes one record apart. An error rejects the record and says why.
    fn unpack(record: &[u8]) -> Result<Vec<Part>, String>;
}

/// How one document becomes bytes on a stream, and back. [`export_serializer!`](crate::export_serializer) makes a
/// component of one.
pub trait Serializer {
    /// Turns a document into bytes. An error refuses it and says why.
    fn serialize(document: Vec<u8>) -> Result<Vec<u8>, String>;

    /// Turns bytes back into a document. An error rejects them and says why.
    fn deserialize(bytes: Vec<u8>) -> Result<Vec<u8>, String>;
}

impl Entry {
    /// An entry that holds a run of items and goes where the first of them does.
    ///
    /// # Panics
    /// When the run is empty.
    pub fn of(run: &[Item], data: Vec<u8>) -> Self {
        let first = run.first().expect("an entry holds an item");
        Self {
            data,
            partition_key: first.partition_key.clone(),
            explicit_hash_key: first.explicit_hash_key.clone(),
            items: u32::try_from(run.len()).expect("items lie in the memory of a 32-bit machine"),
        }
    }
}

impl Item {
    /// Whether it may share an entry with another one under [`Sharing::PerKey`].
    pub fn has_keys_of(&self, other: &Self) -> bool {
        self.partition_key == other.partition_key && self.explicit_hash_key == other.explicit_hash_key
    }
}

impl Part {
    /// A document that has nothing of its own besides its data.
    pub fn of(data: &[u8]) -> Self {
        Self { data: data.to_vec(), partition_key: None, explicit_hash_key: None, tags: Vec::new() }
    }
}

/// Makes a component of a type that is an [`Aggregator`](crate::Aggregator). To be used once, at the root of the crate.
#[macro_export]
macro_rules! export_aggregator {
    ($aggregator:ty) => {
        const _: () = {
            use $crate::bindings::aggregator::exports::tidemill::streams::aggregator::Guest;

            struct Component;

            impl Guest for Component {
                fn shares() -> $crate::Sharing {
                    <$aggregator as $crate::Aggregator>::SHARING
                }

                fn pack(
                    items: ::std::vec::Vec<$crate::Item>,
                    max_bytes: u32,
                ) -> ::std::vec::Vec<::std::result::Result<$crate::Entry, ::std::string::String>> {
                    <$aggregator as $crate::Aggregator>::pack(&items, max_bytes as usize)
                }

                fn unpack(
                    records: ::std::vec::Vec<::std::vec::Vec<u8>>,
                ) -> ::std::vec::Vec<
                    ::std::result::Result<::std::vec::Vec<$crate::Part>, ::std::string::String>,
                > {
                    records.iter().map(|record| <$aggregator as $crate::Aggregator>::unpack(record)).collect()
                }
            }

            $crate::bindings::aggregator::export_aggregator!(Component with_types_in $crate::bindings::aggregator);
        };
    };
}

/// Makes a component of a type that is a [`Serializer`](crate::Serializer). To be used once, at the root of the crate;
/// beside [`export_aggregator!`](crate::export_aggregator) the component is a whole processor.
#[macro_export]
macro_rules! export_serializer {
    ($serializer:ty) => {
        const _: () = {
            use $crate::bindings::serializer::exports::tidemill::streams::serializer::Guest;

            struct Component;

            impl Guest for Component {
                fn serialize(
                    documents: ::std::vec::Vec<::std::vec::Vec<u8>>,
                ) -> ::std::vec::Vec<
                    ::std::result::Result<::std::vec::Vec<u8>, ::std::string::String>,
                > {
                    documents.into_iter().map(<$serializer as $crate::Serializer>::serialize).collect()
                }

                fn deserialize(
                    items: ::std::vec::Vec<::std::vec::Vec<u8>>,
                ) -> ::std::vec::Vec<
                    ::std::result::Result<::std::vec::Vec<u8>, ::std::string::String>,
                > {
                    items.into_iter().map(<$serializer as $crate::Serializer>::deserialize).collect()
                }
            }

            $crate::bindings::serializer::export_serializer!(Component with_types_in $crate::bindings::serializer);
        };
    };
}
