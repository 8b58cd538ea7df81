//! One process of a worker: the real pipeline and the real producer, from start to end, crash or freeze.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use fastrand::Rng;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{
    diary::Check, governor::Governor, handler::SimulatedHandler, kinesis::SimulatedKinesis,
    leases::SimulatedLeases, letters::SimulatedLetters, scenario::StartAt, world::World,
};
use crate::{
    consumer::{
        DEFAULT_SINK, Pipeline, PipelineSettings, Progress, ReadMemory, ReaderSettings, SharingSettings,
    },
    kinesis::Kinesis,
    lease::{keeper::KeeperSettings, plan::Start},
    processor::Processor,
    producer::{Producer, ProducerSettings},
    task::{self, Task},
};

/// Tells the processes of a run apart, those of one worker too: "w2.3" is the third of the second worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ProcessId {
    pub worker: usize,
    pub number: usize,
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "w{}.{}", self.worker, self.number)
    }
}

/// A process. Dropping it is what `kill -9` does.
pub(super) struct Process {
    pub id: ProcessId,
    pub governor: Arc<Governor>,
    world: Arc<World>,
    stop: CancellationToken,
    progress: Arc<Progress>,
    task: Option<Task<()>>,
}

impl Process {
    /// Starts one.
    pub(super) fn start(world: &Arc<World>, id: ProcessId, random: &mut Rng) -> Self {
        let governor = Governor::new(random.u64(..), world.scenario.reorder);
        let (stop, progress) = (CancellationToken::new(), Arc::new(Progress::default()));
        world.diary().counts.started += 1;
        world.note(format_args!("{id} starts"));
        let life = Life {
            world: Arc::clone(world),
            id,
            random: random.fork(),
            stop: stop.clone(),
            progress: Arc::clone(&progress),
        };
        let task = governor.within(|| task::spawn("process", life.run()));
        Self { id, governor, world: Arc::clone(world), stop, progress, task: Some(task) }
    }

    /// Waits until it ended by itself.
    ///
    /// # Cancel safety
    /// Safe.
    pub(super) async fn ended(&mut self) {
        let Some(task) = &mut self.task else { return };
        // A panic is seen by the governor.
        let _ = task.await;
        self.task = None;
    }

    /// Asks it to stop, as a first signal does.
    pub(super) fn stop(&self) {
        self.world.note(format_args!("{} is told to stop", self.id));
        self.stop.cancel();
    }

    /// Waits until it ended, but not for ever. Answers whether it did.
    ///
    /// # Cancel safety
    /// Safe.
    pub(super) async fn ended_within(&mut self, span: Duration) -> bool {
        timeout(span, self.ended()).await.is_ok()
    }

    /// Whether it gave a shard up until it is started again.
    pub(super) fn gave_up(&self) -> bool {
        !self.progress.stopped().is_empty()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(name) = self.governor.panicked() {
            self.world.fail(Check::Panic, format!("the task {name} of {} panicked", self.id));
        }
        self.world.note(format_args!("{} is gone", self.id));
        self.world.is_gone(self.id);
    }
}

/// What runs in a process.
struct Life {
    world: Arc<World>,
    id: ProcessId,
    random: Rng,
    stop: CancellationToken,
    progress: Arc<Progress>,
}

impl Life {
    async fn run(mut self) {
        let (world, process) = (Arc::clone(&self.world), self.id);
        let clock = world.clock(&mut self.random);
        let kinesis: Arc<dyn Kinesis> = Arc::new(SimulatedKinesis { world: Arc::clone(&world), process });
        let sink = self.producer(&kinesis);
        let pipeline = Pipeline {
            settings: self.settings(),
            kinesis,
            leases: Arc::new(SimulatedLeases { world: Arc::clone(&world), process, clock }),
            processor: Arc::new(world.source_processor),
            handler: Arc::new(SimulatedHandler::new(Arc::clone(&world), process, self.random.u64(..))),
            sinks: Arc::new(BTreeMap::from([(DEFAULT_SINK.to_owned(), sink.clone())])),
            worker: self.name().as_str().into(),
            clock,
            progress: self.progress,
            memory: ReadMemory::default(),
            dead_letters: Some(Arc::new(SimulatedLetters { world: Arc::clone(&world), process })),
            control: Arc::default(),
        };
        match pipeline.run(self.stop).await {
            Ok(summary) => world.note(format_args!("{process} ends: done={}", summary.done)),
            Err(error) => world.note(format_args!("{process} ends: {error}")),
        }
        sink.close().await;
    }

    fn name(&self) -> String {
        if self.world.scenario.keeps_name {
            format!("worker-{}", self.id.worker)
        } else {
            self.id.to_string()
        }
    }

    fn settings(&self) -> PipelineSettings {
        let scenario = &self.world.scenario;
        let mut settings = PipelineSettings::new("simulated", self.world.source.clone());
        settings.start = match scenario.start {
            StartAt::Latest => Start::Latest,
            _ => self.world.starts_at().map_or(Start::TrimHorizon, Start::AtTimestamp),
        };
        settings.batch_records = scenario.batch_records;
        settings.batch_window = scenario.batch_window;
        settings.breaker = scenario.breaker;
        settings.lanes = scenario.lanes;
        settings.checkpointing = scenario.checkpointing;
        settings.retrieval = scenario.retrieval.clone();
        settings.sharing = SharingSettings {
            balance: scenario.balance,
            handover: scenario.handover,
            max_shards: scenario.max_shards,
        };
        settings.reader = ReaderSettings {
            limit: scenario.read_records,
            idle_interval: scenario.idle,
            ..ReaderSettings::default()
        };
        settings.keeper =
            KeeperSettings { failover: scenario.failover, checkpoint_interval: scenario.checkpoint_interval };
        settings.discovery_interval = scenario.discovery;
        settings
    }

    fn producer(&mut self, kinesis: &Arc<dyn Kinesis>) -> Producer {
        let settings = ProducerSettings {
            linger: self.world.scenario.linger,
            seed: self.random.u64(..),
            ..ProducerSettings::default()
        };
        let processor: Arc<dyn Processor> = Arc::new(self.world.sink_processor);
        Producer::start(settings, self.world.sink.clone(), Arc::clone(kinesis), processor)
    }
}
