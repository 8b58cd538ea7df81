//! Entries that wait to be sent, one line a partition key or a shard. Pure: time comes in, requests go out.
//!
//! A line that has an entry under way has no second one under way, and an entry that failed goes back to the head of
//! its line: so entries of one line reach the stream in order whatever fails. Lines that may go on stand at their
//! shard; shards with room take turns, and a shard without room holds up nobody else. Every step is O(1) an entry,
//! but for going over to another map of the shards.

#[cfg(test)]
mod tests;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    ops::Range,
    sync::Arc,
};

use foldhash::fast::FixedState;
use tokio::time::Instant;

use super::{groups::Member, rates::Rates, spool::SpoolId};
use crate::{hash::HashKey, limits, processor::Document, record::Entry};

/// An entry on its way.
#[derive(Debug)]
pub(super) struct Queued {
    /// What the service gets.
    pub entry: Entry,
    /// The documents in it.
    pub origin: Origin,
    /// Where in the hash key space it belongs.
    pub hash: HashKey,
    /// The shard that should take it, by its place in the map.
    pub shard: usize,
    /// Entries of one line keep their order.
    pub line: u64,
    /// After this it is not worth sending.
    pub not_after: Option<Instant>,
    /// How often it was sent so far.
    pub attempts: u32,
    /// Why it failed the last time.
    pub last_failure: Option<Arc<str>>,
    /// It has to be the only entry of its request, because a request with it and others was refused as a whole.
    pub alone: bool,
}

impl Queued {
    /// An entry that was not sent so far.
    pub(super) fn new(entry: Entry, origin: Origin, hash: HashKey, shard: usize, line: u64) -> Self {
        Self {
            entry,
            origin,
            hash,
            shard,
            line,
            not_after: None,
            attempts: 0,
            last_failure: None,
            alone: false,
        }
    }

    /// It is not worth sending after the deadline, if there is one.
    pub(super) fn hurry(&mut self, deadline: Option<Instant>) {
        self.not_after = self.not_after.into_iter().chain(deadline).min();
    }
}

/// Where an entry comes from.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// A stretch of documents that were encoded together.
    Put {
        /// What was encoded.
        run: Arc<Encodable>,
        /// Which of them are in the entry.
        range: Range<usize>,
    },
    /// An earlier try, after which it was kept.
    Spool(SpoolId),
}

/// Documents that are encoded together, in order.
#[derive(Debug, Default)]
pub(super) struct Encodable {
    pub members: Vec<Member>,
    /// The documents themselves; empty once they are encoded, unless they may have to be encoded again.
    pub documents: Vec<Document>,
}

impl Origin {
    pub(super) fn members(&self) -> &[Member] {
        match self {
            Self::Put { run, range } => &run.members[range.clone()],
            Self::Spool(_) => &[],
        }
    }

    /// The documents in the entry; none if they are not kept.
    pub(super) fn documents(&self) -> &[Document] {
        match self {
            Self::Put { run, range } => run.documents.get(range.clone()).unwrap_or_default(),
            Self::Spool(_) => &[],
        }
    }
}

/// What one request may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestBounds {
    pub entries: usize,
    pub bytes: usize,
}

/// The entries that wait.
#[derive(Debug, Default)]
pub(super) struct EntryQueue {
    lines: HashMap<u64, Line, FixedState>,
    /// Lines whose head may be sent, shard by shard.
    stands: Vec<Stand>,
    /// Shards with such lines and with room, as far as is known, in turn.
    turns: VecDeque<usize>,
    /// Lines and shards that have to wait, by when.
    waiting: BinaryHeap<Reverse<(Instant, Waiting)>>,
    /// Entries that came to be sent after it was worth it.
    late: Vec<Queued>,
    /// Lines at shards in turn.
    ready: usize,
    len: usize,
}

#[derive(Debug, Default)]
struct Line {
    entries: VecDeque<Queued>,
    /// An entry of it was taken out and has not settled.
    is_out: bool,
}

#[derive(Debug, Default)]
struct Stand {
    lines: VecDeque<u64>,
    state: Turn,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Turn {
    /// Nothing stands there.
    #[default]
    Idle,
    Next,
    /// It has no room.
    Waiting,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Waiting {
    Line(u64),
    Shard(usize),
}

impl EntryQueue {
    /// Adds an entry at the end of its line.
    pub(super) fn push(&mut self, queued: Queued) {
        let (id, shard) = (queued.line, queued.shard);
        let line = self.lines.entry(id).or_default();
        let is_new = line.entries.is_empty() && !line.is_out;
        if line.entries.capacity() == 0 {
            // Most lines never have a second entry, and entries are large.
            line.entries.reserve_exact(1);
        }
        line.entries.push_back(queued);
        self.len += 1;
        if is_new {
            self.stand(id, shard);
        }
    }

    /// Takes the next request out, within its bounds, no two entries of one line, and each with room at its shard.
    /// Empty when nothing may be sent now.
    pub(super) fn next_request(
        &mut self,
        bounds: RequestBounds,
        rates: &mut Rates,
        now: Instant,
    ) -> Vec<Queued> {
        self.wake(now);
        let mut request: Vec<Queued> = Vec::new();
        let mut bytes = 0;
        while let Some(&shard) = self.turns.front()
            && request.len() < bounds.entries
        {
            let head = self.head(shard);
            let size = head.entry.size();
            if head.not_after.is_some_and(|last| last <= now) {
                let late = self.take(shard);
                self.late.push(late);
                continue;
            }
            if !request.is_empty() && (bytes + size > bounds.bytes || head.alone) {
                break;
            }
            if let Err(room_at) = rates.take(shard, size, now) {
                let at = room_at.max(now + limits::RATE_PAUSE);
                let at = head.not_after.map_or(at, |last| at.min(last));
                self.turns.pop_front();
                self.ready -= self.stands[shard].lines.len();
                self.stands[shard].state = Turn::Waiting;
                self.waiting.push(Reverse((at, Waiting::Shard(shard))));
                continue;
            }
            let queued = self.take(shard);
            bytes += size;
            let alone = queued.alone;
            request.push(queued);
            if alone {
                break;
            }
        }
        request
    }

    /// The entries that came to be sent too late. Each counts as taken out.
    pub(super) fn take_late(&mut self) -> Vec<Queued> {
        std::mem::take(&mut self.late)
    }

    /// An entry that was taken out has settled: its line goes on.
    pub(super) fn settled(&mut self, id: u64) {
        let Some(line) = self.lines.get_mut(&id) else {
            debug_assert!(false, "a line stays while an entry of it is out");
            return;
        };
        line.is_out = false;
        match line.entries.front().map(|head| head.shard) {
            Some(shard) => self.stand(id, shard),
            None => drop(self.lines.remove(&id)),
        }
    }

    /// An entry that was taken out goes back to the head of its line and waits there until `not_before`, or until it
    /// is late.
    pub(super) fn put_back(&mut self, queued: Queued, not_before: Instant) {
        let at = queued.not_after.map_or(not_before, |last| not_before.min(last));
        let id = queued.line;
        let line = self.lines.entry(id).or_default();
        line.is_out = false;
        line.entries.push_front(queued);
        self.len += 1;
        self.waiting.push(Reverse((at, Waiting::Line(id))));
    }

    /// Finds the shard of every entry anew, after the map of the shards changed.
    pub(super) fn route(&mut self, shards: usize, shard_of: impl Fn(&Queued) -> usize) {
        let standing: Vec<u64> = self.stands.drain(..).flat_map(|stand| stand.lines).collect();
        self.stands.resize_with(shards, Stand::default);
        self.turns.clear();
        self.ready = 0;
        self.waiting.retain(|Reverse((_, waiting))| matches!(waiting, Waiting::Line(_)));
        for queued in self.lines.values_mut().flat_map(|line| &mut line.entries) {
            queued.shard = shard_of(queued);
        }
        for line in standing {
            self.stand_up(line);
        }
    }

    /// Nothing is worth sending after the deadline, and nothing waits for longer.
    pub(super) fn hurry(&mut self, deadline: Instant) {
        let entries = self.lines.values_mut().flat_map(|line| &mut line.entries);
        entries.for_each(|queued| queued.hurry(Some(deadline)));
        let waiting = self.waiting.drain();
        self.waiting = waiting.map(|Reverse((at, waiting))| Reverse((at.min(deadline), waiting))).collect();
    }

    /// Takes everything out that waits, in no order, and forgets what is out.
    pub(super) fn take_all(&mut self) -> Vec<Queued> {
        let all = self.lines.drain().flat_map(|(_, line)| line.entries).collect();
        *self = Self::default();
        all
    }

    /// When the next line or shard may go on; none if none waits.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.waiting.peek().map(|Reverse((at, _))| *at)
    }

    /// How many entries could go in one request now, as far as is known.
    pub(super) fn ready(&mut self, now: Instant) -> usize {
        self.wake(now);
        self.ready
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn wake(&mut self, now: Instant) {
        while self.wake_at().is_some_and(|at| at <= now) {
            match self.waiting.pop() {
                Some(Reverse((_, Waiting::Line(line)))) => self.stand_up(line),
                Some(Reverse((_, Waiting::Shard(shard)))) => self.resume(shard),
                None => return,
            }
        }
    }

    /// Puts a line to the shard of its head.
    fn stand_up(&mut self, id: u64) {
        let head = self.lines.get(&id).and_then(|line| line.entries.front());
        let shard = head.expect("a line that waits has an entry").shard;
        self.stand(id, shard);
    }

    fn stand(&mut self, line: u64, shard: usize) {
        if self.stands.len() <= shard {
            self.stands.resize_with(shard + 1, Stand::default);
        }
        self.stands[shard].lines.push_back(line);
        match self.stands[shard].state {
            Turn::Idle => self.resume(shard),
            Turn::Next => self.ready += 1,
            Turn::Waiting => {}
        }
    }

    /// Gives a shard a turn, unless nothing stands there.
    fn resume(&mut self, shard: usize) {
        let stand = &mut self.stands[shard];
        stand.state = if stand.lines.is_empty() { Turn::Idle } else { Turn::Next };
        if stand.state == Turn::Next {
            self.ready += stand.lines.len();
            self.turns.push_back(shard);
        }
    }

    fn head(&self, shard: usize) -> &Queued {
        let line = self.stands[shard].lines.front().expect("a shard in turn has a line");
        self.lines[line].entries.front().expect("a line that stands has an entry")
    }

    /// Takes the head of the shard in turn out; the next shard is in turn.
    fn take(&mut self, shard: usize) -> Queued {
        let stand = &mut self.stands[shard];
        let id = stand.lines.pop_front().expect("a shard in turn has a line");
        self.turns.pop_front();
        if stand.lines.is_empty() {
            stand.state = Turn::Idle;
        } else {
            self.turns.push_back(shard);
        }
        self.ready -= 1;
        self.len -= 1;
        let line = self.lines.get_mut(&id).expect("a line that stands exists");
        line.is_out = true;
        line.entries.pop_front().expect("a line that stands has an entry")
    }
}
