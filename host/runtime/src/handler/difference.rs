//! What differs in two outcomes of one batch.

use tidemill_engine::handler::{Emit, Failure, Outcome};

/// How another outcome differs from the one that counts, for people; none where both say the same.
pub fn difference(counts: &Outcome, other: &Outcome) -> Option<String> {
    let (emits, others) = (&counts.emits, &other.emits);
    let first = emits.iter().zip(others).position(|(emit, other)| emit != other);
    if let Some(at) = first {
        let differ = what_differs(&emits[at], &others[at]);
        return Some(format!("an emit has another {differ}, emit={at} of={}", emits.len()));
    }
    if emits.len() != others.len() {
        return Some(format!("emits are missing or more, emits={} stable={}", others.len(), emits.len()));
    }
    let sorted = |outcome: &Outcome| {
        let mut failures: Vec<Failure> = outcome.failures.clone();
        failures.sort_by_key(|failure| failure.index);
        failures
    };
    if counts.failures != other.failures && sorted(counts) != sorted(other) {
        let (failures, stable) = (other.failures.len(), counts.failures.len());
        return Some(format!("other records failed, or otherwise, failures={failures} stable={stable}"));
    }
    None
}

fn what_differs(emit: &Emit, other: &Emit) -> &'static str {
    if emit.data != other.data {
        "document"
    } else if emit.partition_key != other.partition_key {
        "partition key"
    } else if emit.explicit_hash_key != other.explicit_hash_key {
        "explicit hash key"
    } else {
        "sink"
    }
}

#[cfg(test)]
mod tests {
    use tidemill_engine::{handler::Disposition, hash::HashKey};

    use super::*;

    type Change<'a> = &'a dyn Fn(&mut Outcome);

    fn outcome(data: &'static str) -> Outcome {
        let emit = Emit { data: data.into(), partition_key: None, explicit_hash_key: None, sink: None };
        Outcome { emits: vec![emit], ..Outcome::default() }
    }

    #[test]
    fn outcomes_differ_in_what_is_sent_and_in_what_failed() {
        let changed = |change: Change<'_>| {
            let mut other = outcome("a");
            change(&mut other);
            difference(&outcome("a"), &other)
        };
        let drops = |index| Failure { index, disposition: Disposition::Drop };
        assert_eq!(changed(&|_| {}), None);
        let cases: [(Change<'_>, &str); 6] = [
            (&|other| other.emits[0].data = "b".into(), "another document, emit=0 of=1"),
            (&|other| other.emits[0].partition_key = Some("k".into()), "another partition key"),
            (&|other| other.emits[0].explicit_hash_key = Some(HashKey(1)), "another explicit hash key"),
            (&|other| other.emits[0].sink = Some("s".into()), "another sink"),
            (&|other| other.emits.clear(), "emits=0 stable=1"),
            (&|other| other.failures.push(drops(1)), "failures=1 stable=0"),
        ];
        for (change, expected) in cases {
            let found = changed(change).unwrap_or_default();
            assert!(found.contains(expected), "{found:?} does not say {expected:?}");
        }
        let failed = |indexes: [u32; 2]| Outcome { failures: indexes.map(drops).into(), ..outcome("a") };
        assert_eq!(difference(&failed([1, 2]), &failed([2, 1])), None, "failures have no order");
    }
}
