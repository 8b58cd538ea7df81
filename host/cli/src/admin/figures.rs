//! `GET /metrics`: what is counted, as Prometheus reads it. `docs/operations.md` says what each figure means.

use std::sync::atomic::Ordering::Relaxed;

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tidemill_engine::consumer::Progress;

use super::status::Shown;
use crate::{deploying::desk::Desk, host::report::Totals};

/// Upper bounds of the buckets of guests' histograms: they cover seconds and bytes alike.
const BUCKETS: [f64; 13] =
    [0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0, 1_000_000.0, 10_000_000.0];

/// A figure that only grows: its name, its meaning, and where it is counted.
type Counted<Of> = (&'static str, &'static str, fn(&Of) -> u64);

/// What pipelines count.
const COUNTED: [Counted<Progress>; 11] = [
    ("tidemill_records_total", "Kinesis records read", |p| p.records.load(Relaxed)),
    ("tidemill_done_total", "User records whose outcome is known and acknowledged", |p| p.done.load(Relaxed)),
    ("tidemill_batches_total", "Batches handled", |p| p.batches.load(Relaxed)),
    ("tidemill_emitted_total", "Documents emitted", |p| p.emitted.load(Relaxed)),
    ("tidemill_failed_attempts_total", "Attempts at batches that failed", |p| {
        p.failed_attempts.load(Relaxed)
    }),
    ("tidemill_retries_total", "Attempts at records that were given before", |p| p.retries.load(Relaxed)),
    ("tidemill_bisected_total", "Calls with a part of a batch that failed", |p| p.bisected.load(Relaxed)),
    ("tidemill_dead_lettered_total", "Dead letters kept", |p| p.dead_lettered.load(Relaxed)),
    ("tidemill_dropped_total", "User records dropped", |p| p.dropped.load(Relaxed)),
    ("tidemill_rejected_total", "Records, or parts of them, that did not decode", |p| {
        p.rejected.load(Relaxed)
    }),
    ("tidemill_ended_shards_total", "Shards read to their end", |p| p.ended_shards.load(Relaxed)),
];

/// What producers have sent, all of a pipeline together.
const SENT: [Counted<Totals>; 4] = [
    ("tidemill_sent_entries_total", "Entries that the service has acknowledged", |t| t.entries),
    ("tidemill_sent_throttled_total", "Entries sent again because the service asked to slow down", |t| {
        t.throttled
    }),
    ("tidemill_sent_retried_total", "Entries sent again because something failed", |t| t.retried),
    ("tidemill_sent_expired_total", "Documents that were not on the stream in time", |t| t.expired),
];

/// Figures that go up and down.
const GAUGES: [(&str, &str); 6] = [
    ("tidemill_active_shards", "Shards being worked on"),
    ("tidemill_breaker_open", "Shards that pause because their handler keeps failing"),
    ("tidemill_stopped_shards", "Shards that are stopped until they are told to go on"),
    ("tidemill_generation", "The generation that all records meet, by part"),
    ("tidemill_candidate", "Whether a component is on trial, by part"),
    ("tidemill_refused", "Whether what is wanted was not let in, by part"),
];

/// Keeps what is counted.
pub struct Figures {
    recorder: Option<PrometheusRecorder>,
    handle: PrometheusHandle,
}

impl Figures {
    /// Begins to keep what guests count too, which needs to be the only one in the process.
    pub fn start() -> Self {
        let builder = PrometheusBuilder::new().set_buckets(&BUCKETS).expect("there are buckets");
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        let own = metrics::with_local_recorder(&recorder, || {
            describe();
            handle.clone()
        });
        // One that was there before keeps the guests' series; the pipelines' are kept here all the same.
        match metrics::set_global_recorder(recorder) {
            Ok(()) => Self { recorder: None, handle: own },
            Err(refused) => Self { recorder: Some(refused.into_inner()), handle: own },
        }
    }

    /// The text that Prometheus reads.
    pub fn text(&self, desk: &Desk, pipelines: &[Shown]) -> String {
        let note = || {
            pipelines.iter().for_each(of_pipeline);
            of_parts(desk);
        };
        match &self.recorder {
            Some(recorder) => metrics::with_local_recorder(recorder, note),
            None => note(),
        }
        self.handle.run_upkeep();
        self.handle.render()
    }
}

fn describe() {
    for (name, meaning, _) in COUNTED {
        describe_counter!(name, Unit::Count, meaning);
    }
    for (name, meaning, _) in SENT {
        describe_counter!(name, Unit::Count, meaning);
    }
    for (name, meaning) in GAUGES {
        describe_gauge!(name, Unit::Count, meaning);
    }
}

fn of_pipeline(shown: &Shown) {
    let labels = [("pipeline", shown.pipeline.clone()), ("stream", shown.stream.clone())];
    for (name, _, of) in COUNTED {
        counter!(name, &labels).absolute(of(&shown.progress));
    }
    let totals = Totals::of(&shown.producers);
    for (name, _, of) in SENT {
        counter!(name, &labels).absolute(of(&totals));
    }
    let values = [
        shown.progress.active_shards.load(Relaxed) as f64,
        shown.control.paused().len() as f64,
        shown.control.stopped().len() as f64,
    ];
    for ((name, _), value) in GAUGES.into_iter().zip(values) {
        gauge!(name, &labels).set(value);
    }
}

fn of_parts(desk: &Desk) {
    for place in &desk.places {
        let labels = [("pipeline", place.part.pipeline.clone()), ("part", place.part.role.clone())];
        let followed = place.status();
        let yes = |is: bool| f64::from(u8::from(is));
        gauge!("tidemill_generation", &labels).set(followed.slot.component.generation as f64);
        gauge!("tidemill_candidate", &labels).set(yes(followed.slot.candidate.is_some()));
        gauge!("tidemill_refused", &labels).set(yes(followed.refused.is_some()));
    }
}

impl std::fmt::Debug for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Figures")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_figure_is_documented_and_every_documented_one_is_there() {
        let page = include_str!("../../../../docs/operations.md");
        let documented: BTreeSet<&str> =
            page.lines().filter_map(|line| line.strip_prefix("| `tidemill_")?.split('`').next()).collect();
        let counted = COUNTED.map(|(name, ..)| name).into_iter().chain(SENT.map(|(name, ..)| name));
        let all = counted.chain(GAUGES.map(|(name, _)| name));
        let ours: BTreeSet<&str> = all.filter_map(|name| name.strip_prefix("tidemill_")).collect();
        assert_eq!(ours, documented);
    }
}
