//! The interface `life-cycle` as Rust types.

use tidemill_engine::handler::Closed;
use wasmtime::component::{ComponentType, Lower};

/// What `init` takes: keys and values of the configuration.
pub type InitParams<'a> = (&'a [(&'a str, &'a str)],);
/// What `init` answers.
pub type InitAnswer = (Result<(), String>,);
/// What `shard-started` takes: the stream and the shard.
pub type StartedParams<'a> = (&'a str, &'a str);
/// What `shard-ended` takes: the stream, the shard, and why.
pub type EndedParams<'a> = (&'a str, &'a str, Ending);

/// `life-cycle.ending`
#[derive(ComponentType, Lower, Clone, Copy, Debug, PartialEq, Eq)]
#[component(enum)]
#[repr(u8)]
pub enum Ending {
    #[component(name = "ended")]
    Ended,
    #[component(name = "left")]
    Left,
    #[component(name = "replaced")]
    Replaced,
}

impl From<Closed> for Ending {
    fn from(closed: Closed) -> Self {
        match closed {
            Closed::Ended => Self::Ended,
            Closed::Left => Self::Left,
        }
    }
}
