//! Holds one instance to its memory, and remembers when it wanted more.

use tidemill_engine::limits;
use wasmtime::ResourceLimiter;

/// The memory of one instance. All its linear memories count together.
#[derive(Debug)]
pub struct MemoryLimit {
    allowed: usize,
    taken: usize,
    refused: bool,
}

impl MemoryLimit {
    /// At most this many bytes.
    pub fn new(allowed: usize) -> Self {
        Self { allowed, taken: 0, refused: false }
    }

    /// Forgets refusals, at the start of a call.
    pub fn begin_call(&mut self) {
        self.refused = false;
    }

    /// Whether the guest asked for more than it may have. A guest that is refused memory aborts with an ordinary
    /// trap, so this is the only way to tell.
    pub fn refused(&self) -> bool {
        self.refused
    }

    /// Bytes that the instance may have.
    pub fn allowed(&self) -> usize {
        self.allowed
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _max: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let taken = self.taken.saturating_add(desired.saturating_sub(current));
        if taken > self.allowed {
            self.refused = true;
            return Ok(false);
        }
        self.taken = taken;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _max: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let granted = desired <= limits::INSTANCE_TABLE_ELEMENTS;
        self.refused |= !granted;
        Ok(granted)
    }
}
