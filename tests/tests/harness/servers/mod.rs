//! Servers that were not written here, each started for one test.

pub mod kinesis_local;
