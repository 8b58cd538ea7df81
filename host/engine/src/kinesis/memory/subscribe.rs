//! SubscribeToShard: a reader that waits for records instead of asking for them.
//!
//! A subscription holds its place alone. A put wakes those of its shard, and each then reads from where it stands, so
//! nothing is copied for a subscriber that does not read and none of them can hold a put up.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout_at},
};

use super::{Model, Number, Read, ServiceError, get, shard::shard_id, stream::Stream, validate};
use crate::{
    kinesis::{ConsumerStatus, Position},
    limits,
    time::UnixMillis,
};

/// What a subscription pushes at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The records, and the children at the end of the shard.
    pub read: Read,
    /// The number to go on after; none when the shard is closed and was read to its end.
    pub continuation: Option<Number>,
}

/// A subscription under way. Dropping it ends it.
#[derive(Debug)]
pub struct Subscribed {
    model: Arc<Model>,
    place: Place,
    changes: watch::Receiver<()>,
    /// When the next event comes though there are no records; the first one at once.
    heartbeat: Instant,
    /// When there may be records again, where rates are enforced.
    not_before: Instant,
    ends: Instant,
    is_over: bool,
}

/// Where a subscription stands, and what it is.
#[derive(Clone, Debug)]
struct Place {
    stream: String,
    stream_id: u64,
    shard: u32,
    consumer: String,
    /// Tells the subscription from those of the same consumer and shard before and after it.
    id: u64,
    index: u64,
}

/// A subscription as its stream knows it: the newest one of a consumer and shard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Newest {
    id: u64,
    since: UnixMillis,
}

impl Model {
    /// SubscribeToShard. Errors: ResourceInUseException where the consumer is not active, or subscribed to the shard
    /// a moment ago.
    pub fn subscribe_to_shard(
        self: &Arc<Self>,
        consumer_arn: &str,
        shard: &str,
        position: &Position,
    ) -> Result<Subscribed, ServiceError> {
        validate::shard_id(shard)?;
        let (name, consumer) = self.consumer_of_arn(consumer_arn)?;
        let (place, changes) = self.on(&name, |stream, now| {
            stream.must_be_usable(now)?;
            stream.must_have_active(&consumer, now)?;
            let stream_id = stream.id;
            let held = stream.shard(shard)?;
            held.must_be_past(position, now)?;
            let (index, number, changes) = (held.index_at(position)?, held.stamp.shard, held.changes());
            let id = stream.subscribe(&consumer, number, now)?;
            let stream = stream.name.clone();
            Ok((Place { stream, stream_id, shard: number, consumer, id, index }, changes))
        })?;
        let now = Instant::now();
        let ends = now + limits::SUBSCRIPTION_LIFE;
        let model = Arc::clone(self);
        Ok(Subscribed { model, place, changes, heartbeat: now, not_before: now, ends, is_over: false })
    }

    /// What lies ahead of a subscription; an error when it is none any more.
    fn push(&self, place: &Place) -> Result<Pushed, ServiceError> {
        self.on(&place.stream, |stream, now| {
            stream.must_be_usable(now)?;
            if stream.id != place.stream_id {
                return Err(ServiceError::not_found(format!("Stream {} was deleted", stream.name)));
            }
            stream.must_be_newest(place, now)?;
            let read = get::read(
                stream,
                place.shard,
                place.index,
                (limits::GET_RECORDS_RECORDS, limits::SUBSCRIPTION_EVENT_BYTES),
                now,
            )?;
            let continuation =
                (!read.ended).then(|| stream.shards[&place.shard].number_before(read.next_index()));
            Ok(Pushed { read, continuation })
        })
    }
}

impl Subscribed {
    /// The next event, with records or, every few seconds, without; none after the last one of the shard and after
    /// five minutes. There is nothing after an error.
    ///
    /// # Cancel safety
    /// Safe: an event that was not given out comes with the next call.
    pub async fn next(&mut self) -> Option<Result<Pushed, ServiceError>> {
        while !self.is_over {
            if timeout_at(self.ends, sleep_until(self.not_before)).await.is_err() {
                break;
            }
            self.changes.borrow_and_update();
            let pushed = match self.model.push(&self.place) {
                Ok(pushed) => pushed,
                Err(refused) => return Some(Err(self.over(refused))),
            };
            let now = Instant::now();
            if now >= self.ends {
                break;
            }
            if pushed.read.records.is_empty() && !pushed.read.ended && now < self.heartbeat {
                let wait = timeout_at(self.heartbeat.min(self.ends), self.changes.changed());
                // Time and a change are as good as each other: the shard is looked at again.
                drop(wait.await);
                continue;
            }
            // Nothing is seen that could be lost.
            if let Err(failed) = self.model.kept().await {
                return Some(Err(self.over(failed)));
            }
            self.advance(&pushed);
            return Some(Ok(pushed));
        }
        self.is_over = true;
        None
    }

    fn advance(&mut self, pushed: &Pushed) {
        let now = Instant::now();
        self.place.index = pushed.read.next_index();
        self.is_over = pushed.read.ended;
        self.heartbeat = now + limits::SUBSCRIPTION_HEARTBEAT;
        if self.model.settings.enforce_limits {
            let bytes: usize = pushed.read.records.iter().map(super::Held::size).sum();
            let rate = limits::SUBSCRIPTION_BYTES_PER_SECOND as u64;
            self.not_before = now + Duration::from_millis(bytes as u64 * 1_000 / rate);
        }
    }

    fn over(&mut self, refused: ServiceError) -> ServiceError {
        self.is_over = true;
        refused
    }
}

impl Stream {
    fn must_have_active(&self, consumer: &str, now: UnixMillis) -> Result<(), ServiceError> {
        match self.consumer(consumer, now)?.status {
            ConsumerStatus::Active => Ok(()),
            status => Err(ServiceError::in_use(format!(
                "Consumer {consumer} of stream {} is {}; wait until it is ACTIVE",
                self.name,
                status.as_str()
            ))),
        }
    }

    /// Makes way for a subscription, and gives its id.
    fn subscribe(&mut self, consumer: &str, shard: u32, now: UnixMillis) -> Result<u64, ServiceError> {
        let before = self.subscriptions.get(&(consumer.to_owned(), shard)).copied();
        let wait = super::bucket::millis(limits::SUBSCRIBE_AGAIN);
        if before.is_some_and(|before| now.millis_since(before.since) < wait) {
            return Err(ServiceError::in_use(format!(
                "Consumer {consumer} subscribed to shard {} less than {wait} ms ago",
                shard_id(shard)
            )));
        }
        let id = before.map_or(0, |before| before.id) + 1;
        self.subscriptions.insert((consumer.to_owned(), shard), Newest { id, since: now });
        if let Some(shard) = self.shards.get(&shard) {
            shard.wake();
        }
        Ok(id)
    }

    fn must_be_newest(&self, place: &Place, now: UnixMillis) -> Result<(), ServiceError> {
        self.must_have_active(&place.consumer, now)?;
        let newest = self.subscriptions.get(&(place.consumer.clone(), place.shard));
        if newest.is_some_and(|newest| newest.id == place.id) {
            return Ok(());
        }
        Err(ServiceError::in_use(format!(
            "Another subscription of consumer {} to shard {} took over",
            place.consumer,
            shard_id(place.shard)
        )))
    }
}
