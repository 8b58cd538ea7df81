//! Entries on their way: waiting, sent, settled each on its own, sent again at their place, or given up.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    Flush, FlushCallback, ProducerCounters, ProducerSettings, PutError,
    counters::spend,
    groups::{Groups, Member},
    packer::Packer,
    queue::{EntryQueue, Origin, Queued, RequestBounds},
    retry::{Failure, Verdict, judge},
    routing::{Misplaced, Routing},
    spooling::{Spooling, Unsent},
};
use crate::{
    backoff::Backoff,
    kinesis::{EntryError, KinesisError},
    limits,
    record::Placed,
    stream::StreamRef,
};

/// One PutRecords request that came back.
pub(super) struct Answer {
    pub request: Vec<Queued>,
    pub result: Result<Vec<Result<Placed, EntryError>>, KinesisError>,
    pub duration: Duration,
}

/// The entries of a producer, and the tickets of the documents in them.
pub(super) struct Sending {
    pub counters: Arc<ProducerCounters>,
    pub groups: Groups,
    pub routing: Routing,
    pub spooling: Option<Spooling>,
    stream: StreamRef,
    queue: EntryQueue,
    bounds: RequestBounds,
    attempts: u32,
    record_ttl: Option<Duration>,
    /// After this nothing is worth sending; known once the producer closes.
    deadline: Option<Instant>,
    backoff: Backoff,
    on_flush: Option<FlushCallback>,
}

impl Sending {
    pub(super) fn new(
        settings: &ProducerSettings,
        stream: StreamRef,
        routing: Routing,
        spooling: Option<Spooling>,
        counters: Arc<ProducerCounters>,
    ) -> Self {
        let (first, longest) = settings.backoff;
        let bounds = RequestBounds {
            entries: settings.request_entries.clamp(1, limits::PUT_RECORDS_ENTRIES),
            bytes: settings.request_bytes.min(limits::PUT_RECORDS_BYTES),
        };
        Self {
            counters,
            groups: Groups::default(),
            routing,
            spooling,
            stream,
            queue: EntryQueue::default(),
            bounds,
            attempts: settings.attempts,
            record_ttl: settings.record_ttl,
            deadline: None,
            backoff: Backoff::new(first, longest, settings.seed),
            on_flush: settings.on_flush.clone(),
        }
    }

    /// Adds an entry behind those of its line.
    pub(super) fn push(&mut self, mut queued: Queued) {
        if let (Some(ttl), Some(first)) = (self.record_ttl, queued.origin.members().first()) {
            queued.not_after = Some(self.groups.put_at(*first) + ttl);
        }
        queued.hurry(self.deadline);
        self.queue.push(queued);
    }

    /// Nothing is worth sending after the deadline, whenever it was put.
    pub(super) fn hurry(&mut self, deadline: Instant) {
        self.deadline = Some(deadline);
        self.queue.hurry(deadline);
    }

    /// Whether a full request waits.
    pub(super) fn has_a_request(&mut self, now: Instant) -> bool {
        self.queue.ready(now) >= self.bounds.entries
    }

    /// The entries of the next request; none if none may go now. Entries that are too late are given up.
    pub(super) fn next_request(&mut self, now: Instant) -> Vec<Queued> {
        let begun = Instant::now();
        let request = self.queue.next_request(self.bounds, self.routing.rates(), now);
        spend(&self.counters.queueing_nanos, begun);
        for queued in self.queue.take_late() {
            self.expire(queued, now);
        }
        self.show_state(now);
        request
    }

    /// Settles the entries of a request, each on its own.
    pub(super) fn take_answer(&mut self, answer: Answer, now: Instant) {
        let begun = Instant::now();
        let Answer { mut request, result, duration } = answer;
        // The map may be another one since.
        request.iter_mut().for_each(|queued| queued.shard = self.routing.predict(queued.hash));
        let verdicts = judge(request.len(), result);
        self.slow_down(&request, &verdicts, now);
        let flush =
            self.on_flush.as_ref().map(|callback| (callback.clone(), flush(&request, &verdicts, duration)));
        for (mut queued, verdict) in request.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Settle(Ok(placed)) => self.placed(queued, placed, now),
                Verdict::Settle(Err(error)) => self.refuse(&queued, &error, now),
                Verdict::Refused(reason) => {
                    self.give_up(Unsent { queued, error: PutError::Rejected(reason) }, now);
                }
                Verdict::Alone => {
                    queued.alone = true;
                    self.queue.put_back(queued, now);
                }
                Verdict::Again(failure) => self.again(queued, &failure, now),
            }
        }
        spend(&self.counters.settling_nanos, begun);
        if let Some((callback, flush)) = flush {
            callback.call(&flush);
        }
    }

    /// Goes over to the next map of the shards. Answers what has to be made anew: the entries that wait, and those
    /// that landed where not all of their documents belong.
    pub(super) fn change_maps(&mut self, packer: &mut Packer, now: Instant) -> Vec<Queued> {
        let mut again = self.queue.take_all();
        for Misplaced { queued, placed } in self.routing.change(now) {
            let map = self.routing.map();
            let landed = map.and_then(|map| map.place_of(&placed.shard).map(|shard| (map, shard)));
            if landed.is_some_and(|(map, shard)| packer.all_belong(&queued.origin, shard, map)) {
                self.acknowledge(&queued, &placed, now);
            } else {
                self.counters.wrong_shard.fetch_add(1, Relaxed);
                again.push(queued);
            }
        }
        again
    }

    /// Routes all entries that wait by a new map.
    pub(super) fn route(&mut self) {
        let shards = self.routing.map().map_or(1, super::shards::ShardMap::len);
        let routing = &self.routing;
        self.queue.route(shards, |queued| routing.predict(queued.hash));
    }

    /// The spool has these.
    pub(super) fn kept(&mut self, unsent: Vec<Unsent>) {
        for Unsent { queued, .. } in unsent {
            let members = queued.origin.members();
            self.counters.spooled.fetch_add(members.len() as u64, Relaxed);
            self.settle(members, &PutError::Spooled);
            self.queue.settled(queued.line);
        }
    }

    /// The spool did not take these: they are sent once more and then go to the spool again, unless the producer
    /// closes.
    pub(super) fn not_kept(&mut self, unsent: Vec<Unsent>, is_closing: bool, now: Instant) {
        for Unsent { mut queued, error } in unsent {
            if is_closing {
                self.fail(&queued, &error);
                continue;
            }
            queued.not_after = queued.not_after.map(|last| last.max(now + 2 * limits::SPOOL_INTERVAL));
            queued.shard = self.routing.predict(queued.hash);
            self.queue.put_back(queued, now + limits::SPOOL_INTERVAL);
        }
    }

    /// Entries that wait to be sent.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// When an entry that waits may go.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.queue.wake_at()
    }

    /// Whether entries are on their way into the spool.
    pub(super) fn is_keeping(&self) -> bool {
        self.spooling.as_ref().is_some_and(Spooling::is_keeping)
    }

    /// Whether nothing waits for anything.
    pub(super) fn is_idle(&self) -> bool {
        let spool_is_idle = self.spooling.as_ref().is_none_or(Spooling::is_idle);
        self.queue.len() == 0 && !self.routing.has_misplaced() && spool_is_idle
    }

    /// Fails the documents of an entry or of a batch.
    pub(super) fn fail_all(&mut self, members: &[Member], error: &PutError) {
        self.counters.failed.fetch_add(members.len() as u64, Relaxed);
        if matches!(error, PutError::Expired { .. }) {
            self.counters.expired.fetch_add(members.len() as u64, Relaxed);
        }
        self.settle(members, error);
    }

    fn placed(&mut self, queued: Queued, placed: Arc<Placed>, now: Instant) {
        if self.routing.is_surprised(&queued, &placed) && queued.origin.documents().len() > 1 {
            self.routing.keep(Misplaced { queued, placed });
            return;
        }
        self.acknowledge(&queued, &placed, now);
        self.queue.settled(queued.line);
    }

    fn acknowledge(&mut self, queued: &Queued, placed: &Arc<Placed>, now: Instant) {
        self.counters.entries.fetch_add(1, Relaxed);
        self.counters.bytes.fetch_add(queued.entry.size() as u64, Relaxed);
        for &member in queued.origin.members() {
            self.groups.settle(member, Ok(Arc::clone(placed)));
        }
        if let (Origin::Spool(id), Some(spooling)) = (&queued.origin, &mut self.spooling) {
            self.counters.recovered.fetch_add(1, Relaxed);
            spooling.sent(*id, now);
        }
    }

    fn again(&mut self, mut queued: Queued, failure: &Failure, now: Instant) {
        queued.attempts += 1;
        queued.hurry(self.deadline);
        let attempts = queued.attempts;
        let last: Arc<str> = failure.message.as_str().into();
        queued.last_failure = Some(Arc::clone(&last));
        // What is in the spool need not be tried here for long: the spool is read again.
        let is_kept = matches!(queued.origin, Origin::Spool(_));
        if is_kept || attempts >= self.attempts {
            return self.give_up(Unsent { queued, error: PutError::GaveUp { attempts, last } }, now);
        }
        let counter = if failure.throttled { &self.counters.throttled } else { &self.counters.retried };
        counter.fetch_add(1, Relaxed);
        let pause = self.backoff.pause(attempts);
        if attempts.is_power_of_two() && attempts > 4 {
            tracing::warn!(stream = %self.stream, attempts, pause_ms = whole_millis(pause), reason = failure.message,
                "an entry keeps failing and is sent again");
        }
        self.queue.put_back(queued, now + pause);
    }

    fn expire(&mut self, queued: Queued, now: Instant) {
        let put_at = queued.origin.members().first().map_or(now, |first| self.groups.put_at(*first));
        let last = queued.last_failure.clone().unwrap_or_else(|| "none, it waited to be sent".into());
        let error = PutError::Expired { after: now - put_at, attempts: queued.attempts, last };
        self.give_up(Unsent { queued, error }, now);
    }

    /// An entry is not sent again: it goes to the spool, stays there, or fails.
    fn give_up(&mut self, unsent: Unsent, now: Instant) {
        match (&unsent.queued.origin, &mut self.spooling) {
            (Origin::Put { .. }, Some(spooling)) => spooling.keep(unsent),
            (Origin::Put { .. }, None) => self.fail(&unsent.queued, &unsent.error),
            (Origin::Spool(_), spooling) => {
                if let Some(spooling) = spooling {
                    spooling.left(true, now);
                }
                self.queue.settled(unsent.queued.line);
            }
        }
    }

    /// The service takes everything but this entry.
    fn refuse(&mut self, queued: &Queued, error: &PutError, now: Instant) {
        if let (Origin::Spool(_), Some(spooling)) = (&queued.origin, &mut self.spooling) {
            tracing::error!(stream = %self.stream, %error, "an entry stays in the spool, because the service refuses it");
            spooling.left(false, now);
        }
        self.fail(queued, error);
    }

    fn fail(&mut self, queued: &Queued, error: &PutError) {
        self.fail_all(queued.origin.members(), error);
        self.queue.settled(queued.line);
    }

    fn settle(&mut self, members: &[Member], error: &PutError) {
        for &member in members {
            self.groups.settle(member, Err(error.clone()));
        }
    }

    /// Slows those shards down that throttled, once for the request.
    fn slow_down(&mut self, request: &[Queued], verdicts: &[Verdict], now: Instant) {
        let throttled = |verdict: &Verdict| matches!(verdict, Verdict::Again(failure) if failure.throttled);
        let entries = request.iter().zip(verdicts).filter(|(_, verdict)| throttled(verdict));
        let mut shards: Vec<usize> = entries.map(|(queued, _)| queued.shard).collect();
        shards.sort_unstable();
        shards.dedup();
        for shard in shards {
            self.routing.rates().throttled(shard, now);
        }
    }

    fn show_state(&mut self, now: Instant) {
        let shards = self.routing.map().map_or(0, super::shards::ShardMap::len);
        self.counters.shards.store(shards as u64, Relaxed);
        self.counters.slowed_shards.store(self.routing.rates().slowed(now) as u64, Relaxed);
        self.counters.waiting_entries.store(self.queue.len() as u64, Relaxed);
    }
}

fn flush(request: &[Queued], verdicts: &[Verdict], duration: Duration) -> Flush {
    Flush {
        entries: request.len(),
        documents: request.iter().map(|queued| queued.origin.members().len()).sum(),
        bytes: request.iter().map(|queued| queued.entry.size()).sum(),
        failed_entries: verdicts.iter().filter(|verdict| !matches!(verdict, Verdict::Settle(Ok(_)))).count(),
        duration,
    }
}

fn whole_millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
