//! What is counted of a generation, and what the figures say of it.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tidemill_engine::limits;

use crate::settings::RolloutSettings;

/// Counts the batches of one generation.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Counts>);

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Batches, or calls of a processor.
    pub batches: u64,
    /// Of these, those that failed.
    pub failed: u64,
    /// Records in the others.
    pub records: u64,
    /// What the others took, in nanoseconds.
    pub nanos: u64,
}

impl Tally {
    /// Counts a batch that was handled, of so many records.
    pub fn handled(&self, records: usize, took: Duration) {
        let mut counts = self.lock();
        counts.batches += 1;
        counts.records += records as u64;
        counts.nanos += u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
    }

    /// Counts a batch that failed.
    pub fn failed(&self) {
        let mut counts = self.lock();
        counts.batches += 1;
        counts.failed += 1;
    }

    /// Takes back a batch that failed: it failed elsewhere too, so it says nothing of this generation.
    pub fn excuse(&self) {
        let mut counts = self.lock();
        counts.batches = counts.batches.saturating_sub(1);
        counts.failed = counts.failed.saturating_sub(1);
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// What was counted after that.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            batches: self.batches.saturating_sub(earlier.batches),
            failed: self.failed.saturating_sub(earlier.failed),
            records: self.records.saturating_sub(earlier.records),
            nanos: self.nanos.saturating_sub(earlier.nanos),
        }
    }

    /// Mean time of a record, in nanoseconds; 0 where there was none.
    pub fn nanos_per_record(&self) -> u64 {
        self.nanos.checked_div(self.records).unwrap_or(0)
    }

    /// Batches that failed, in percent of so many.
    fn errors_percent_of(&self, batches: u64) -> f64 {
        if batches == 0 { 0.0 } else { self.failed as f64 * 100.0 / batches as f64 }
    }
}

/// Why the newcomer has to go, with the figures; none while nothing speaks against it.
///
/// It may fail as often as the incumbent did and `max_error_percent` more. Before there are `min_batches` they are held
/// against so many, so that one failure in two batches is no verdict and many failures need not wait for more batches.
pub fn trouble(newcomer: &Counts, incumbent: &Counts, settings: &RolloutSettings) -> Option<String> {
    let RolloutSettings { max_error_percent, max_slowdown, min_batches, .. } = *settings;
    let percent = newcomer.errors_percent_of(newcomer.batches.max(min_batches));
    let before = incumbent.errors_percent_of(incumbent.batches.max(min_batches));
    if percent > max_error_percent + before {
        let Counts { batches, failed, .. } = newcomer;
        return Some(format!(
            "too many batches failed, failed={failed} batches={batches} errors={percent:.1}% before={before:.1}% \
             allowed={:.1}%",
            max_error_percent + before
        ));
    }
    let has_enough = |counts: &Counts| counts.batches - counts.failed >= min_batches && counts.records > 0;
    if !has_enough(newcomer) || !has_enough(incumbent) {
        return None;
    }
    let (nanos, before) = (newcomer.nanos_per_record(), incumbent.nanos_per_record());
    let is_slow = nanos > limits::SLOW_RECORD_NANOS && nanos as f64 > before as f64 * max_slowdown;
    is_slow.then(|| {
        format!(
            "a record takes too long, nanos_per_record={nanos} before={before} allowed={max_slowdown}x batches={}",
            newcomer.batches
        )
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn settings() -> RolloutSettings {
        RolloutSettings {
            max_error_percent: 5.0,
            max_slowdown: 3.0,
            min_batches: 100,
            ..RolloutSettings::default()
        }
    }

    fn counts(batches: u64, failed: u64, micros_per_record: u64) -> Counts {
        let records = (batches - failed) * 10;
        Counts { batches, failed, records, nanos: records * micros_per_record * 1_000 }
    }

    #[test]
    fn a_newcomer_is_judged_by_its_failures_and_its_pace() {
        let cases = [
            ("nothing was counted", counts(0, 0, 0), counts(0, 0, 0), None),
            ("all is well", counts(1_000, 0, 20), counts(1_000, 0, 20), None),
            ("one failure of two is no verdict", counts(2, 1, 20), counts(0, 0, 0), None),
            ("five of a hundred are allowed", counts(100, 5, 20), counts(1_000, 0, 20), None),
            ("six are not", counts(100, 6, 20), counts(1_000, 0, 20), Some("errors=6.0%")),
            ("six at once are enough", counts(6, 6, 20), counts(1_000, 0, 20), Some("failed=6 batches=6")),
            ("the incumbent failed as well", counts(100, 6, 20), counts(1_000, 20, 20), None),
            ("not as often", counts(100, 8, 20), counts(1_000, 20, 20), Some("before=2.0%")),
            ("thrice as slow is allowed", counts(100, 0, 60), counts(100, 0, 20), None),
            ("slower is not", counts(100, 0, 61), counts(100, 0, 20), Some("nanos_per_record=61000")),
            ("too few batches to tell", counts(99, 0, 99), counts(100, 0, 20), None),
            ("too few before to tell", counts(100, 0, 99), counts(99, 0, 20), None),
            ("quick enough for any stream", counts(100, 0, 9), counts(100, 0, 1), None),
        ];
        for (name, newcomer, incumbent, expected) in cases {
            let found = trouble(&newcomer, &incumbent, &settings());
            match expected {
                None => assert_eq!(found, None, "{name}"),
                Some(words) => {
                    assert!(found.as_ref().is_some_and(|why| why.contains(words)), "{name}: {found:?}");
                }
            }
        }
    }

    #[test]
    fn a_batch_that_failed_elsewhere_too_is_as_if_it_never_was() {
        let tally = Tally::default();
        tally.handled(3, Duration::from_nanos(30));
        tally.failed();
        tally.excuse();
        assert_eq!(tally.counts(), Counts { batches: 1, failed: 0, records: 3, nanos: 30 });
        assert_eq!(tally.counts().nanos_per_record(), 10);
    }

    fn any_counts() -> impl Strategy<Value = Counts> {
        (0_u64..500, 0_u64..500, 0_u64..1_000)
            .prop_map(|(batches, failed, micros)| counts(batches, failed.min(batches), micros))
    }

    proptest! {
        #[test]
        fn what_failed_no_more_and_took_no_longer_stays(incumbent in any_counts(), better in 0_u64..500) {
            let failed = incumbent.failed.saturating_sub(better);
            let newcomer = Counts { failed, ..incumbent };
            prop_assert_eq!(trouble(&newcomer, &incumbent, &settings()), None);
        }

        #[test]
        fn one_more_failure_never_mends_a_verdict(newcomer in any_counts(), incumbent in any_counts()) {
            let worse = Counts { batches: newcomer.batches + 1, failed: newcomer.failed + 1, ..newcomer };
            let percent = |counts: &Counts| counts.errors_percent_of(counts.batches.max(100));
            prop_assert!(percent(&worse) >= percent(&newcomer));
            if trouble(&newcomer, &incumbent, &settings()).is_some_and(|why| why.starts_with("too many")) {
                prop_assert!(trouble(&worse, &incumbent, &settings()).is_some());
            }
        }
    }
}
