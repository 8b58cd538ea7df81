//! The model as a whole: its streams, its locks, its rates.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    Change, Journal, KeptStream, ServiceError, Settings, bucket::CallRates, stream::Stream, stream::arn,
};
use crate::{
    stream::StreamRef,
    time::{Clock, UnixMillis},
};

/// A deterministic model of Kinesis in one account and region. Every method is one operation of the service; each
/// returns at once, and no lock outlives it.
#[derive(Debug)]
pub struct Model {
    pub(super) clock: Clock,
    pub(super) settings: Settings,
    pub(super) journal: Option<Arc<dyn Journal>>,
    /// Taken before a stream's lock, never after it.
    registry: Mutex<Registry>,
    rates: Mutex<CallRates>,
}

#[derive(Debug, Default)]
pub(super) struct Registry {
    pub(super) streams: BTreeMap<String, Arc<Mutex<Stream>>>,
    /// Id of the stream created last.
    pub(super) last_id: u64,
}

impl Model {
    pub(super) fn new(clock: Clock, settings: Settings) -> Self {
        Self { clock, settings, journal: None, registry: Mutex::default(), rates: Mutex::default() }
    }

    pub(super) fn restore(
        clock: Clock,
        settings: Settings,
        journal: Arc<dyn Journal>,
        kept: Vec<KeptStream>,
    ) -> Self {
        let mut registry = Registry::default();
        for stream in kept {
            let stream = stream.restore(&settings);
            registry.last_id = registry.last_id.max(stream.id);
            registry.streams.insert(stream.name.clone(), Arc::new(Mutex::new(stream)));
        }
        let registry = Mutex::new(registry);
        Self { clock, settings, journal: Some(journal), registry, rates: Mutex::default() }
    }

    /// The name of the stream that a call names by name, by ARN, or by both.
    pub fn resolve<'a>(
        &self,
        name: Option<Cow<'a, str>>,
        arn: Option<Cow<'a, str>>,
    ) -> Result<Cow<'a, str>, ServiceError> {
        if let Some(name) = &name {
            super::validate::stream_name(name)?;
        }
        let Some(arn) = arn else {
            return name
                .ok_or_else(|| ServiceError::invalid_argument("Either StreamName or StreamARN is needed"));
        };
        let by_arn: StreamRef = arn
            .parse()
            .map_err(|_| ServiceError::validation("streamARN", "be the ARN of a Kinesis stream"))?;
        self.must_be_here(&by_arn)?;
        match name {
            Some(name) if name != by_arn.name() => {
                Err(ServiceError::invalid_argument("StreamName and StreamARN name different streams"))
            }
            _ => Ok(Cow::Owned(by_arn.name().to_owned())),
        }
    }

    /// Waits until every change so far is on disk, where there is a disk.
    ///
    /// # Cancel safety
    /// Safe: nothing is changed.
    pub async fn kept(&self) -> Result<(), ServiceError> {
        match &self.journal {
            Some(journal) => journal.kept().await,
            None => Ok(()),
        }
    }

    pub(super) fn must_be_here(&self, stream: &StreamRef) -> Result<(), ServiceError> {
        let here = arn(&self.settings, stream.name());
        match stream.arn() {
            Some(arn) if arn != here => Err(ServiceError::not_found(format!(
                "Stream {arn} is not in this account and region; here it would be {here}"
            ))),
            _ => Ok(()),
        }
    }

    /// Runs an operation on a stream under its lock, at one moment.
    pub(super) fn on<T>(
        &self,
        name: &str,
        operation: impl FnOnce(&mut Stream, UnixMillis) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        let found = self.registry().streams.get(name).cloned();
        let missing = || {
            ServiceError::not_found(format!(
                "Stream {name} under account {} not found",
                self.settings.account
            ))
        };
        let shared = found.ok_or_else(missing)?;
        let mut stream = lock(&shared);
        let now = self.clock.now();
        if stream.status(now).is_none() {
            drop(stream);
            self.forget(name, &shared);
            return Err(missing());
        }
        if stream.must_be_usable(now).is_ok() {
            self.expire(&mut stream, now);
        }
        operation(&mut stream, now)
    }

    /// As [`Self::on`], for an operation that changes more than records.
    pub(super) fn change<T>(
        &self,
        name: &str,
        operation: impl FnOnce(&mut Stream, UnixMillis) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        self.on(name, |stream, now| {
            let done = operation(stream, now)?;
            self.note_stream(stream);
            Ok(done)
        })
    }

    /// Runs something on every stream that is still there, by name.
    pub(super) fn on_each(&self, mut visit: impl FnMut(&Stream, UnixMillis)) {
        let streams: Vec<_> = self.registry().streams.values().cloned().collect();
        for shared in streams {
            let stream = lock(&shared);
            let now = self.clock.now();
            if stream.status(now).is_some() {
                visit(&stream, now);
            }
        }
    }

    pub(super) fn registry(&self) -> MutexGuard<'_, Registry> {
        lock(&self.registry)
    }

    /// Refuses a call that comes more often than the account may make it.
    pub(super) fn pace(&self, operation: &'static str, per_second: u32) -> Result<(), ServiceError> {
        if !self.settings.enforce_limits || lock(&self.rates).take(operation, per_second, self.clock.now()) {
            return Ok(());
        }
        Err(ServiceError::limit_exceeded(format!(
            "Rate exceeded for account {}: {operation} may be called {per_second} times a second",
            self.settings.account
        )))
    }

    pub(super) fn note(&self, change: impl FnOnce() -> Change) {
        if let Some(journal) = &self.journal {
            journal.note(change());
        }
    }

    pub(super) fn note_stream(&self, stream: &Stream) {
        self.note(|| Change::Stream(stream.image()));
    }

    /// Lets go of what is past its retention.
    fn expire(&self, stream: &mut Stream, now: UnixMillis) {
        let (id, horizon) = (stream.id, stream.horizon(now));
        for (number, shard) in &mut stream.shards {
            if shard.trim(horizon) {
                self.note(|| Change::Trimmed { stream: id, shard: *number, before: shard.first });
            }
        }
        if stream.drop_expired_shards(now) {
            self.note_stream(stream);
        }
    }

    fn forget(&self, name: &str, gone: &Arc<Mutex<Stream>>) {
        let mut registry = self.registry();
        if registry.streams.get(name).is_some_and(|stream| Arc::ptr_eq(stream, gone)) {
            registry.streams.remove(name);
        }
    }
}

/// A panic under a lock is a bug that its test shows; the streams of everybody else go on.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
