//! Everything that is tested from outside: the binary at work, and the house it lives in.
//!
//! One binary for all of it. `cargo xtask test` builds what these tests start and says where it is; a test that
//! cannot find it fails and names that command.

mod checkpoints;
mod codecs;
mod commands;
mod consuming;
mod deploying;
mod failures;
mod fan_out;
mod faults;
mod fleet;
mod handlers;
mod harness;
mod ingest;
mod inspecting;
mod interop;
mod leases;
mod local;
mod processors;
mod refusals;
mod resharding;
mod restarts;
mod sandbox;
mod tidy;
