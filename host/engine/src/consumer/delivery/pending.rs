//! The records of a batch that have no outcome yet, and in what order they are given next.
//!
//! What is given next lies before everything that waits, so that a record is never given while one before it waits for
//! its outcome: not when some are given again, and not when a batch is halved to find the one that is to blame.

/// The records of a batch without an outcome.
#[derive(Debug)]
pub(super) struct Pending {
    /// The last is next.
    parts: Vec<Part>,
}

/// Records of a batch that are given in one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Positions in the batch, in order.
    pub positions: Vec<u32>,
    /// Which attempt at them it is, from 1.
    pub attempt: u32,
    /// Whether it is half of a part that failed, which is not given again when it fails too.
    pub is_half: bool,
}

impl Pending {
    /// All records of a batch, in one part, though there may be none.
    pub(super) fn all(count: usize) -> Self {
        let positions = (0..).take(count).collect();
        Self { parts: vec![Part { positions, attempt: 1, is_half: false }] }
    }

    /// What is given next.
    pub(super) fn next(&mut self) -> Option<Part> {
        self.parts.pop()
    }

    /// Has these given before all others, which lie behind them.
    pub(super) fn put(&mut self, part: Part) {
        self.parts.push(part);
    }

    /// Has both halves of a part given, one after the other; a single record alone once more.
    pub(super) fn halve(&mut self, part: Part) {
        let Part { mut positions, attempt, .. } = part;
        let behind = positions.split_off(positions.len().div_ceil(2));
        if !behind.is_empty() {
            self.put(Part { positions: behind, attempt, is_half: true });
        }
        self.put(Part { positions, attempt, is_half: true });
    }

    /// The first record that waits.
    pub(super) fn first(&self) -> Option<u32> {
        self.parts.last().and_then(|part| part.positions.first().copied())
    }

    /// Leaves away a record and all behind it.
    pub(super) fn end_before(&mut self, position: u32) {
        self.parts.iter_mut().for_each(|part| part.positions.retain(|at| *at < position));
        self.parts.retain(|part| !part.positions.is_empty());
    }
}

impl Part {
    /// The first of its records; 0 where it has none.
    pub(super) fn first(&self) -> u32 {
        self.positions.first().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn halving_finds_exactly_the_bad_records_and_gives_all_others_once_and_in_order(
            count in 1_usize..300,
            bad in proptest::collection::btree_set(0_u32..300, 0..12),
        ) {
            let mut pending = Pending::all(count);
            let (mut found, mut given) = (Vec::new(), Vec::new());
            let mut calls = 0;
            while let Some(part) = pending.next() {
                calls += 1;
                prop_assert!(pending.first().is_none_or(|next| part.positions.iter().all(|at| *at < next)));
                if !part.positions.iter().any(|at| bad.contains(at)) {
                    given.extend(part.positions);
                } else if part.positions.len() > 1 {
                    pending.halve(part);
                } else {
                    found.extend(part.positions);
                }
            }
            let all = 0..u32::try_from(count).unwrap();
            let (expected, rest): (Vec<u32>, Vec<u32>) = all.partition(|at| bad.contains(at));
            let depth = count.next_power_of_two().ilog2() as usize;
            prop_assert!(calls <= 1 + 2 * depth * expected.len());
            prop_assert_eq!(found, expected);
            prop_assert_eq!(given, rest);
        }
    }

    #[test]
    fn what_lies_behind_an_end_is_left_away() {
        let mut pending = Pending::all(8);
        let whole = pending.next().unwrap();
        pending.halve(whole);
        pending.end_before(6);
        assert_eq!(pending.first(), Some(0));
        pending.end_before(2);
        assert_eq!(pending.next().unwrap().positions, [0, 1]);
        assert_eq!(pending.next(), None);
    }
}
