//! Where dead letters are kept, and how people get at them again: a stream, a file, a list of Redis.
//!
//! All three keep the same lines of JSON, see [`form`]. What can be emptied, the file and the list, is a [`LetterBox`]
//! too; a stream is read like any other, and whoever redrives it keeps a checkpoint.

use async_trait::async_trait;
use bytes::Bytes;
use thiserror::Error;
use tidemill_engine::dead_letter::{DeadLetter, DeadLetterError};

pub mod file;
pub mod form;
pub mod parts;
pub mod redis;
pub mod stream;

pub use file::{FileBox, FileDeadLetters, OpenError};
pub use form::Unreadable;
pub use parts::{Gathering, Piece};
pub use redis::{RedisBox, RedisDeadLetters};
pub use stream::StreamDeadLetters;

/// Dead letters that can be looked at and taken out. It has a place that it was read to, and one reader.
///
/// Implementations: [`FileBox`] and [`RedisBox`].
#[async_trait]
pub trait LetterBox: Send {
    /// The next of them, oldest first, as many as are good to have in memory; none at the end. What is kept after the
    /// first call is not among them: whoever redrives must not follow letters that come back for ever.
    ///
    /// # Errors
    /// [`BoxError`]: nothing is lost, and another call may succeed.
    async fn next(&mut self) -> Result<Vec<Found>, BoxError>;

    /// Takes out lines that [`LetterBox::next`] gave, for good. Lines that are gone already are passed over, and what
    /// others keep meanwhile stays.
    ///
    /// # Errors
    /// [`BoxError`]: some of them may be gone.
    async fn take_out(&mut self, lines: &[Bytes]) -> Result<(), BoxError>;
}

/// One line of a box.
#[derive(Clone, Debug)]
pub struct Found {
    /// The line as it is kept.
    pub line: Bytes,
    /// The letter in it, or why there is none.
    pub letter: Result<DeadLetter, Unreadable>,
}

impl Found {
    fn of(line: Bytes) -> Self {
        let letter = form::read(&line).and_then(Piece::whole);
        Self { line, letter }
    }
}

/// A box could not be read or written: what went wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("dead letters cannot be got at: {0}")]
pub struct BoxError(pub String);

fn not_kept(error: &dyn std::fmt::Display) -> DeadLetterError {
    DeadLetterError(error.to_string())
}
