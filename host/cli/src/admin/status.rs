//! `GET /status`: how this host is, for programs and for `tidemill status`.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use serde_json::{Value, json};
use tidemill_engine::{
    consumer::{Control, PausedShard, Progress, StoppedShard},
    producer::Producer,
};

use crate::{deploying::desk::Desk, host::report::Totals};

/// What is shown of one pipeline and stream.
#[derive(Debug)]
pub struct Shown {
    /// The pipeline.
    pub pipeline: String,
    /// The stream that it reads.
    pub stream: String,
    /// What it has done.
    pub progress: Arc<Progress>,
    /// Its shards that wait.
    pub control: Arc<Control>,
    /// Its sinks.
    pub producers: Vec<Producer>,
}

impl Shown {
    /// As JSON.
    pub fn object(&self) -> Value {
        let progress = &self.progress;
        let Totals { entries, throttled, retried, expired, .. } = Totals::of(&self.producers);
        json!({
            "pipeline": self.pipeline,
            "stream": self.stream,
            "shards": progress.active_shards.load(Relaxed),
            "records": progress.records.load(Relaxed),
            "done": progress.done.load(Relaxed),
            "emitted": progress.emitted.load(Relaxed),
            "failed-attempts": progress.failed_attempts.load(Relaxed),
            "dead-lettered": progress.dead_lettered.load(Relaxed),
            "dropped": progress.dropped.load(Relaxed),
            "rejected": progress.rejected.load(Relaxed),
            "sent": { "entries": entries, "throttled": throttled, "retried": retried, "expired": expired },
            "paused": self.control.paused().iter().map(paused).collect::<Vec<_>>(),
            "stopped": self.control.stopped().iter().map(stopped).collect::<Vec<_>>(),
        })
    }
}

/// The whole host as JSON.
pub fn object(desk: &Desk, application: &str, uptime_seconds: u64, pipelines: &[Shown]) -> Value {
    let parts: Vec<Value> = desk.places.iter().map(|place| json!(place.status())).collect();
    json!({
        "application": application,
        "worker": desk.worker,
        "uptime-seconds": uptime_seconds,
        "pipelines": pipelines.iter().map(Shown::object).collect::<Vec<_>>(),
        "parts": parts,
    })
}

fn paused(PausedShard { shard, since, until, failures, reason }: &PausedShard) -> Value {
    json!({
        "shard": shard.as_str(), "since": since.0, "until": until.0, "failures": failures, "reason": reason,
    })
}

fn stopped(StoppedShard { shard, reason }: &StoppedShard) -> Value {
    json!({ "shard": shard.as_str(), "reason": reason })
}
