//! Letters on a stream: a handler of a pipeline over it that redrives them, and has the marks follow.

use std::{collections::HashSet, mem};

use async_trait::async_trait;
use tidemill_backends::dead_letters::form;
use tidemill_engine::{
    batch::Batch,
    handler::{Handler, HandlerError, Outcome},
    kinesis::{Kinesis, ShardFilter, list_all_shards},
    record::ShardId,
    stream::StreamRef,
    time::{Clock, UnixMillis},
};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::{
    super::{
        on_stream::{Letters, Sorted, Whole},
        place::Opened,
    },
    How, Route, Tally,
    route::Begun,
};
use crate::failure::Failure;

/// Redrives the letters of batches.
#[derive(Debug)]
pub struct Streamed {
    opened: Opened,
    how: How,
    route: Route,
    /// Shards that were closed when it began: their ends are not the tip, where more may come.
    closed: HashSet<ShardId>,
    began: UnixMillis,
    stop: CancellationToken,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    letters: Letters,
    tally: Tally,
    /// Names of letters that are redriven: one may be kept twice.
    redriven: HashSet<String>,
    /// Shards of which a letter was left behind: their marks do not move any more.
    halted: HashSet<ShardId>,
}

impl Streamed {
    /// Gets ready for a stream. The token stops the reading once enough is redriven.
    pub async fn new(
        opened: Opened,
        how: How,
        route: Route,
        kinesis: &dyn Kinesis,
        stream: &StreamRef,
        stop: CancellationToken,
    ) -> Result<Self, Failure> {
        let shards = list_all_shards(kinesis, stream, ShardFilter::All).await;
        let shards = shards.map_err(|error| Failure::of_stream(stream, &error))?;
        let closed = shards.into_iter().filter(|shard| shard.ending_sequence.is_some()).map(|shard| shard.id);
        let (closed, began) = (closed.collect(), Clock::system().now());
        Ok(Self { opened, how, route, closed, began, stop, state: Mutex::default() })
    }

    /// Closes the producers, and answers what became of the letters.
    pub async fn close(&self) -> Tally {
        self.route.close().await;
        mem::take(&mut self.state.lock().await.tally)
    }

    /// Redrives the letters of a batch in their order, and answers how many of its records are done with.
    async fn redrive(&self, batch: &Batch) -> Option<u32> {
        // Shards take turns: their letters share a limit, and a terminal.
        let mut state = self.state.lock().await;
        let shard = &batch.info.shard;
        if batch.documents().is_empty() {
            let is_over = self.closed.contains(shard) && !state.halted.contains(shard);
            return (is_over && !self.stop.is_cancelled()).then_some(0);
        }
        if state.halted.contains(shard) || self.stop.is_cancelled() {
            return None;
        }
        let Sorted { letters, unreadable, open } = state.letters.sort(batch);
        unreadable.iter().for_each(|reason| state.tally.pass_over(reason));
        let mut left_behind = open;
        let mut begun = Vec::new();
        for whole in letters {
            if !self.opened.is_meant(&whole.letter) || !self.how.names(&whole.letter) {
                continue;
            }
            let begins = whole.begins;
            let is_left = !self.begin(batch, whole, &mut state, &mut begun).await;
            if is_left {
                left_behind = Some(left_behind.map_or(begins, |open| open.min(begins)));
                state.halted.insert(shard.clone());
                break;
            }
        }
        self.route.flush().await;
        for (whole, on_its_way) in begun {
            match on_its_way.settle().await {
                Ok(()) => {
                    state.tally.redriven += 1;
                    state.redriven.insert(form::id(&whole.letter));
                }
                Err(reason) => {
                    state.tally.fail(&whole.letter, &reason);
                    if !self.how.skip_failed {
                        left_behind = Some(left_behind.map_or(whole.begins, |open| open.min(whole.begins)));
                        state.halted.insert(shard.clone());
                    }
                }
            }
        }
        if state.redriven.len() >= self.how.limit() {
            self.stop.cancel();
        }
        let all = u32::try_from(batch.documents().len()).expect("a batch counts its records in 32 bits");
        left_behind.unwrap_or(Some(all)).filter(|done| *done > 0)
    }

    /// Sends a letter on its way; false where it stays behind, and what follows in its shard with it.
    async fn begin(
        &self,
        batch: &Batch,
        whole: Whole,
        state: &mut State,
        begun: &mut Vec<(Whole, Begun)>,
    ) -> bool {
        if batch.documents().arrival(whole.ends as usize) > self.began {
            state.tally.later += 1;
            return false;
        }
        let id = form::id(&whole.letter);
        if state.redriven.contains(&id) || begun.iter().any(|(other, _)| form::id(&other.letter) == id) {
            return true;
        }
        if state.redriven.len() + begun.len() >= self.how.limit() {
            return false;
        }
        match self.route.begin(&whole.letter).await {
            Ok(on_its_way) => {
                begun.push((whole, on_its_way));
                true
            }
            Err(reason) => {
                state.tally.fail(&whole.letter, &reason);
                self.how.skip_failed
            }
        }
    }
}

#[async_trait]
impl Handler for Streamed {
    async fn handle(&self, batch: &Batch) -> Result<Outcome, HandlerError> {
        Ok(Outcome { checkpoint: self.redrive(batch).await, ..Outcome::default() })
    }
}
