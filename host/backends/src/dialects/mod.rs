//! How other libraries keep checkpoints: read, and for async-kinesis written too, so that an application can move over
//! and back.
//!
//! A number means "done up to and with this record" in every one of them, whatever iterator the library opens: the KCL
//! opens one *at* its number and skips what it has done, async-kinesis and kinesis-python open one *after* theirs. So
//! all of them become [`Checkpoint::At`], and only the KCL's sub-sequence numbers say more than that.

use std::fmt;

use async_trait::async_trait;
use thiserror::Error;
use tidemill_engine::{lease::Checkpoint, record::ShardId, time::UnixMillis};

pub mod async_kinesis;
pub mod kcl;
pub mod kinesis_python;
mod running;
mod table;

pub use running::running;

/// What another library keeps, as it is now.
///
/// Implementations: [`async_kinesis::InRedis`], [`async_kinesis::InDynamoDb`], [`kcl::Table`] and
/// [`kinesis_python::Table`].
#[async_trait]
pub trait Dialect: Send + Sync + fmt::Debug {
    /// Everything that is kept of one stream.
    async fn read(&self) -> Result<Found, DialectError>;
}

/// Everything that another library keeps of one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// What is kept of its shards, in no order.
    pub rows: Vec<Row>,
    /// What is there besides and is no checkpoint of the stream, for people.
    pub passed_over: Vec<String>,
}

/// What another library keeps of one shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The shard.
    pub shard: ShardId,
    /// How far it is.
    pub place: Place,
    /// Who reads it.
    pub holder: Option<Holder>,
}

/// How far another library is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// At a checkpoint that tidemill has too.
    At(Checkpoint),
    /// Nothing is done, and where to start is in the library's own settings.
    Start,
    /// Nothing is done, and the moment to start at is in the library's own settings.
    Moment,
}

/// Who reads a shard, by another library's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its name.
    pub name: String,
    /// What shows whether it is alive.
    pub sign: Sign,
}

/// What shows whether a holder is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It counts as alive until then.
    Until(UnixMillis),
    /// It is alive if this number changes.
    Counter(u64),
}

/// Another library's checkpoints cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DialectError {
    /// There is no such table.
    #[error("there is no such table: look at its name, the region and the endpoint, table={0}")]
    NoTable(String),
    /// What is kept there is not what the library writes.
    #[error("this is not what the library writes: name another one, or mend it, at={at}: {reason}")]
    Unreadable {
        /// The key.
        at: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Somebody else wrote it since it was read; nothing was written.
    #[error("somebody else wrote it in the meantime: stop the application and look again, at={0}")]
    Changed(String),
    /// The store did not answer or refused. A write may have happened.
    #[error("the store failed: {reason}, at={at}")]
    Unavailable {
        /// Which one.
        at: String,
        /// What it or the client says.
        reason: String,
    },
}

impl DialectError {
    fn unreadable(at: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self::Unreadable { at: at.into(), reason: reason.to_string() }
    }
}
