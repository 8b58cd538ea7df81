//! A batch divided among two generations by partition key, and their outcomes put together again.

use tidemill_engine::{
    batch::{Batch, Documents},
    handler::{Failure, Outcome},
    hash::HashKey,
};

/// Which records of a batch go to the newer generation, and which to the older.
#[derive(Debug, PartialEq, Eq)]
pub struct Division {
    new: Vec<u32>,
    old: Vec<u32>,
}

impl Division {
    /// Divides by partition keys. A key is always on the same side, on every host and after every start, and one that is
    /// on the newer side stays there when the percentage grows.
    pub fn by_key(documents: &Documents, percent: u8) -> Self {
        let (mut new, mut old) = (Vec::new(), Vec::new());
        let mut last: Option<(&str, bool)> = None;
        for (position, at) in (0..documents.len()).zip(0..) {
            let key = documents.partition_key(position);
            let is_new = match last {
                Some((last, is_new)) if last == key => is_new,
                _ => is_new(key, percent),
            };
            last = Some((key, is_new));
            if is_new { new.push(at) } else { old.push(at) }
        }
        Self { new, old }
    }

    /// Whether the older generation has nothing to do. A batch without records is its.
    pub fn is_all_new(&self) -> bool {
        self.old.is_empty() && !self.new.is_empty()
    }

    /// The records for the newer generation, if there are any.
    pub fn new_part(&self, batch: &Batch) -> Option<Batch> {
        part(batch, &self.new)
    }

    /// The records for the older generation, if there are any.
    pub fn old_part(&self, batch: &Batch) -> Option<Batch> {
        part(batch, &self.old)
    }

    /// One outcome of both. The emits of a partition key are from one of them, and so in order. Nothing is claimed as
    /// done: neither knows how far the other is.
    pub fn joined(&self, of_new: Outcome, of_old: Outcome) -> Outcome {
        let placed = |failures: Vec<Failure>, positions: &[u32]| {
            let place = |failure: Failure| Failure { index: positions[failure.index as usize], ..failure };
            failures.into_iter().map(place).collect::<Vec<_>>()
        };
        let mut failures = placed(of_old.failures, &self.old);
        failures.extend(placed(of_new.failures, &self.new));
        let mut emits = of_old.emits;
        emits.extend(of_new.emits);
        Outcome { emits, failures, checkpoint: None, by: of_old.by }
    }
}

/// Whether a partition key is among so many of a hundred: by the rest of its MD5 hash, which says nothing of the shard, as
/// that is decided by the hash's first digits.
fn is_new(key: &str, percent: u8) -> bool {
    HashKey::of(key).0 % 100 < u128::from(percent)
}

fn part(batch: &Batch, positions: &[u32]) -> Option<Batch> {
    (!positions.is_empty()).then(|| batch.lane(batch.info.lane, positions))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tidemill_engine::{
        handler::{Disposition, Emit},
        record::Record,
        time::UnixMillis,
    };

    use super::*;

    fn documents(keys: impl IntoIterator<Item = String>) -> Documents {
        let record = |(at, key): (usize, String)| Record {
            sequence: (at + 1).to_string().try_into().unwrap(),
            partition_key: key.into(),
            data: Bytes::from(at.to_string()),
            arrival: UnixMillis(0),
        };
        Documents::of_records(&keys.into_iter().enumerate().map(record).collect::<Vec<_>>())
    }

    #[test]
    fn keys_are_divided_the_same_everywhere_and_for_ever() {
        let among: Vec<usize> = (0..40).filter(|at| is_new(&format!("key-{at}"), 30)).collect();
        assert_eq!(among, AMONG_30, "hosts of other versions divide alike");
        let keys = || (0..10_000).map(|at| format!("customer-{at}"));
        let mut before = 0;
        for percent in [0, 1, 10, 50, 99, 100] {
            let new = keys().filter(|key| is_new(key, percent)).count();
            let expected = usize::from(percent) * 100;
            assert!(new.abs_diff(expected) < 200, "{percent} %: {new} of 10,000");
            assert!(keys().filter(|key| is_new(key, percent)).count() >= before);
            before = new;
        }
        assert!(
            keys().all(|key| !is_new(&key, 10) || is_new(&key, 50)),
            "none comes back when the share grows"
        );
        assert!(keys().all(|key| is_new(&key, 100)) && keys().all(|key| !is_new(&key, 0)));
    }

    /// Numbers of keys among the first 30 percent.
    const AMONG_30: [usize; 9] = [3, 6, 8, 12, 14, 17, 20, 22, 34];

    #[test]
    fn a_division_is_exact_and_its_outcomes_find_their_records_again() {
        let documents = documents((0..40).map(|at| format!("key-{}", at % 8)));
        let division = Division::by_key(&documents, 30);
        let mut all: Vec<u32> = division.new.iter().chain(&division.old).copied().collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..40));
        assert!(division.new.is_sorted() && division.old.is_sorted());
        let emit = |name: &'static str| Emit {
            data: name.into(),
            partition_key: None,
            explicit_hash_key: None,
            sink: None,
        };
        let outcome = |name, index| Outcome {
            emits: vec![emit(name)],
            failures: vec![Failure { index, disposition: Disposition::Drop }],
            checkpoint: Some(1),
            by: None,
        };
        let joined = division.joined(outcome("new", 1), outcome("old", 2));
        let failed: Vec<u32> = joined.failures.iter().map(|failure| failure.index).collect();
        assert_eq!(failed, [division.old[2], division.new[1]]);
        assert_eq!(joined.emits, [emit("old"), emit("new")]);
        assert_eq!(joined.checkpoint, None);
    }

    #[test]
    fn nothing_is_the_older_ones() {
        let nothing = Division::by_key(&documents([]), 100);
        assert!(!nothing.is_all_new());
        assert!(Division::by_key(&documents(["a".to_owned()]), 100).is_all_new());
    }
}
