//! The engine of tidemill: it reads and writes Amazon Kinesis streams, shares shards through leases, and calls
//! handlers once a batch. It knows no back end and no WebAssembly; both come in through seams:
//! [`kinesis::Kinesis`], [`lease::LeaseStore`], [`processor::Processor`], [`handler::Handler`].
//!
//! A program that embeds it puts documents with a [`Producer`] and reads them with a [`Consumer`]. Here both work on
//! a Kinesis in memory; `tidemill-backends` has AWS's.
//!
//! ```
//! use std::{error::Error, sync::Arc};
//! use tidemill_engine::{
//!     Consumer, Producer,
//!     batch::Batch,
//!     handler::{HandlerFn, Outcome},
//!     kinesis::{Kinesis, StreamMode, memory},
//!     native::NativeProcessor,
//!     processor::Document,
//!     producer::ProducerSettings,
//!     time::Clock,
//! };
//! use tokio_util::sync::CancellationToken;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn Error>> {
//!     let kinesis: Arc<dyn Kinesis> =
//!         Arc::new(memory::MemoryKinesis::new(Clock::system(), memory::Settings::default()));
//!     let json_line = Arc::new(NativeProcessor::named("json-line").ok_or("no such preset")?);
//!
//!     let settings =
//!         ProducerSettings { create: Some(StreamMode::Provisioned { shards: 4 }), ..ProducerSettings::default() };
//!     let orders = Producer::open(settings, "orders".parse()?, Arc::clone(&kinesis), json_line.clone()).await?;
//!     let ticket = orders.put(Document::keyed("ann", r#"{"item": "tea"}"#)).await?;
//!     orders.flush().await;
//!     println!("the stream has it: {:?}", ticket.await?);
//!
//!     let stop = CancellationToken::new();
//!     let enough = stop.clone();
//!     let handler = HandlerFn(move |batch: &Batch| {
//!         let documents = batch.documents();
//!         assert_eq!((documents.partition_key(0), documents.data(0)), ("ann", &br#"{"item": "tea"}"#[..]));
//!         enough.cancel();
//!         Ok(Outcome::default())
//!     });
//!     let summary = Consumer::new("orders".parse()?, kinesis).processor(json_line).run(handler, stop).await?;
//!     assert_eq!(summary.done, 1);
//!     Ok(())
//! }
//! ```
#![warn(missing_docs)]

pub mod backoff;
pub mod batch;
pub mod bugs;
pub mod consumer;
pub mod dead_letter;
pub mod deploy;
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
#[cfg(any(test, feature = "simulation"))]
pub mod simulation;
pub mod stream;
pub mod task;
pub mod time;

pub use consumer::Consumer;
pub use producer::Producer;
