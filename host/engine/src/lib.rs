//! The engine of tidemill: it reads and writes Amazon Kinesis streams, shares shards through leases, and calls
//! handlers once a batch. It knows no back end and no WebAssembly; both come in through seams:
//! [`kinesis::Kinesis`], [`lease::LeaseStore`], [`processor::Processor`], [`handler::Handler`].
#![warn(missing_docs)]

pub mod backoff;
pub mod batch;
pub mod consumer;
pub mod handler;
pub mod hash;
pub mod kinesis;
pub mod lease;
pub mod limits;
pub mod native;
pub mod processor;
pub mod producer;
pub mod record;
pub mod sequence;
pub mod stream;
pub mod task;
pub mod time;
