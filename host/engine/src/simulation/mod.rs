//! A simulation of the whole consumer: several workers with real pipelines and producers, on a Kinesis and a lease
//! store in memory, in virtual time. A run is a function of its seed.
//!
//! ```text
//! seed ──▶ scenario ──▶ world: Kinesis, leases ◀──calls── network ◀── process: Pipeline + Producer + handler
//!                         ▲            │                 late, lost,      ▲
//!            puts, splits,│            ▼                  refused         │ crashes, freezes, stops
//!               merges    │     audit, ledger ──▶ diary                   │
//!                       source                                  worker ◀──┴── governor
//! ```
//! The seed decides a scenario and everything that happens by chance in it: processes crash or freeze at any await of
//! any of their tasks, calls are refused, late or answered into the void and take effect even so, shards are split
//! and merged, clocks are wrong, and some documents can never be handled. What takes effect is checked at the moment that it does; then things calm down, and
//! everything has to settle. The governor hangs on [`task::spawn`](crate::task::spawn), so the code that runs is the
//! code that ships.

mod audit;
mod diary;
mod governor;
mod handler;
mod kinesis;
mod leases;
mod ledger;
mod letters;
mod network;
mod process;
mod run;
mod scenario;
mod sink;
mod source;
mod subscription;
mod worker;
mod world;

#[cfg(test)]
mod tests;

pub(crate) use governor::governed;

pub use diary::{Broken, Check, Counts};
pub use run::{Options, Report, run};
