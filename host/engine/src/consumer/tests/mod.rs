//! A pipeline on the in-memory Kinesis and leases, with paused time.

mod asked_again;
mod failing;
mod handover;
mod idle;
mod lanes;
mod manual;
mod misplaced;
mod pausing;
mod poison;
mod resharding;
mod sharing;
mod source;
mod starting;
mod stopping;
mod streams;
mod window;
mod world;
