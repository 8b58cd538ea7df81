//! Shards that wait though they have work: which they are, why, and a way to have them go on.
//!
//! A shard waits because its breaker is open, and then goes on by itself; or because it stopped before a record that
//! has no outcome, and then goes on when it is told to. Either way its lease is kept.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

use super::progress::StoppedShard;
use crate::{record::ShardId, time::UnixMillis};

/// The shards of a pipeline that wait, to look at and to be told to go on while it runs.
#[derive(Debug, Default)]
pub struct Control {
    waiting: Mutex<BTreeMap<ShardId, Waiting>>,
}

/// A shard whose handler kept failing: no call is made until the pause is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PausedShard {
    /// The shard.
    pub shard: ShardId,
    /// When it began to pause.
    pub since: UnixMillis,
    /// When the next call is made; in the past where there was nothing to call for since.
    pub until: UnixMillis,
    /// Calls that failed in a row.
    pub failures: u32,
    /// How the last of them failed.
    pub reason: String,
}

#[derive(Debug)]
struct Waiting {
    why: Why,
    resumed: CancellationToken,
}

/// Why a shard waits.
#[derive(Clone, Debug)]
pub(super) enum Why {
    Paused(PausedShard),
    Stopped(StoppedShard),
}

impl Waiting {
    /// Why it waits; none where it was told to go on.
    fn why(&self) -> Option<&Why> {
        (!self.resumed.is_cancelled()).then_some(&self.why)
    }
}

impl Control {
    /// The shards that pause now.
    pub fn paused(&self) -> Vec<PausedShard> {
        let waiting = self.waiting();
        let paused = waiting.values().filter_map(|waiting| match waiting.why()? {
            Why::Paused(paused) => Some(paused.clone()),
            Why::Stopped(_) => None,
        });
        paused.collect()
    }

    /// The shards that are stopped now, of those whose leases this worker has.
    pub fn stopped(&self) -> Vec<StoppedShard> {
        let waiting = self.waiting();
        let stopped = waiting.values().filter_map(|waiting| match waiting.why()? {
            Why::Stopped(stopped) => Some(stopped.clone()),
            Why::Paused(_) => None,
        });
        stopped.collect()
    }

    /// Has a shard go on, or all that wait: one that pauses makes its next call at once, and one that stopped works on
    /// from its checkpoint. Answers how many that concerned.
    pub fn resume(&self, shard: Option<&ShardId>) -> usize {
        let mut waiting = self.waiting();
        let asked = waiting.iter_mut().filter(|(id, _)| shard.is_none_or(|shard| shard == *id));
        let asked = asked.filter(|(_, waiting)| !waiting.resumed.is_cancelled());
        asked.map(|(_, waiting)| waiting.resumed.cancel()).count()
    }

    /// Lists a shard for as long as the answer lives.
    pub(super) fn hold(self: &Arc<Self>, why: Why) -> Hold {
        let resumed = CancellationToken::new();
        let shard = match &why {
            Why::Paused(paused) => paused.shard.clone(),
            Why::Stopped(stopped) => stopped.shard.clone(),
        };
        self.waiting().insert(shard.clone(), Waiting { why, resumed: resumed.clone() });
        Hold { control: Arc::clone(self), shard, resumed }
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<ShardId, Waiting>> {
        // Nothing under this lock can be left half done.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A shard that waits. It is listed until this is dropped.
#[derive(Debug)]
pub(super) struct Hold {
    control: Arc<Control>,
    shard: ShardId,
    resumed: CancellationToken,
}

impl Hold {
    /// Cancelled once somebody wants the shard to go on.
    pub(super) fn resumed(&self) -> &CancellationToken {
        &self.resumed
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.control.waiting().remove(&self.shard);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paused(shard: &str) -> Why {
        let (since, until) = (UnixMillis(1), UnixMillis(2));
        Why::Paused(PausedShard { shard: shard.into(), since, until, failures: 3, reason: "r".to_owned() })
    }

    #[test]
    fn a_shard_is_listed_while_it_waits_and_told_to_go_on_once() {
        let control = Arc::new(Control::default());
        let one = control.hold(paused("1"));
        let two = control.hold(Why::Stopped(StoppedShard { shard: "2".into(), reason: "r".to_owned() }));
        assert_eq!((control.paused().len(), control.stopped().len()), (1, 1));
        assert_eq!(control.resume(Some(&"3".into())), 0);
        assert_eq!(control.resume(Some(&"2".into())), 1);
        assert!(two.resumed().is_cancelled() && !one.resumed().is_cancelled());
        assert_eq!(control.resume(None), 1, "it tells nobody twice");
        drop((one, two));
        assert_eq!((control.paused().len(), control.stopped().len(), control.resume(None)), (0, 0, 0));
    }
}
