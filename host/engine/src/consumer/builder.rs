//! The consumer as programs that embed the engine put it together.

use std::{collections::BTreeMap, fmt, sync::Arc};

use tokio_util::sync::CancellationToken;

use super::{
    DEFAULT_SINK,
    control::Control,
    pipeline::{Pipeline, PipelineError, PipelineSettings, Summary},
    progress::Progress,
    source::ReadMemory,
};
use crate::{
    dead_letter::DeadLetters,
    handler::Handler,
    kinesis::Kinesis,
    lease::{LeaseStore, WorkerId, memory::MemoryLeases, plan::Start},
    native::NativeProcessor,
    processor::Processor,
    producer::Producer,
    stream::StreamRef,
    time::Clock,
};

/// Reads one stream, batch after batch, from all of its shards at once: a [`Pipeline`] with defaults.
///
/// Without more, each Kinesis record is one document, the stream is read from its oldest record on, and leases
/// are forgotten with the consumer: whoever runs more than one worker, or wants to go on where it stopped, gives it
/// a lease store that lasts.
///
/// ```
/// # use std::{error::Error, sync::Arc, time::Duration};
/// use tidemill_engine::{
///     Consumer, Producer,
///     batch::Batch,
///     handler::{AsyncHandlerFn, HandlerError, Outcome},
///     lease::{memory::MemoryLeases, plan::Start},
///     native::NativeProcessor,
///     producer::ProducerSettings,
/// };
/// # use tidemill_engine::{kinesis::{Kinesis, StreamMode, memory}, processor::Document, time::Clock};
/// # use tokio_util::sync::CancellationToken;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn Error>> {
/// # let kinesis: Arc<dyn Kinesis> =
/// #     Arc::new(memory::MemoryKinesis::new(Clock::system(), memory::Settings::default()));
/// # for stream in ["orders", "orders-late"] {
/// #     kinesis.create_stream(&stream.parse()?, StreamMode::Provisioned { shards: 1 }).await?;
/// # }
/// # let json = NativeProcessor::named("json").ok_or("no such preset")?;
/// # let orders = Producer::start(ProducerSettings::default(), "orders".parse()?, Arc::clone(&kinesis), Arc::new(json));
/// # orders.put(Document::from("{\"order\": 1}")).await?;
/// # orders.close().await;
/// # let stop = CancellationToken::new();
/// # let enough = stop.clone();
/// let json = Arc::new(NativeProcessor::named("json").ok_or("no such preset")?);
/// let late = Producer::open(ProducerSettings::default(), "orders-late".parse()?, Arc::clone(&kinesis), json.clone());
///
/// let summary = Consumer::new("orders".parse()?, kinesis)
///     .processor(json)
///     .leases(Arc::new(MemoryLeases::default()))
///     .start_at(Start::TrimHorizon)
///     .sink("late", late.await?)
///     .with(|settings| settings.batch_records = 100)
///     .run(
///         AsyncHandlerFn(move |batch: Batch| {
/// #           let enough = enough.clone();
///             async move {
///                 tokio::time::sleep(Duration::from_millis(10)).await; // such as a call of a database
/// #               enough.cancel();
///                 if batch.documents().is_empty() {
///                     return Err(HandlerError::failed("orders", "there is nothing in the batch"));
///                 }
///                 Ok(Outcome::default())
///             }
///         }),
///         stop,
///     )
///     .await?;
/// assert_eq!(summary.done, 1);
/// # Ok(())
/// # }
/// ```
pub struct Consumer {
    settings: PipelineSettings,
    kinesis: Arc<dyn Kinesis>,
    leases: Arc<dyn LeaseStore>,
    processor: Arc<dyn Processor>,
    sinks: BTreeMap<String, Producer>,
    worker: WorkerId,
    clock: Clock,
    progress: Arc<Progress>,
    memory: ReadMemory,
    dead_letters: Option<Arc<dyn DeadLetters>>,
    control: Arc<Control>,
}

impl Consumer {
    /// A consumer of a stream.
    pub fn new(stream: StreamRef, kinesis: Arc<dyn Kinesis>) -> Self {
        let clock = Clock::system();
        let processor = NativeProcessor::named("string").expect("the preset is one of ours");
        Self {
            settings: PipelineSettings::new(stream.name().to_owned(), stream),
            kinesis,
            leases: Arc::new(MemoryLeases::default()),
            processor: Arc::new(processor),
            sinks: BTreeMap::new(),
            worker: WorkerId::from(&*format!("{}-{}", std::process::id(), clock.now())),
            clock,
            progress: Arc::new(Progress::default()),
            memory: ReadMemory::default(),
            dead_letters: None,
            control: Arc::default(),
        }
    }

    /// Takes Kinesis records apart with this processor; the preset `string` unless this is called.
    #[must_use]
    pub fn processor(mut self, processor: Arc<dyn Processor>) -> Self {
        self.processor = processor;
        self
    }

    /// Shares the shards, and keeps the checkpoints, in this store; in memory unless this is called.
    #[must_use]
    pub fn leases(mut self, leases: Arc<dyn LeaseStore>) -> Self {
        self.leases = leases;
        self
    }

    /// Calls this process so in the leases; its id and the date unless this is called. No two workers share a name.
    #[must_use]
    pub fn worker(mut self, worker: WorkerId) -> Self {
        self.worker = worker;
        self
    }

    /// Where to start without a checkpoint; at the oldest record unless this is called.
    #[must_use]
    pub fn start_at(mut self, start: Start) -> Self {
        self.settings.start = start;
        self
    }

    /// Gives the handler a sink to emit to; [`DEFAULT_SINK`] takes what names none. Checkpoints wait until the
    /// stream has what was emitted. The producer stays the caller's to close.
    #[must_use]
    pub fn sink(mut self, name: impl Into<String>, producer: Producer) -> Self {
        self.sinks.insert(name.into(), producer);
        self
    }

    /// Gives the handler a sink for what it emits without a sink's name.
    #[must_use]
    pub fn default_sink(self, producer: Producer) -> Self {
        self.sink(DEFAULT_SINK, producer)
    }

    /// Shares the memory of reads with other consumers of this process; without a bound unless this is called.
    #[must_use]
    pub fn memory(mut self, memory: ReadMemory) -> Self {
        self.memory = memory;
        self
    }

    /// Keeps records there that are given up, and goes on; without this a shard stops before such a record.
    #[must_use]
    pub fn dead_letters(mut self, dead_letters: Arc<dyn DeadLetters>) -> Self {
        self.dead_letters = Some(dead_letters);
        self
    }

    /// Changes any other setting.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut PipelineSettings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// What the consumer has done so far, to look at while it runs.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// The shards that wait, to look at and to be told to go on while it runs.
    pub fn control(&self) -> Arc<Control> {
        Arc::clone(&self.control)
    }

    /// Runs a handler on every batch until `stop` is cancelled, then finishes what is in hand, as [`Pipeline::run`]
    /// does. The handler is any [`Handler`]: a component, or a closure in [`HandlerFn`](crate::handler::HandlerFn)
    /// or [`AsyncHandlerFn`](crate::handler::AsyncHandlerFn).
    ///
    /// # Errors
    /// [`PipelineError`] if it cannot begin, or if the stream is gone. A shard whose batch fails for good stops alone
    /// and is in the summary.
    ///
    /// # Cancel safety
    /// Dropping the future ends all work at once. Nothing is lost: what was handled since the last checkpoints is
    /// handled again by whoever takes the leases once they expire.
    pub async fn run(
        self,
        handler: impl Handler + 'static,
        stop: CancellationToken,
    ) -> Result<Summary, PipelineError> {
        let Self { settings, kinesis, leases, processor, worker, clock, progress, memory, .. } = self;
        let (handler, sinks) = (Arc::new(handler), Arc::new(self.sinks));
        let pipeline = Pipeline {
            settings,
            kinesis,
            leases,
            processor,
            handler,
            sinks,
            worker,
            clock,
            progress,
            memory,
            dead_letters: self.dead_letters,
            control: self.control,
        };
        pipeline.run(stop).await
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("settings", &self.settings).finish_non_exhaustive()
    }
}
