//! The host at work: one task a pipeline, and ingest, until a signal or until a pipeline cannot go on.

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
    consumer::{Pipeline, PipelineError, Progress, Summary},
    producer::Producer,
    task,
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{
    Host,
    pipeline::BuiltPipeline,
    report::{Totals, now_and_then},
};
use crate::{admin::Shown, exit::Exit, failure::Failure, ingest, signals};

/// What a pipeline did in its life.
#[derive(Debug)]
pub struct Ended {
    /// The pipeline's name.
    pub name: String,
    /// What it did.
    pub summary: Summary,
}

/// What the host did until it was stopped.
#[derive(Debug)]
pub struct Done {
    /// Each pipeline.
    pub pipelines: Vec<Ended>,
    /// Each stream of ingest.
    pub ingest: Vec<ingest::Ended>,
}

impl Done {
    /// Whether a shard had stopped, or a document that ingest had accepted is not on its stream.
    pub fn is_partial(&self) -> bool {
        self.pipelines.iter().any(|pipeline| !pipeline.summary.stopped.is_empty())
            || self.ingest.iter().any(ingest::Ended::has_losses)
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pipelines.iter().try_for_each(|ended| writeln!(f, "{ended}"))?;
        self.ingest.iter().try_for_each(|ended| writeln!(f, "{ended}"))
    }
}

/// What is reported of a pipeline at work.
struct Watched {
    pipeline: String,
    progress: Arc<Progress>,
    producers: Vec<Producer>,
}

/// One pipeline at work.
type Running = BoxFuture<'static, (String, Result<Summary, Failure>)>;

impl Host {
    /// Runs until `stop` is cancelled, or until a pipeline cannot go on, which stops the others too. What is in hand
    /// is finished within the grace period.
    pub async fn run(self, stop: CancellationToken) -> Result<Done, Failure> {
        let Self { pipelines, ingest, admin, following, surroundings, embedded, grace, .. } = self;
        let hangups = signals::hangups()?;
        let running = FuturesUnordered::<Running>::new();
        let (mut watched, mut shown) = (Vec::new(), Vec::new());
        let letters: Vec<Producer> = pipelines.iter().filter_map(BuiltPipeline::letters_producer).collect();
        for pipeline in pipelines.into_iter().flat_map(|pipeline| pipeline.start(&surroundings)) {
            let name = pipeline.settings.name.clone();
            shown.push(shown_of(&pipeline));
            watched.push(Watched {
                pipeline: name.clone(),
                progress: Arc::clone(&pipeline.progress),
                producers: pipeline.sinks.values().cloned().collect(),
            });
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
        let pipelines = within_grace(&stop, grace, async {
            let ended = wait(running, &stop).await;
            for producer in watched.iter().flat_map(|pipeline| &pipeline.producers).chain(&letters) {
                producer.close().await;
            }
            ended
        });
        let ingest = async {
            match ingest {
                Some(ingest) => ingest.run(grace).await,
                None => Vec::new(),
            }
        };
        let ended = CancellationToken::new();
        let admin = admin.map(|admin| {
            let desk = Arc::clone(&following.desk);
            admin.start(surroundings.application.as_str(), desk, shown, stop.clone(), ended.clone(), grace)
        });
        let work = async {
            let (pipelines, ingest) = futures::join!(pipelines, ingest);
            ended.cancel();
            if let Some(admin) = admin {
                // A panic was printed where it happened, and the rest of the host has ended in order.
                let _ = admin.await;
            }
            if let Some(local) = embedded {
                local.stop().await;
            }
            Ok(Done { pipelines: pipelines?, ingest })
        };
        tokio::select! {
            biased;
            done = work => done,
            () = now_and_then(|| report(&watched)) => unreachable!("it reports for ever"),
            () = following.run(hangups, stop.clone()) => unreachable!("it follows for ever"),
        }
    }
}

/// What the admin API shows of a pipeline.
fn shown_of(pipeline: &Pipeline) -> Shown {
    // Where a pipeline reads several streams, their names stand behind its own.
    let name = pipeline.settings.name.split('/').next().unwrap_or_default();
    Shown {
        pipeline: name.to_owned(),
        stream: pipeline.settings.stream.name().to_owned(),
        progress: Arc::clone(&pipeline.progress),
        control: Arc::clone(&pipeline.control),
        producers: pipeline.sinks.values().cloned().collect(),
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

async fn within_grace<T>(
    stop: &CancellationToken,
    grace: Duration,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let out_of_time = async {
        stop.cancelled().await;
        sleep(grace).await;
    };
    tokio::select! {
        biased;
        done = work => done,
        () = out_of_time => Err(not_drained(grace)),
    }
}

fn not_drained(grace: Duration) -> Failure {
    let message =
        format!("the work in hand was not finished in time: grace={}", humantime::format_duration(grace));
    Failure::new(Exit::Partial, message).help(
        "nothing is lost: what was not checkpointed is handled again at the next start; a longer `grace` in the \
         settings gives slow handlers time",
    )
}

fn report(watched: &[Watched]) {
    for Watched { pipeline, progress, producers } in watched {
        let Totals { entries, throttled, retried, expired, wrong_shard } = Totals::of(producers);
        tracing::info!(
            %pipeline,
            records = progress.records.load(Relaxed),
            done = progress.done.load(Relaxed),
            emitted = progress.emitted.load(Relaxed),
            failed_attempts = progress.failed_attempts.load(Relaxed),
            dead_lettered = progress.dead_lettered.load(Relaxed),
            shards = progress.active_shards.load(Relaxed),
            entries,
            throttled,
            retried,
            expired,
            wrong_shard,
            "so far"
        );
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { records, done, emitted, dropped, rejected, dead_lettered, .. } = &self.summary;
        let Summary { misplaced, passed_over, stopped, .. } = &self.summary;
        let name = &self.name;
        write!(
            f,
            "pipeline {name}: kinesis-records={records} done={done} emitted={emitted} dropped={dropped} rejected={rejected}"
        )?;
        if *dead_lettered > 0 {
            write!(f, " dead-lettered={dead_lettered}")?;
        }
        if *misplaced > 0 {
            write!(f, " misplaced={misplaced} passed-over={passed_over}")?;
        }
        stopped.iter().try_for_each(|at| write!(f, "\n  stopped at shard {}: {}", at.shard, at.reason))
    }
}
