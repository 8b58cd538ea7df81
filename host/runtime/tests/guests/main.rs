//! Components against the host: what they answer, how they fail, and which are refused.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contract;
mod faults;
mod limits;
mod loading;
mod support;
