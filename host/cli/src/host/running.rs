//! The host at work: one task a pipeline, until a signal or until a pipeline cannot go on.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use futures::{
    FutureExt,
    future::BoxFuture,
    stream::{FuturesUnordered, StreamExt},
};
use tidemill_engine::{
    consumer::{PipelineError, Progress, Summary},
    limits,
    producer::Producer,
    task,
};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::Host;
use crate::{exit::Exit, failure::Failure};

/// What a pipeline did in its life.
#[derive(Debug)]
pub struct Ended {
    /// The pipeline's name.
    pub name: String,
    /// What it did.
    pub summary: Summary,
}

/// One pipeline at work.
type Running = BoxFuture<'static, (String, Result<Summary, Failure>)>;

impl Host {
    /// Runs until `stop` is cancelled, or until a pipeline cannot go on, which stops the others too. What is in hand
    /// is finished within the grace period.
    pub async fn run(self, stop: CancellationToken) -> Result<Vec<Ended>, Failure> {
        let Self { pipelines, surroundings, embedded, grace } = self;
        let running = FuturesUnordered::<Running>::new();
        let mut watched = Vec::new();
        let mut producers: Vec<Producer> = Vec::new();
        for pipeline in pipelines {
            let pipeline = pipeline.start(&surroundings);
            let name = pipeline.settings.name.clone();
            watched.push((name.clone(), Arc::clone(&pipeline.progress)));
            producers.extend(pipeline.sinks.values().cloned());
            // The span is how every line of the log says which pipeline it is about.
            let span = tracing::info_span!("pipeline", %name);
            let work = task::spawn("pipeline", pipeline.run(stop.clone()).instrument(span));
            running.push(
                work.map(move |ended| {
                    let result = sorted(&name, ended);
                    (name, result)
                })
                .boxed(),
            );
        }
        let work = async {
            let ended = wait(running, &stop).await;
            for producer in &producers {
                producer.close().await;
            }
            if let Some(local) = embedded {
                local.stop().await;
            }
            ended
        };
        tokio::select! {
            biased;
            ended = work => ended,
            () = out_of_time(&stop, grace) => Err(not_drained(grace)),
            () = report(&watched) => unreachable!("it reports for ever"),
        }
    }
}

/// Waits for all pipelines. The first that cannot go on stops the others and is what is told.
async fn wait(
    mut running: FuturesUnordered<Running>,
    stop: &CancellationToken,
) -> Result<Vec<Ended>, Failure> {
    let mut ended = Vec::new();
    let mut first_failure = None;
    while let Some((name, result)) = running.next().await {
        match result {
            Ok(summary) => ended.push(Ended { name, summary }),
            Err(failure) => {
                stop.cancel();
                first_failure.get_or_insert(failure);
            }
        }
    }
    ended.sort_by(|a, b| a.name.cmp(&b.name));
    first_failure.map_or(Ok(ended), Err)
}

fn sorted(
    name: &str,
    ended: Result<Result<Summary, PipelineError>, impl std::error::Error>,
) -> Result<Summary, Failure> {
    match ended {
        Ok(result) => result.map_err(|error| Failure::of_pipeline(name, &error)),
        Err(panicked) => {
            let message = format!("a bug in tidemill ended pipeline={name}: {panicked}");
            Err(Failure::new(Exit::Unexpected, message).help("please report it with the output above"))
        }
    }
}

async fn out_of_time(stop: &CancellationToken, grace: Duration) {
    stop.cancelled().await;
    sleep(grace).await;
}

fn not_drained(grace: Duration) -> Failure {
    let message =
        format!("the work in hand was not finished in time: grace={}", humantime::format_duration(grace));
    Failure::new(Exit::Partial, message).help(
        "nothing is lost: what was not checkpointed is handled again at the next start; a longer `grace` in the \
         settings gives slow handlers time",
    )
}

async fn report(watched: &[(String, Arc<Progress>)]) {
    let mut ticks = interval(limits::REPORT_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        for (pipeline, progress) in watched {
            tracing::info!(
                %pipeline,
                records = progress.records.load(Relaxed),
                done = progress.done.load(Relaxed),
                emitted = progress.emitted.load(Relaxed),
                failed_attempts = progress.failed_attempts.load(Relaxed),
                shards = progress.active_shards.load(Relaxed),
                "so far"
            );
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { records, done, emitted, dropped, rejected, misplaced, passed_over, stopped } =
            &self.summary;
        let name = &self.name;
        write!(
            f,
            "pipeline {name}: kinesis-records={records} done={done} emitted={emitted} dropped={dropped} rejected={rejected}"
        )?;
        if *misplaced > 0 {
            write!(f, " misplaced={misplaced} passed-over={passed_over}")?;
        }
        stopped.iter().try_for_each(|at| write!(f, "\n  stopped at shard {}: {}", at.shard, at.reason))
    }
}
