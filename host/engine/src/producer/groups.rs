//! Documents that were put together, and the ticket they share.

use std::collections::VecDeque;

use tokio::{
    sync::{OwnedSemaphorePermit, oneshot},
    time::Instant,
};

use super::Settled;

/// The documents of one `put_all` on their way.
#[derive(Debug)]
pub(super) struct Group {
    put_at: Instant,
    results: Vec<Option<Settled>>,
    open: usize,
    reply: Option<oneshot::Sender<Vec<Settled>>>,
    room: Option<Room>,
}

/// Room in the producer that documents take until they are settled.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) _documents: OwnedSemaphorePermit,
    pub(super) _bytes: OwnedSemaphorePermit,
}

/// One document of a group. Members compare as they were put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Member {
    /// Number of the group, counted from 0 over the producer's life.
    pub group: u64,
    /// Position in the group.
    pub index: u32,
}

impl Group {
    pub(super) fn new(documents: usize, reply: oneshot::Sender<Vec<Settled>>, room: Room) -> Self {
        Self {
            put_at: Instant::now(),
            results: vec![None; documents],
            open: documents,
            reply: Some(reply),
            room: Some(room),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.results.len()
    }

    fn settle(&mut self, index: u32, result: Settled) {
        let slot = &mut self.results[index as usize];
        debug_assert!(slot.is_none(), "a document settles once");
        *slot = Some(result);
        self.open -= 1;
        if self.open == 0 {
            self.finish();
        }
    }

    fn finish(&mut self) {
        self.room = None;
        let results = std::mem::take(&mut self.results).into_iter().flatten().collect();
        if let Some(reply) = self.reply.take() {
            // Nobody has to wait for a ticket.
            let _ = reply.send(results);
        }
    }
}

/// All groups that are not settled, in the order they were put, and those who wait for them.
#[derive(Debug, Default)]
pub(super) struct Groups {
    open: VecDeque<Group>,
    first: u64,
    flushes: VecDeque<(u64, oneshot::Sender<()>)>,
}

impl Groups {
    /// Adds a group and answers its number.
    pub(super) fn add(&mut self, mut group: Group) -> u64 {
        if group.open == 0 {
            group.finish();
        }
        self.open.push_back(group);
        let number = self.first + self.open.len() as u64 - 1;
        self.forget_settled();
        number
    }

    /// When a document that is not settled was put.
    pub(super) fn put_at(&self, member: Member) -> Instant {
        self.open[self.place_of(member)].put_at
    }

    /// Settles one document.
    pub(super) fn settle(&mut self, member: Member, result: Settled) {
        let at = self.place_of(member);
        self.open[at].settle(member.index, result);
        self.forget_settled();
    }

    /// Answers when every group added so far is settled.
    pub(super) fn when_settled(&mut self, reply: oneshot::Sender<()>) {
        self.flushes.push_back((self.first + self.open.len() as u64, reply));
        self.forget_settled();
    }

    /// Whether somebody waits for groups to settle.
    pub(super) fn is_awaited(&self) -> bool {
        !self.flushes.is_empty()
    }

    fn place_of(&self, member: Member) -> usize {
        usize::try_from(member.group - self.first).expect("fewer groups are open than memory holds")
    }

    fn forget_settled(&mut self) {
        while self.open.front().is_some_and(|group| group.open == 0) {
            self.open.pop_front();
            self.first += 1;
        }
        while self.flushes.front().is_some_and(|(upto, _)| *upto <= self.first) {
            if let Some((_, reply)) = self.flushes.pop_front() {
                // Whoever asked may have gone.
                let _ = reply.send(());
            }
        }
    }
}
