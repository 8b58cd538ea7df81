//! Whose batches an instance handles, and which generation handled the last of each.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tidemill_engine::{batch::BatchInfo, record::ShardId};

use super::life::Served;

/// Whose batches an instance handles: all that a pipeline may keep apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lane {
    /// The stream.
    pub stream: Arc<str>,
    /// The shard.
    pub shard: ShardId,
    /// Which lane of the shard.
    pub lane: u32,
}

/// The generation that last handled a batch of each lane, until its shard is closed.
#[derive(Debug, Default)]
pub struct Lanes(Mutex<HashMap<Lane, u64>>);

impl Lane {
    /// The lane of a batch.
    pub fn of(info: &BatchInfo) -> Self {
        Self { stream: Arc::clone(&info.stream), shard: info.shard.clone(), lane: info.lane }
    }

    /// What its instances are told of it.
    pub fn served(&self) -> Served<'_> {
        Served { stream: &self.stream, shard: &self.shard }
    }
}

impl Lanes {
    /// This generation is to handle the lane's next batch; an error is the one before, which has records in memory that
    /// no checkpoint covers.
    pub fn enter(&self, lane: &Lane, generation: u64, uncovered: u64) -> Result<(), u64> {
        let mut lanes = self.lock();
        match lanes.get_mut(lane) {
            Some(last) if *last == generation => {}
            Some(last) if uncovered > 0 => return Err(*last),
            Some(last) => *last = generation,
            None => drop(lanes.insert(lane.clone(), generation)),
        }
        Ok(())
    }

    /// By stream and shard, the oldest where its lanes have several.
    pub fn generations(&self) -> BTreeMap<String, u64> {
        let mut generations = BTreeMap::new();
        for (Lane { stream, shard, .. }, &generation) in &*self.lock() {
            let oldest = generations.entry(format!("{stream}/{shard}")).or_insert(generation);
            *oldest = generation.min(*oldest);
        }
        generations
    }

    /// Forgets lanes.
    pub fn forget(&self, is_meant: impl Fn(&Lane) -> bool) {
        self.lock().retain(|lane, _| !is_meant(lane));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Lane, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
