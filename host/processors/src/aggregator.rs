//! How documents share a Kinesis record.

use std::fmt;

/// How documents share a Kinesis record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregator {
    /// Not at all: a document is a record.
    Simple,
    /// Each on a line of its own, ended by a line feed.
    Newline,
    /// One list of them all: a JSON array, or with msgpack a msgpack array.
    List,
    /// Each as a netstring: its length in decimal, a colon, its bytes, a comma.
    Netstring,
    /// The aggregated record of the Kinesis Producer Library, in which each document keeps its partition key.
    Kpl,
}

/// Which documents may share a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// None: each has a record of its own.
    Alone,
    /// Those with the same partition key and the same explicit hash key.
    PerKey,
    /// All that belong to one shard, whatever their keys: each keeps its own inside the record.
    PerShard,
}

impl Aggregator {
    /// All aggregators.
    pub const ALL: [Self; 5] = [Self::Simple, Self::Newline, Self::List, Self::Netstring, Self::Kpl];

    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Newline => "newline",
            Self::List => "list",
            Self::Netstring => "netstring",
            Self::Kpl => "kpl",
        }
    }

    /// Which documents may share a record.
    pub fn sharing(self) -> Sharing {
        match self {
            Self::Simple => Sharing::Alone,
            Self::Newline | Self::List | Self::Netstring => Sharing::PerKey,
            Self::Kpl => Sharing::PerShard,
        }
    }
}

impl fmt::Display for Aggregator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
