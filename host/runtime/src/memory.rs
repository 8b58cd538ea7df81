//! Holds one instance to its memory, and remembers when it wanted more.

use tidemill_engine::limits;
use wasmtime::ResourceLimiter;

/// The memory of one instance. All its linear memories count together, and so do all its tables.
#[derive(Debug)]
pub struct MemoryLimit {
    allowed: usize,
    taken: usize,
    elements_allowed: usize,
    elements: usize,
    refused: bool,
}

impl MemoryLimit {
    /// At most this many bytes, and this many elements of tables.
    pub fn new(allowed: usize, elements_allowed: usize) -> Self {
        Self { allowed, taken: 0, elements_allowed, elements: 0, refused: false }
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

    /// What the instance may have, for people.
    pub fn allowed(&self) -> String {
        format!("memory_bytes={} table_elements={}", self.allowed, self.elements_allowed)
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
        current: usize,
        desired: usize,
        _max: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let elements = self.elements.saturating_add(desired.saturating_sub(current));
        if elements > self.elements_allowed {
            self.refused = true;
            return Ok(false);
        }
        self.elements = elements;
        Ok(true)
    }

    fn instances(&self) -> usize {
        limits::INSTANCE_MODULES
    }

    fn tables(&self) -> usize {
        limits::INSTANCE_TABLES
    }

    fn memories(&self) -> usize {
        limits::INSTANCE_MEMORIES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_memories_count_together_and_so_do_all_tables() {
        let mut limit = MemoryLimit::new(100, 10);
        assert!(limit.memory_growing(0, 60, None).unwrap());
        assert!(!limit.memory_growing(0, 41, None).unwrap());
        assert!(limit.refused());
        limit.begin_call();
        assert!(limit.memory_growing(0, 40, None).unwrap());
        assert!(limit.table_growing(0, 6, None).unwrap());
        assert!(limit.table_growing(6, 9, None).unwrap());
        assert!(!limit.refused());
        assert!(!limit.table_growing(0, 2, None).unwrap());
        assert!(limit.refused());
    }
}
