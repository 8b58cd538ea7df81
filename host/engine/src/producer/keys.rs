//! Hash keys of partition keys, remembered: an application has far fewer keys than documents.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::{hash::HashKey, limits};

/// Remembers a bounded number of hash keys.
#[derive(Debug)]
pub(super) struct HashKeys {
    /// Copies, because a key may be a part of something large that must not stay for it.
    known: HashMap<Box<str>, HashKey, FixedState>,
}

impl HashKeys {
    /// The seed decides where keys lie in memory, so that nobody outside can make them collide.
    pub(super) fn new(seed: u64) -> Self {
        Self { known: HashMap::with_hasher(FixedState::with_seed(seed)) }
    }

    /// The hash key of a partition key.
    pub(super) fn of(&mut self, partition_key: &str) -> HashKey {
        if let Some(hash) = self.known.get(partition_key) {
            return *hash;
        }
        if self.known.len() >= limits::REMEMBERED_KEYS {
            self.known.clear();
        }
        let hash = HashKey::of(partition_key);
        self.known.insert(partition_key.into(), hash);
        hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_same_hash_however_often_it_comes_and_memory_is_bounded() {
        let mut keys = HashKeys::new(1);
        for number in 0..limits::REMEMBERED_KEYS * 2 + 1 {
            let key = (number % (limits::REMEMBERED_KEYS + 1)).to_string();
            assert_eq!(keys.of(&key), HashKey::of(&key));
            assert!(keys.known.len() <= limits::REMEMBERED_KEYS);
        }
    }
}
