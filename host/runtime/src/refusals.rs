//! What a component asked for in vain, told once in the log.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use tidemill_engine::limits;

use crate::{allow::Address, guest_log::GuestLog};

/// The places that a component was refused. What it asks for after many others is refused without a word.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<BTreeSet<(Way, Address)>>);

/// How a place would have been reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// By a request over HTTP.
    Http,
    /// By a TCP connection.
    Connect,
}

impl Refusals {
    /// Tells of a place that is not allowed, unless that was told before.
    pub fn tell(&self, log: &GuestLog, way: Way, address: &Address) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < limits::GUEST_REFUSALS && told.insert((way, address.clone())) {
            drop(told);
            log.refusal(way, address);
        }
    }
}
