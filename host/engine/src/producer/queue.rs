//! Entries that wait to be sent, one line a partition key. Pure: time comes in, requests go out.
//!
//! A key that has an entry under way has no second one under way, and an entry that failed goes back to the head of
//! its key's line: so entries of one key reach the stream in order whatever fails. Every step is O(1) an entry.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    ops::Range,
    sync::Arc,
};

use tokio::time::Instant;

use super::{Ordering, groups::Member};
use crate::record::Entry;

/// An entry on its way.
#[derive(Debug)]
pub(super) struct Queued {
    /// What the service gets.
    pub entry: Entry,
    /// The documents in it.
    pub origin: Origin,
    /// How often it was sent so far.
    pub attempts: u32,
    /// It has to be the only entry of its request, because a request with it and others was refused as a whole.
    pub alone: bool,
    line: u64,
}

/// Which documents an entry holds: a stretch of those that were encoded together.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub members: Arc<[Member]>,
    pub range: Range<usize>,
}

impl Origin {
    pub(super) fn members(&self) -> &[Member] {
        &self.members[self.range.clone()]
    }
}

/// The entries that wait.
#[derive(Debug)]
pub(super) struct KeyQueue {
    ordering: Ordering,
    /// The entries of each line; a line with an entry under way is here too, perhaps empty.
    lines: HashMap<u64, VecDeque<Queued>>,
    /// Lines whose head may be sent now.
    ready: VecDeque<u64>,
    /// Lines whose head has to wait, by when.
    waiting: BinaryHeap<Reverse<(Instant, u64)>>,
    next_line: u64,
    len: usize,
}

impl KeyQueue {
    pub(super) fn new(ordering: Ordering) -> Self {
        Self {
            ordering,
            lines: HashMap::new(),
            ready: VecDeque::new(),
            waiting: BinaryHeap::new(),
            next_line: 0,
            len: 0,
        }
    }

    /// Adds an entry at the end of its key's line.
    pub(super) fn push(&mut self, entry: Entry, origin: Origin) {
        let line = self.line_of(&entry);
        let queued = Queued { entry, origin, attempts: 0, alone: false, line };
        self.len += 1;
        match self.lines.get_mut(&line) {
            Some(entries) => entries.push_back(queued),
            None => {
                self.lines.insert(line, VecDeque::from([queued]));
                self.ready.push_back(line);
            }
        }
    }

    /// Takes the next request out: at most `entries` of them with at most `bytes` together, no two of one line.
    /// Empty when nothing may be sent now.
    pub(super) fn next_request(&mut self, entries: usize, bytes: usize, now: Instant) -> Vec<Queued> {
        self.wake(now);
        let mut request: Vec<Queued> = Vec::new();
        let mut size = 0;
        while request.len() < entries {
            let Some(&line) = self.ready.front() else { break };
            let waiting = self.lines.get_mut(&line).expect("a ready line exists");
            let head = waiting.front().expect("a ready line has an entry");
            let fits = size + head.entry.size() <= bytes && !head.alone;
            if !fits && !request.is_empty() {
                break;
            }
            size += head.entry.size();
            let queued = waiting.pop_front().expect("a ready line has an entry");
            let alone = queued.alone;
            request.push(queued);
            self.ready.pop_front();
            self.len -= 1;
            if alone {
                break;
            }
        }
        request
    }

    /// An entry that was taken out has settled: its line goes on.
    pub(super) fn settled(&mut self, queued: &Queued) {
        match self.lines.get(&queued.line) {
            Some(entries) if entries.is_empty() => drop(self.lines.remove(&queued.line)),
            Some(_) => self.ready.push_back(queued.line),
            None => debug_assert!(false, "a line stays while an entry of it is under way"),
        }
    }

    /// An entry that was taken out goes back to the head of its line and waits there until `not_before`.
    pub(super) fn put_back(&mut self, queued: Queued, not_before: Instant) {
        let line = queued.line;
        self.lines.entry(line).or_default().push_front(queued);
        self.waiting.push(Reverse((not_before, line)));
        self.len += 1;
    }

    /// When the next waiting line may go on; none if none waits.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.waiting.peek().map(|Reverse((at, _))| *at)
    }

    /// How many entries may be sent now.
    pub(super) fn ready(&mut self, now: Instant) -> usize {
        self.wake(now);
        self.ready.len()
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn wake(&mut self, now: Instant) {
        while self.wake_at().is_some_and(|at| at <= now) {
            if let Some(Reverse((_, line))) = self.waiting.pop() {
                self.ready.push_back(line);
            }
        }
    }

    fn line_of(&mut self, entry: &Entry) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        match self.ordering {
            // Two keys that share a line for their hash wait for each other, which is slower and not wrong.
            Ordering::PerKey => {
                let mut hasher = DefaultHasher::new();
                entry.partition_key.as_bytes().hash(&mut hasher);
                hasher.finish()
            }
            Ordering::Relaxed => {
                self.next_line += 1;
                self.next_line
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn queue(ordering: Ordering, keys: &[&'static str]) -> KeyQueue {
        let mut queue = KeyQueue::new(ordering);
        for (at, key) in keys.iter().enumerate() {
            let entry =
                Entry { data: at.to_string().into(), partition_key: (*key).into(), explicit_hash_key: None };
            queue.push(entry, Origin { members: Arc::new([]), range: 0..0 });
        }
        queue
    }

    fn data(request: &[Queued]) -> Vec<&str> {
        request.iter().map(|queued| std::str::from_utf8(&queued.entry.data).unwrap()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_holds_one_entry_a_key_and_failures_keep_their_place() {
        let now = Instant::now();
        let mut queue = queue(Ordering::PerKey, &["a", "a", "b", "a"]);
        let mut request = queue.next_request(500, 1_000, now);
        assert_eq!(data(&request), ["0", "2"]);
        assert!(queue.next_request(500, 1_000, now).is_empty(), "both keys are under way");

        queue.settled(&request.pop().unwrap());
        let later = now + Duration::from_secs(1);
        queue.put_back(request.pop().unwrap(), later);
        assert_eq!(queue.ready(now), 0);
        assert_eq!(queue.wake_at(), Some(later));
        for expected in ["0", "1", "3"] {
            let request = queue.next_request(500, 1_000, later);
            assert_eq!(data(&request), [expected]);
            queue.settled(&request[0]);
        }
        assert_eq!(queue.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_keeps_to_its_bounds() {
        let now = Instant::now();
        let mut relaxed = queue(Ordering::Relaxed, &["a", "a", "a"]);
        assert_eq!(data(&relaxed.next_request(2, 1_000, now)), ["0", "1"]);
        let mut small = queue(Ordering::Relaxed, &["a", "a", "a"]);
        assert_eq!(data(&small.next_request(500, 5, now)), ["0", "1"], "each is two bytes");
        assert_eq!(data(&small.next_request(500, 1, now)), ["2"], "one entry goes however large it is");
    }

    #[tokio::test(start_paused = true)]
    async fn an_entry_that_must_be_alone_is() {
        let now = Instant::now();
        let mut queue = queue(Ordering::PerKey, &["a", "b"]);
        let mut request = queue.next_request(500, 1_000, now);
        for mut queued in request.drain(..).rev() {
            queued.alone = true;
            queue.put_back(queued, now);
        }
        assert_eq!(queue.next_request(500, 1_000, now).len(), 1);
        assert_eq!(queue.next_request(500, 1_000, now).len(), 1);
    }
}
