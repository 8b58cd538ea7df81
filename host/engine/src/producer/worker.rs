//! The task that owns a producer: select, turn what happened into one event, handle it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytestring::ByteString;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};

use super::{
    ProducerSettings, PutError,
    batcher::Batcher,
    groups::{Group, Groups, Member},
    queue::{KeyQueue, Origin, Queued},
    retry::{Failure, Verdict, judge},
};
use crate::{
    backoff::Backoff,
    kinesis::{EntryError, Kinesis, KinesisError, is_valid_partition_key},
    limits,
    processor::{Document, Encoded, Processor, Sharing},
    record::{Entry, Placed},
    stream::StreamRef,
    task::{self, Task},
};

/// What the handles ask of the task.
#[derive(Debug)]
pub(super) enum Command {
    Put { documents: Vec<Document>, group: Group },
    Flush(oneshot::Sender<()>),
    Close(oneshot::Sender<()>),
}

/// What a producer has done since it started.
#[derive(Debug, Default)]
pub struct ProducerCounters {
    /// Documents taken.
    pub documents: AtomicU64,
    /// PutRecords requests sent.
    pub requests: AtomicU64,
    /// Entries the service has acknowledged.
    pub entries: AtomicU64,
    /// Bytes of those entries, keys included.
    pub bytes: AtomicU64,
    /// Entries sent again because the service asked to slow down.
    pub throttled: AtomicU64,
    /// Entries sent again because something failed.
    pub retried: AtomicU64,
    /// Documents whose ticket failed.
    pub failed: AtomicU64,
}

/// One PutRecords request that came back.
struct Answer {
    request: Vec<Queued>,
    result: Result<Vec<Result<Placed, EntryError>>, KinesisError>,
}

enum Event {
    Command(Option<Command>),
    Answer(Box<Answer>),
    Time,
}

/// Everything a producer is.
pub(super) struct Worker {
    stream: StreamRef,
    kinesis: Arc<dyn Kinesis>,
    processor: Arc<dyn Processor>,
    counters: Arc<ProducerCounters>,
    attempts: u32,
    requests: usize,
    request_entries: usize,
    request_bytes: usize,
    max_record_bytes: usize,
    batcher: Batcher,
    queue: KeyQueue,
    groups: Groups,
    under_way: FuturesUnordered<Task<Answer>>,
    backoff: Backoff,
    random: fastrand::Rng,
    /// Set by `close`, or by the last handle's going.
    closing: Option<Option<oneshot::Sender<()>>>,
}

impl Worker {
    pub(super) fn new(
        settings: &ProducerSettings,
        stream: StreamRef,
        kinesis: Arc<dyn Kinesis>,
        processor: Arc<dyn Processor>,
        counters: Arc<ProducerCounters>,
    ) -> Self {
        // An aggregator makes few entries of many documents, so only bytes tell when a request is full.
        let aggregates = processor.sharing() != Sharing::Alone;
        let enough = if aggregates { usize::MAX } else { settings.request_entries };
        let (first, longest) = settings.backoff;
        Self {
            stream,
            kinesis,
            processor,
            counters,
            attempts: settings.attempts,
            requests: settings.requests.get(),
            request_entries: settings.request_entries,
            request_bytes: settings.request_bytes,
            max_record_bytes: settings.max_record_bytes,
            batcher: Batcher::new(settings.linger, enough, limits::PRODUCER_BATCH_BYTES),
            queue: KeyQueue::new(settings.ordering),
            groups: Groups::default(),
            under_way: FuturesUnordered::new(),
            backoff: Backoff::new(first, longest, settings.seed),
            random: fastrand::Rng::with_seed(settings.seed),
            closing: None,
        }
    }

    /// Runs until the producer is closed and everything has settled.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        loop {
            self.send_what_is_due().await;
            if self.closing.is_some() && self.is_idle() {
                break;
            }
            let wake_at = self.wake_at();
            let event = tokio::select! {
                biased;
                Some(answer) = self.under_way.next() => match answer {
                    Ok(answer) => Event::Answer(Box::new(answer)),
                    Err(failed) => std::panic::resume_unwind(failed.into_panic()),
                },
                command = inbox.recv(), if self.closing.is_none() => Event::Command(command),
                () = sleep_until(wake_at.unwrap_or_else(Instant::now)), if wake_at.is_some() => Event::Time,
            };
            self.handle(event);
            if self.closing.is_some() {
                inbox.close();
            }
        }
        if let Some(Some(reply)) = self.closing.take() {
            // Whoever closed may have gone.
            let _ = reply.send(());
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Command(Some(Command::Put { documents, group })) => {
                self.counters.documents.fetch_add(group.len() as u64, Relaxed);
                let number = self.groups.add(group);
                self.batcher.add(documents, number, Instant::now());
            }
            Event::Command(Some(Command::Flush(reply))) => self.groups.when_settled(reply),
            Event::Command(Some(Command::Close(reply))) => self.closing = Some(Some(reply)),
            Event::Command(None) => self.closing = Some(None),
            Event::Answer(answer) => self.take_answer(*answer),
            Event::Time => {}
        }
    }

    /// Fills the free places for requests: from the queue, and from the batcher as far as it is due.
    async fn send_what_is_due(&mut self) {
        while self.under_way.len() < self.requests {
            let now = Instant::now();
            let request_is_full = self.queue.ready(now) >= self.request_entries;
            if !request_is_full && self.has_place_for_a_batch() && self.batch_is_due(now) {
                self.encode().await;
            }
            let request = self.queue.next_request(self.request_entries, self.request_bytes, now);
            if request.is_empty() {
                return;
            }
            self.send(request);
        }
    }

    fn has_place_for_a_batch(&self) -> bool {
        self.queue.len() < limits::PRODUCER_QUEUE
    }

    fn batch_is_due(&self, now: Instant) -> bool {
        let pressed = self.groups.is_awaited() || self.closing.is_some();
        self.batcher.is_due(now) || (pressed && !self.batcher.is_empty())
    }

    async fn encode(&mut self) {
        let aggregates = self.processor.sharing() != Sharing::Alone;
        let (documents, members) = if aggregates { self.batcher.take_by_key() } else { self.batcher.take() };
        let members: Arc<[Member]> = members.into();
        match self.processor.encode(&documents, self.max_record_bytes).await {
            Ok(encoded) => encoded.into_iter().for_each(|part| self.enqueue(part, &members)),
            Err(error) => {
                self.fail_all(&members, &PutError::Refused(error.to_string()));
            }
        }
    }

    fn enqueue(&mut self, part: Encoded, members: &Arc<[Member]>) {
        match part {
            Encoded::Entry { data, partition_key, explicit_hash_key, documents } => {
                let origin = Origin { members: Arc::clone(members), range: documents };
                let partition_key = partition_key.unwrap_or_else(|| self.spread());
                let entry = Entry { data, partition_key, explicit_hash_key };
                match refusal(&entry, self.max_record_bytes) {
                    None => self.queue.push(entry, origin),
                    Some(reason) => self.fail_all(origin.members(), &PutError::Refused(reason)),
                }
            }
            Encoded::Refused { document, reason } => {
                self.fail_all(&members[document..=document], &PutError::Refused(reason));
            }
        }
    }

    fn send(&mut self, request: Vec<Queued>) {
        self.counters.requests.fetch_add(1, Relaxed);
        let (kinesis, stream) = (Arc::clone(&self.kinesis), self.stream.clone());
        self.under_way.push(task::spawn("put-records", async move {
            // The handles inside are counted references, so the entries are cheap to copy side by side.
            let entries: Vec<Entry> = request.iter().map(|queued| queued.entry.clone()).collect();
            let result = kinesis.put_records(&stream, &entries).await;
            Answer { request, result }
        }));
    }

    fn take_answer(&mut self, answer: Answer) {
        let verdicts = judge(answer.request.len(), answer.result);
        for (mut queued, verdict) in answer.request.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Settle(settled) => {
                    self.queue.settled(&queued);
                    match settled {
                        Ok(placed) => self.placed(&queued, &placed),
                        Err(error) => self.fail_all(queued.origin.members(), &error),
                    }
                }
                Verdict::Alone => {
                    queued.alone = true;
                    self.queue.put_back(queued, Instant::now());
                }
                Verdict::Again(failure) => self.again(queued, &failure),
            }
        }
    }

    fn again(&mut self, mut queued: Queued, failure: &Failure) {
        queued.attempts += 1;
        let attempts = queued.attempts;
        if attempts >= self.attempts {
            let error = PutError::GaveUp { attempts, last: failure.message.as_str().into() };
            self.queue.settled(&queued);
            self.fail_all(queued.origin.members(), &error);
            return;
        }
        let counter = if failure.throttled { &self.counters.throttled } else { &self.counters.retried };
        counter.fetch_add(1, Relaxed);
        let pause = self.backoff.pause(attempts);
        if attempts.is_power_of_two() && attempts > 4 {
            tracing::warn!(stream = %self.stream, attempts, pause_ms = whole_millis(pause), reason = failure.message,
                "an entry keeps failing and is sent again");
        }
        self.queue.put_back(queued, Instant::now() + pause);
    }

    fn placed(&mut self, queued: &Queued, placed: &Arc<Placed>) {
        self.counters.entries.fetch_add(1, Relaxed);
        self.counters.bytes.fetch_add(queued.entry.size() as u64, Relaxed);
        for &member in queued.origin.members() {
            self.groups.settle(member, Ok(Arc::clone(placed)));
        }
    }

    fn fail_all(&mut self, members: &[Member], error: &PutError) {
        self.counters.failed.fetch_add(members.len() as u64, Relaxed);
        for &member in members {
            self.groups.settle(member, Err(error.clone()));
        }
    }

    /// When there will be something to do though nothing happens until then.
    fn wake_at(&self) -> Option<Instant> {
        if self.under_way.len() >= self.requests {
            return None;
        }
        let batch = self.batcher.due_at().filter(|_| self.has_place_for_a_batch());
        [batch, self.queue.wake_at()].into_iter().flatten().min()
    }

    fn is_idle(&self) -> bool {
        self.batcher.is_empty() && self.queue.len() == 0 && self.under_way.is_empty()
    }

    /// A partition key that says nothing: documents without one are spread over all shards.
    fn spread(&mut self) -> ByteString {
        format!("{:0width$x}", self.random.u64(..), width = limits::SPREAD_KEY_BYTES).into()
    }
}

/// Why the service would refuse an entry; a request with it would be refused as a whole.
fn refusal(entry: &Entry, max_record_bytes: usize) -> Option<String> {
    if !is_valid_partition_key(&entry.partition_key) {
        let longest = limits::PARTITION_KEY_CHARS;
        return Some(format!("a partition key has 1 to {longest} characters, got={:?}", entry.partition_key));
    }
    let size = entry.size();
    (size > max_record_bytes).then(|| {
        format!(
            "data and partition key are larger than the stream takes, bytes={size} limit={max_record_bytes}"
        )
    })
}

fn whole_millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
