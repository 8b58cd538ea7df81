//! A pipeline on the in-memory Kinesis and leases, with paused time.

mod failing;
mod resharding;
mod stopping;
mod world;
