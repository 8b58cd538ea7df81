//! Makes components of the presets that the host has compiled in, from the same crate that the host has them from.
//!
//! ```ignore
//! tidemill_preset::export!("kpl-json");
//! ```
#![warn(missing_docs)]

#[doc(hidden)]
pub mod bindings;
mod decode;
mod encode;

#[doc(hidden)]
pub use decode::decode;
#[doc(hidden)]
pub use encode::encode;
#[doc(hidden)]
pub use tidemill_processors::Codec;

use tidemill_processors::Preset;

use bindings::tidemill::streams::types;

/// Makes a component of the preset of this name. To be used once, at the root of the crate.
#[macro_export]
macro_rules! export {
    ($name:literal) => {
        const _: () = {
            use $crate::bindings::exports::tidemill::streams::packed_processor::{
                Bounds, Decoded, Encoded, Guest, Sharing,
            };

            struct Component;

            impl Guest for Component {
                fn shares() -> Sharing {
                    $crate::sharing($crate::codec($name))
                }

                fn decode(index: ::std::vec::Vec<u32>, bytes: ::std::vec::Vec<u8>) -> Decoded {
                    $crate::decode($crate::codec($name), &index, &bytes)
                }

                fn encode(
                    index: ::std::vec::Vec<u32>,
                    bytes: ::std::vec::Vec<u8>,
                    bounds: Bounds,
                ) -> Encoded {
                    $crate::encode($crate::codec($name), &index, &bytes, bounds)
                }
            }

    $crate::bindings::export_preset!(Component with_types_in $crate::bindings);
        };
    };
}

/// The codec of the preset of this name.
#[doc(hidden)]
pub fn codec(name: &str) -> Codec {
    Preset::named(name).expect("a preset has this name").codec
}

/// Which documents may share a record, in the words of the contract.
#[doc(hidden)]
pub fn sharing(codec: Codec) -> types::Sharing {
    match codec.aggregator.sharing() {
        tidemill_processors::Sharing::Alone => types::Sharing::Alone,
        tidemill_processors::Sharing::PerKey => types::Sharing::PerKey,
        tidemill_processors::Sharing::PerShard => types::Sharing::PerShard,
    }
}

/// A number of the contract.
fn word(count: usize) -> u32 {
    u32::try_from(count).expect("a batch lies in the memory of a 32-bit machine")
}

/// A part of what the host passed.
fn part(bytes: &[u8], at: u32, length: u32) -> &[u8] {
    &bytes[at as usize..][..length as usize]
}
