//! Write record handlers and processors for tidemill in Rust.
//!
//! A handler gets the records of one shard, a batch at a time, and answers what is to be sent onward and which
//! records it could not handle:
//!
//! ```
//! use tidemill_guest::{Batch, BatchError, Handler, Outcome};
//!
//! struct Shout;
//!
//! impl Handler for Shout {
//!     fn open() -> Result<Self, BatchError> {
//!         Ok(Self)
//!     }
//!
//!     fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
//!         let mut outcome = Outcome::for_batch(batch);
//!         for record in batch.records() {
//!             outcome.emit(&record.data.to_ascii_uppercase()).partition_key(record.partition_key);
//!         }
//!         Ok(outcome)
//!     }
//! }
//!
//! tidemill_guest::export!(Shout);
//! ```
//!
//! A handler that is a [`LifeCycle`] too is told when its shard starts and ends. The host offers [`configuration`],
//! [`log`], [`metrics`], and for each [`Record`] what it was put with.
//!
//! An [`Aggregator`] decides how documents share a Kinesis record, a [`Serializer`] how one becomes bytes.
//!
//! Build it as a `cdylib` for the target `wasm32-wasip2`; the result is a component that the host runs as it is.
//! The crate speaks the packed interface, so a batch costs two copies however many records it has.
#![warn(missing_docs)]

mod batch;
#[doc(hidden)]
pub mod bindings;
mod lambda;
mod life;
pub mod metrics;
mod outcome;
mod processor;

use bindings::exports::tidemill::streams::packed_record_handler::{PackedBatch, PackedOutcome};

pub use batch::{Batch, Record, Records};
pub use bindings::tidemill::streams::{
    configuration,
    logging::{self, Level, log},
    positions,
    types::{BatchError, BatchInfo},
};
pub use life::{Ending, LifeCycle, init};
pub use outcome::{Emit, Outcome};
pub use processor::{Aggregator, Entry, Item, Part, Serializer, Sharing, Tag};

/// Business logic: a batch in, an outcome out.
///
/// The host keeps one instance for each shard, or for each of its lanes, and calls it for one batch at a time. A panic
/// costs the instance: the host makes another and gives the batch again.
pub trait Handler: Sized + 'static {
    /// Makes the handler before the instance's first batch; the place to read [`configuration`].
    fn open() -> Result<Self, BatchError>;

    /// Handles the records of a batch, in order. After an error nothing of the batch counts as done. A batch is empty
    /// only where the handler makes checkpoints: no other will come, and some records are not checkpointed yet.
    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError>;
}

impl BatchError {
    /// The batch failed, and giving it again can help.
    pub fn retryable(reason: impl Into<String>) -> Self {
        Self { retryable: true, reason: reason.into() }
    }

    /// The batch failed, and no attempt can help.
    pub fn refused(reason: impl Into<String>) -> Self {
        Self { retryable: false, reason: reason.into() }
    }
}

/// Makes a component of a type that is a [`Handler`]. To be used once, at the root of the crate.
#[macro_export]
macro_rules! export {
    ($handler:ty) => {
        const _: () = {
            $crate::export!(@component $handler);
        };
    };
    (@component $handler:ty) => {
        struct Component;

        ::std::thread_local! {
            static HANDLER: ::std::cell::RefCell<::std::option::Option<$handler>> =
                const { ::std::cell::RefCell::new(::std::option::Option::None) };
        }

        impl $crate::bindings::exports::tidemill::streams::packed_record_handler::Guest for Component {
            fn handle(
                info: $crate::BatchInfo,
                batch: $crate::bindings::exports::tidemill::streams::packed_record_handler::PackedBatch,
            ) -> ::std::result::Result<
                $crate::bindings::exports::tidemill::streams::packed_record_handler::PackedOutcome,
                $crate::BatchError,
            > {
                HANDLER.with_borrow_mut(|handler| $crate::handle(handler, info, batch))
            }
        }

        $crate::bindings::export_packed!(Component with_types_in $crate::bindings);
    };
}

/// What [`export!`] calls: opens the handler where this is the instance's first batch, and runs it.
#[doc(hidden)]
pub fn handle<H: Handler>(
    slot: &mut Option<H>,
    info: BatchInfo,
    batch: PackedBatch,
) -> Result<PackedOutcome, BatchError> {
    let handler = match slot {
        Some(handler) => handler,
        None => slot.insert(H::open()?),
    };
    handler.handle(&Batch::new(info, batch)).map(Outcome::into_packed)
}
