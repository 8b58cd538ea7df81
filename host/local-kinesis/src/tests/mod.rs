//! The embedded Kinesis as its clients see it: hand-made requests over real HTTP.

mod cbor;
mod client;
mod disk;
mod http;
mod records;
mod shards;
mod streams;
mod subscriptions;
