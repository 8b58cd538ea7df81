//! Bugs on purpose: what a simulation has to find, or its silence proves nothing.
//!
//! Each is a mistake that is easily made at the place that asks for it. Without the feature `simulation` none can be
//! planted, and the question costs nothing.

/// A mistake that can be planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A checkpoint moves when the handler is done, and not when what it emitted is on its stream.
    CheckpointBeforeAck,
    /// A keeper that is told that its lease is lost reads the lease and writes all the same.
    UnfencedWrite,
    /// Of the two parents of a merged shard only the first has to be at its end.
    ChildBeforeAdjacentParent,
    /// After an iterator expired, reading goes on at the tip instead of after the last record given out.
    IteratorPastUndelivered,
    /// Whether a lease expired is told by dates, the writer's and the reader's.
    WallClockExpiry,
    /// A shard is marked as ended before the shards that follow have their leases.
    EndBeforeChildren,
    /// A checkpoint in the middle of an aggregated record covers the whole of it.
    WholeRecordCheckpoint,
    /// A worker that lost a lease goes on handling its shard.
    DeafToLoss,
    /// A lease is given back while documents that were emitted are not on their stream yet.
    ReleaseBeforeDrain,
    /// A record that is given up counts as done when its dead letter is on its way, and not when it is kept.
    CheckpointBeforeLetter,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::CheckpointBeforeAck,
        Self::UnfencedWrite,
        Self::ChildBeforeAdjacentParent,
        Self::IteratorPastUndelivered,
        Self::WallClockExpiry,
        Self::EndBeforeChildren,
        Self::WholeRecordCheckpoint,
        Self::DeafToLoss,
        Self::ReleaseBeforeDrain,
        Self::CheckpointBeforeLetter,
    ];
}

/// Whether this bug is planted.
#[cfg(any(test, feature = "simulation"))]
pub(crate) fn planted(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// Whether this bug is planted, which it never is here.
#[cfg(not(any(test, feature = "simulation")))]
pub(crate) const fn planted(_: Bug) -> bool {
    false
}

#[cfg(any(test, feature = "simulation"))]
thread_local! {
    /// A simulated run stays on one thread, so runs beside it are not touched.
    static PLANTED: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Plants one bug, or none, on this thread until the guard is dropped.
#[cfg(any(test, feature = "simulation"))]
#[must_use]
pub(crate) fn plant(bug: Option<Bug>) -> Planted {
    Planted { before: PLANTED.replace(bug) }
}

/// Digs a bug out again when dropped.
#[cfg(any(test, feature = "simulation"))]
#[derive(Debug)]
pub(crate) struct Planted {
    before: Option<Bug>,
}

#[cfg(any(test, feature = "simulation"))]
impl Drop for Planted {
    fn drop(&mut self) {
        PLANTED.set(self.before);
    }
}
