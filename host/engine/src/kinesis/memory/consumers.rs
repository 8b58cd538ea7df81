//! RegisterStreamConsumer, DescribeStreamConsumer, ListStreamConsumers and DeregisterStreamConsumer.

use super::{Model, ServiceError, Settings, bucket::millis, stream::Stream, token, validate};
use crate::{
    kinesis::{ConsumerStatus, StreamConsumer},
    limits,
    time::UnixMillis,
};

/// A consumer as a stream holds it.
#[derive(Clone, Debug)]
pub(super) struct Registered {
    pub(super) created: UnixMillis,
    state: ConsumerStatus,
    state_until: UnixMillis,
}

impl Registered {
    /// A consumer that has been there for a while.
    pub(super) fn active(created: UnixMillis) -> Self {
        Self { created, state: ConsumerStatus::Active, state_until: UnixMillis(0) }
    }

    fn entering(created: UnixMillis, state: ConsumerStatus, settings: &Settings, now: UnixMillis) -> Self {
        Self { created, state, state_until: UnixMillis(now.0.saturating_add(millis(settings.transition))) }
    }

    /// Whether it was deregistered.
    pub(super) fn is_going(&self) -> bool {
        self.state == ConsumerStatus::Deleting
    }

    /// The state at this moment; none when the consumer is no more.
    pub(super) fn status(&self, now: UnixMillis) -> Option<ConsumerStatus> {
        match self.state {
            ConsumerStatus::Deleting if now >= self.state_until => None,
            _ if now >= self.state_until => Some(ConsumerStatus::Active),
            lasting => Some(lasting),
        }
    }
}

/// One page of ListStreamConsumers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamConsumers {
    /// The consumers, by name.
    pub consumers: Vec<StreamConsumer>,
    /// Token of the next page; none on the last.
    pub next: Option<String>,
}

impl Model {
    /// RegisterStreamConsumer. Errors: ResourceInUseException where the name is taken, LimitExceededException past
    /// what a stream may have, or may be making at once.
    pub fn register_stream_consumer(&self, stream: &str, name: &str) -> Result<StreamConsumer, ServiceError> {
        self.pace("RegisterStreamConsumer", limits::CONTROL_CALLS_PER_SECOND)?;
        validate::consumer_name(name)?;
        self.change(stream, |stream, now| {
            stream.must_be_usable(now)?;
            stream.consumers.retain(|_, consumer| consumer.status(now).is_some());
            if stream.consumers.contains_key(name) {
                let refused = format!("Consumer {name} of stream {} already exists.", stream.name);
                return Err(ServiceError::in_use(refused));
            }
            stream.must_have_room(now)?;
            let consumer = Registered::entering(now, ConsumerStatus::Creating, &self.settings, now);
            stream.consumers.insert(name.to_owned(), consumer);
            stream.consumer(name, now)
        })
    }

    /// DescribeStreamConsumer.
    pub fn describe_stream_consumer(&self, stream: &str, name: &str) -> Result<StreamConsumer, ServiceError> {
        self.pace("DescribeStreamConsumer", limits::DESCRIBE_CONSUMER_PER_SECOND)?;
        self.on(stream, |stream, now| stream.consumer(name, now))
    }

    /// DeregisterStreamConsumer. The consumer's subscriptions end with the call.
    pub fn deregister_stream_consumer(&self, stream: &str, name: &str) -> Result<(), ServiceError> {
        self.pace("DeregisterStreamConsumer", limits::CONTROL_CALLS_PER_SECOND)?;
        self.change(stream, |stream, now| {
            let created = stream.consumer(name, now)?.created;
            let consumer = Registered::entering(created, ConsumerStatus::Deleting, &self.settings, now);
            stream.consumers.insert(name.to_owned(), consumer);
            stream.subscriptions.retain(|(subscribed, _), _| subscribed != name);
            stream.shards.values().for_each(super::shard::Shard::wake);
            Ok(())
        })
    }

    /// ListStreamConsumers: up to `limit` consumers of a stream from a page's token on.
    pub fn list_stream_consumers(
        &self,
        stream: &str,
        page: Option<&str>,
        limit: Option<usize>,
    ) -> Result<StreamConsumers, ServiceError> {
        self.pace("ListStreamConsumers", limits::CONTROL_CALLS_PER_SECOND)?;
        let limit = limit.unwrap_or(limits::LIST_CONSUMERS_RESULTS);
        validate::between("maxResults", &limit, 1..=limits::LIST_CONSUMERS_RESULTS_MAX)?;
        let opened: Option<Option<([u64; 1], String)>> = page.map(token::open);
        self.on(stream, |stream, now| {
            let after = match opened {
                None => None,
                Some(Some(([id], name))) if id == stream.id => Some(name),
                Some(_) => {
                    let refused = "NextToken is not a token of ListStreamConsumers for this stream";
                    return Err(ServiceError::invalid_argument(refused));
                }
            };
            let mut consumers: Vec<_> = stream
                .consumers
                .keys()
                .filter(|name| after.as_ref().is_none_or(|after| *name > after))
                .filter_map(|name| stream.consumer(name, now).ok())
                .take(limit + 1)
                .collect();
            let more = consumers.len() > limit;
            consumers.truncate(limit);
            let last = consumers.last().filter(|_| more);
            let next = last.map(|last| token::seal(&[stream.id], &last.name));
            Ok(StreamConsumers { consumers, next })
        })
    }

    /// The names of the stream and of the consumer that a consumer's ARN is made of. Errors: ValidationException for
    /// text that is no such ARN.
    pub fn consumer_of_arn(&self, arn: &str) -> Result<(String, String), ServiceError> {
        let parts = arn.split_once("/consumer/").and_then(|(stream, consumer)| {
            let (name, created) = consumer.split_once(':')?;
            let is_number = !created.is_empty() && created.bytes().all(|b| b.is_ascii_digit());
            is_number.then_some((stream, name))
        });
        let invalid = || ServiceError::validation("consumerARN", "be the ARN of a registered consumer");
        let (stream, name) = parts.ok_or_else(invalid)?;
        let stream = self.resolve(None, Some(stream.into()))?.into_owned();
        // An ARN tells a consumer from others that had its name.
        let known = self.on(&stream, |stream, now| stream.consumer(name, now))?;
        if known.arn != arn {
            return Err(no_consumer(name, &stream));
        }
        Ok((stream, known.name))
    }
}

impl Stream {
    /// A consumer of the stream as it is told.
    pub(super) fn consumer(&self, name: &str, now: UnixMillis) -> Result<StreamConsumer, ServiceError> {
        let found = self.consumers.get(name);
        let (found, status) = found
            .and_then(|found| Some((found, found.status(now)?)))
            .ok_or_else(|| no_consumer(name, &self.name))?;
        Ok(StreamConsumer {
            name: name.to_owned(),
            arn: format!("{}/consumer/{name}:{}", self.arn, found.created.0 / 1_000),
            status,
            created: found.created,
        })
    }

    /// How many consumers are registered.
    pub(super) fn consumer_count(&self, now: UnixMillis) -> u32 {
        let count = self.consumers.values().filter(|consumer| consumer.status(now).is_some()).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    fn must_have_room(&self, now: UnixMillis) -> Result<(), ServiceError> {
        let is_creating = |consumer: &&Registered| consumer.status(now) == Some(ConsumerStatus::Creating);
        let creating = self.consumers.values().filter(is_creating).count();
        if self.consumers.len() < limits::STREAM_CONSUMERS && creating < limits::STREAM_CONSUMERS_CREATING {
            return Ok(());
        }
        Err(ServiceError::limit_exceeded(format!(
            "Stream {} cannot have another consumer now: registered={} limit={} creating={creating} limit={}",
            self.name,
            self.consumers.len(),
            limits::STREAM_CONSUMERS,
            limits::STREAM_CONSUMERS_CREATING
        )))
    }
}

fn no_consumer(name: &str, stream: &str) -> ServiceError {
    ServiceError::not_found(format!("Consumer {name} of stream {stream} not found."))
}
