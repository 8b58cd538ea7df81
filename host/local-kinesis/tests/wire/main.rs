//! The embedded Kinesis as its clients see it: hand-made requests over real HTTP.
#![expect(clippy::unwrap_used, reason = "clippy knows unit tests only; here everything is a test")]

mod cbor;
mod client;
mod disk;
mod http;
mod records;
mod shards;
mod streams;
