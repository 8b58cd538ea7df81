//! Counts the calls of the host that a guest makes in one call of its own.

use thiserror::Error;

/// The calls that are left to a guest.
#[derive(Debug)]
pub struct CallBudget {
    allowed: u64,
    left: u64,
    is_spent: bool,
}

/// A guest called the host more often than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("more calls of the host than the limit, host_calls={allowed}")]
pub struct Spent {
    /// How often it may.
    pub allowed: u64,
}

impl CallBudget {
    /// So many calls.
    pub fn new(allowed: u64) -> Self {
        Self { allowed, left: allowed, is_spent: false }
    }

    /// Begins anew, at the start of a call.
    pub fn begin_call(&mut self) {
        *self = Self::new(self.allowed);
    }

    /// Counts a call that can be refused at once.
    pub fn count(&mut self) -> Result<(), Spent> {
        self.note();
        self.check()
    }

    /// Counts a call that cannot: WASI has no place for a trap of ours. The next [`CallBudget::check`] tells.
    pub fn note(&mut self) {
        self.is_spent |= self.left == 0;
        self.left = self.left.saturating_sub(1);
    }

    /// Whether there were too many.
    pub fn check(&self) -> Result<(), Spent> {
        if self.is_spent { Err(Spent { allowed: self.allowed }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_after_the_last_is_too_many_and_the_next_batch_begins_anew() {
        let mut budget = CallBudget::new(2);
        assert_eq!([budget.count(), budget.count()], [Ok(()), Ok(())]);
        assert_eq!(budget.count(), Err(Spent { allowed: 2 }));
        budget.begin_call();
        budget.note();
        budget.note();
        assert_eq!(budget.check(), Ok(()));
        budget.note();
        assert_eq!(budget.check(), Err(Spent { allowed: 2 }));
    }
}
