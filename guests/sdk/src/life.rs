//! What a handler may be told of its instance's life.

pub use crate::bindings::life::exports::tidemill::streams::life_cycle::Ending;

use crate::{BatchError, Handler};

/// A handler that is told of its instance's life. [`export_with_life_cycle!`](crate::export_with_life_cycle) makes a
/// component of one.
///
/// The host opens it when it makes the instance and not at the first batch, so that settings which it refuses are told
/// at start. A panic costs the instance, as one in [`Handler::handle`] does, and an instance that failed is dropped
/// without another word.
pub trait LifeCycle: Handler {
    /// Batches of this shard will come.
    fn shard_started(&mut self, _stream: &str, _shard: &str) {}

    /// No more batches of the shard will come.
    fn shard_ended(&mut self, _stream: &str, _shard: &str, _why: Ending) {}

    /// The last call: what it holds outside of its memory should be let go.
    fn drain(&mut self) {}
}

/// What [`export_with_life_cycle!`](crate::export_with_life_cycle) calls as `init`.
#[doc(hidden)]
pub fn init<H: Handler>(slot: &mut Option<H>) -> Result<(), String> {
    *slot = Some(H::open().map_err(|BatchError { reason, .. }| reason)?);
    Ok(())
}

/// Makes a component of a type that is a [`Handler`](crate::Handler) and a [`LifeCycle`](crate::LifeCycle). To be used
/// once, at the root of the crate.
#[macro_export]
macro_rules! export_with_life_cycle {
    ($handler:ty) => {
        const _: () = {
    $crate::export!(@component $handler);

            impl $crate::bindings::life::exports::tidemill::streams::life_cycle::Guest for Component {
                fn init(
                    _: ::std::vec::Vec<(::std::string::String, ::std::string::String)>,
                ) -> ::std::result::Result<(), ::std::string::String> {
                    HANDLER.with_borrow_mut($crate::init)
                }

                fn shard_started(stream: ::std::string::String, shard: ::std::string::String) {
                    HANDLER.with_borrow_mut(|handler| {
                        if let ::std::option::Option::Some(handler) = handler {
                            $crate::LifeCycle::shard_started(handler, &stream, &shard);
                        }
                    });
                }

                fn shard_ended(
                    stream: ::std::string::String,
                    shard: ::std::string::String,
                    why: $crate::Ending,
                ) {
                    HANDLER.with_borrow_mut(|handler| {
                        if let ::std::option::Option::Some(handler) = handler {
                            $crate::LifeCycle::shard_ended(handler, &stream, &shard, why);
                        }
                    });
                }

                fn drain() {
                    HANDLER.with_borrow_mut(|handler| {
                        if let ::std::option::Option::Some(handler) = handler {
                            $crate::LifeCycle::drain(handler);
                        }
                    });
                }
            }

    $crate::bindings::life::export_life!(Component with_types_in $crate::bindings::life);
        };
    };
}
