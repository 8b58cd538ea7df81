//! Something of the last calls, copied now and then.

use tidemill_engine::limits;
use tokio::time::Instant;

/// Remembers something of the last calls; a copy is made once in a while, as most calls are much alike.
#[derive(Clone, Debug)]
pub struct Recent<T> {
    what: Option<T>,
    at: Option<Instant>,
}

impl<T> Recent<T> {
    /// What is remembered.
    pub fn get(&self) -> Option<&T> {
        self.what.as_ref()
    }

    /// Remembers this in place of what is older than a while.
    pub fn renew(&mut self, copy: impl FnOnce() -> T) {
        let now = Instant::now();
        if self.at.is_none_or(|at| now.duration_since(at) >= limits::SAMPLE_INTERVAL) {
            self.what = Some(copy());
            self.at = Some(now);
        }
    }
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { what: None, at: None }
    }
}
