//! The task that owns a producer: select, turn what happened into one event, handle it.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};

use super::{
    ProducerCounters, ProducerSettings,
    batcher::Batcher,
    counters::spend,
    groups::Group,
    packer::{Packed, Packer},
    queue::{Origin, Queued},
    routing::{Change, Routing, Shards},
    sending::{Answer, Sending},
    spooling::{Done, Outcome, Spooling},
};
use crate::{
    kinesis::{Kinesis, KinesisError, Shard, ShardFilter, list_all_shards},
    limits,
    processor::{Document, Processor, Sharing},
    record::Entry,
    stream::StreamRef,
    task::{self, Task},
};

/// What the handles ask of the task.
#[derive(Debug)]
pub(super) enum Command {
    Put { documents: Vec<Document>, group: Group },
    Flush(oneshot::Sender<()>),
    Close { reply: oneshot::Sender<()>, deadline: Option<Instant> },
}

/// What the worker's own tasks come back with.
enum Event {
    Command(Option<Command>),
    Answer(Answer),
    Listed(Result<Vec<Shard>, KinesisError>),
    Spool(Done),
    Time,
}

/// Everything a producer is.
pub(super) struct Worker {
    stream: StreamRef,
    kinesis: Arc<dyn Kinesis>,
    processor: Arc<dyn Processor>,
    packer: Packer,
    batcher: Batcher,
    sending: Sending,
    /// Requests, a listing of the shards, a job of the spool.
    running: FuturesUnordered<Task<Event>>,
    requests: usize,
    requests_under_way: usize,
    max_record_bytes: usize,
    /// Set by `close`, or by the last handle's going.
    closing: Option<Option<oneshot::Sender<()>>>,
}

impl Worker {
    pub(super) fn new(
        settings: &ProducerSettings,
        stream: StreamRef,
        kinesis: Arc<dyn Kinesis>,
        processor: Arc<dyn Processor>,
        shards: Shards,
        counters: Arc<ProducerCounters>,
    ) -> Self {
        let now = Instant::now();
        let packer = Packer::new(settings, Arc::clone(&processor), Arc::clone(&counters));
        // An aggregator makes few entries of many documents, so only bytes tell when a request is full.
        let aggregates = packer.sharing() != Sharing::Alone;
        let enough = if aggregates { usize::MAX } else { settings.request_entries };
        let is_bound = packer.sharing() == Sharing::PerShard;
        let routing = Routing::new(shards, is_bound, settings.shard_rate, settings.seed, now);
        let spooling = settings.spool.as_ref().map(|spool| Spooling::new(Arc::clone(spool), now));
        Self {
            kinesis,
            processor,
            packer,
            batcher: Batcher::new(settings.linger, enough, limits::PRODUCER_BATCH_BYTES),
            sending: Sending::new(settings, stream.clone(), routing, spooling, counters),
            stream,
            running: FuturesUnordered::new(),
            requests: settings.requests.get(),
            requests_under_way: 0,
            max_record_bytes: settings.max_record_bytes,
            closing: None,
        }
    }

    /// Runs until the producer is closed and everything has settled.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        loop {
            self.start_what_is_due().await;
            if self.closing.is_some() && self.is_idle() {
                break;
            }
            let wake_at = self.wake_at();
            let event = tokio::select! {
                biased;
                Some(done) = self.running.next() => match done {
                    Ok(event) => event,
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
        let now = Instant::now();
        match event {
            Event::Command(Some(Command::Put { documents, group })) => {
                self.sending.counters.documents.fetch_add(group.len() as u64, Relaxed);
                let number = self.sending.groups.add(group);
                self.batcher.add(documents, number, now);
            }
            Event::Command(Some(Command::Flush(reply))) => self.sending.groups.when_settled(reply),
            Event::Command(Some(Command::Close { reply, deadline })) => {
                self.closing = Some(Some(reply));
                if let Some(deadline) = deadline {
                    self.sending.hurry(deadline);
                }
            }
            Event::Command(None) => self.closing = Some(None),
            Event::Answer(answer) => {
                self.requests_under_way -= 1;
                self.sending.take_answer(answer, now);
            }
            Event::Listed(result) => {
                let change = self.sending.routing.listed(&self.stream, result, now);
                if change == Change::Made {
                    self.sending.route();
                }
            }
            Event::Spool(done) => self.take_from_spool(done, now),
            Event::Time => {}
        }
    }

    /// Starts everything whose time has come, as far as there is place for it.
    async fn start_what_is_due(&mut self) {
        let now = Instant::now();
        if self.sending.routing.due_at(now).is_some_and(|at| at <= now) {
            self.list_shards();
        }
        if self.sending.routing.is_changing() && self.requests_under_way == 0 && !self.sending.is_keeping() {
            self.change_maps(now);
        }
        if !self.sending.routing.is_changing() {
            self.send_what_is_due(now).await;
        }
        self.use_spool(now);
    }

    /// Fills the free places for requests: from the queue, and from the batcher as far as it is due.
    async fn send_what_is_due(&mut self, now: Instant) {
        while self.requests_under_way < self.requests {
            if !self.sending.has_a_request(now) && self.has_place_for_a_batch() && self.batch_is_due(now) {
                self.pack().await;
            }
            let request = self.sending.next_request(now);
            if request.is_empty() {
                return;
            }
            self.send(request);
        }
    }

    fn has_place_for_a_batch(&self) -> bool {
        self.sending.waiting() < limits::PRODUCER_QUEUE
    }

    fn batch_is_due(&self, now: Instant) -> bool {
        let pressed = self.sending.groups.is_awaited() || self.closing.is_some();
        self.batcher.is_due(now) || (pressed && !self.batcher.is_empty())
    }

    async fn pack(&mut self) {
        let (documents, members) = self.batcher.take();
        let map = self.sending.routing.map();
        let packed = self.packer.pack(documents, members, map).await;
        let begun = Instant::now();
        for part in packed {
            match part {
                Packed::Entry(queued) => self.sending.push(queued),
                Packed::Refused(origin, error) => self.sending.fail_all(origin.members(), &error),
            }
        }
        spend(&self.sending.counters.queueing_nanos, begun);
    }

    fn send(&mut self, request: Vec<Queued>) {
        self.sending.counters.requests.fetch_add(1, Relaxed);
        self.requests_under_way += 1;
        let (kinesis, stream) = (Arc::clone(&self.kinesis), self.stream.clone());
        self.running.push(task::spawn("put-records", async move {
            // The handles inside are counted references, so the entries are cheap to copy side by side.
            let entries: Vec<Entry> = request.iter().map(|queued| queued.entry.clone()).collect();
            let begun = Instant::now();
            let result = kinesis.put_records(&stream, &entries).await;
            Event::Answer(Answer { request, result, duration: begun.elapsed() })
        }));
    }

    fn list_shards(&mut self) {
        self.sending.routing.begin_listing();
        let (kinesis, stream) = (Arc::clone(&self.kinesis), self.stream.clone());
        self.running.push(task::spawn("list-shards", async move {
            Event::Listed(list_all_shards(&*kinesis, &stream, ShardFilter::AtLatest).await)
        }));
    }

    /// Goes over to other shards: what waits was made for those before, and is taken apart.
    fn change_maps(&mut self, now: Instant) {
        let mut again = Vec::new();
        for queued in self.sending.change_maps(&mut self.packer, now) {
            match &queued.origin {
                Origin::Put { .. } => {
                    let documents = queued.origin.documents().iter().cloned();
                    again.extend(queued.origin.members().iter().copied().zip(documents));
                }
                Origin::Spool(_) => {
                    let map = self.sending.routing.map();
                    let queued = self.packer.again(queued.entry, queued.origin, map);
                    self.sending.push(queued);
                }
            }
        }
        again.sort_unstable_by_key(|(member, _)| *member);
        let (members, documents) = again.into_iter().unzip();
        self.batcher.put_back(documents, members, now);
    }

    fn use_spool(&mut self, now: Instant) {
        let is_closing = self.closing.is_some();
        let Some(spooling) = &mut self.sending.spooling else { return };
        if let Some(job) = spooling.next_job(now, is_closing) {
            let run = spooling.run(job, Arc::clone(&self.processor), self.max_record_bytes);
            self.running.push(task::spawn("spool", async move { Event::Spool(run.await) }));
        }
    }

    fn take_from_spool(&mut self, done: Done, now: Instant) {
        let Some(spooling) = &mut self.sending.spooling else { return };
        match spooling.take(&self.stream, done, now) {
            Outcome::Kept(unsent) => self.sending.kept(unsent),
            Outcome::NotKept(unsent) => self.sending.not_kept(unsent, self.closing.is_some(), now),
            Outcome::Send(entries) => {
                for (id, entry) in entries {
                    let map = self.sending.routing.map();
                    let queued = self.packer.again(entry, Origin::Spool(id), map);
                    self.sending.push(queued);
                }
            }
            Outcome::Nothing => {}
        }
    }

    /// When there will be something to do though nothing happens until then.
    fn wake_at(&self) -> Option<Instant> {
        let now = Instant::now();
        let listing = self.sending.routing.due_at(now);
        let spool = self.sending.spooling.as_ref();
        let spool = spool.and_then(|spooling| spooling.due_at(now, self.closing.is_some()));
        let may_send = self.requests_under_way < self.requests && !self.sending.routing.is_changing();
        let batch = self.batcher.due_at().filter(|_| may_send && self.has_place_for_a_batch());
        let entry = self.sending.wake_at().filter(|_| may_send);
        [listing, spool, batch, entry].into_iter().flatten().min()
    }

    fn is_idle(&self) -> bool {
        self.batcher.is_empty() && self.requests_under_way == 0 && self.sending.is_idle()
    }
}
