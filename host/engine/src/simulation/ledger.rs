//! What was put on the source, where it came to lie there, and how often each document is on the sink.

use std::collections::BTreeMap;

use super::{diary::Check, process::ProcessId};
use crate::{lease::Checkpoint, record::ShardId, sequence::SequenceNumber};

/// The documents of a run.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    documents: Vec<Document>,
    keys: Vec<KeyLine>,
    shards: BTreeMap<ShardId, ShardLine>,
    /// What was put before this moment is not on the source any more, in milliseconds.
    horizon: u128,
}

#[derive(Debug)]
struct Document {
    shard: ShardId,
    /// Which document of its shard it is.
    place: usize,
    /// When it was put, in milliseconds.
    put: u128,
    /// Whether the application has to handle it.
    is_owed: bool,
    landed: u32,
    /// Whether it is among the dead letters.
    is_given_up: bool,
    /// Times that it may have been put again because a call deceived its caller or a handler asked for its batch again.
    excused: u32,
}

#[derive(Debug, Default)]
struct KeyLine {
    documents: Vec<usize>,
    /// The first of them that is owed and not on the sink.
    next: usize,
}

#[derive(Debug, Default)]
struct ShardLine {
    documents: Vec<(SequenceNumber, u32, usize)>,
    /// How many of them are known to be on the sink.
    done: usize,
    forced: Vec<Forced>,
    /// The first document that a reader that began behind the newest record can have seen.
    latest: Option<usize>,
}

/// A lease that was taken from a holder who had not given it back: what the holder did since its last checkpoint is
/// done again, and what it does until it knows is done twice.
#[derive(Debug)]
struct Forced {
    loser: ProcessId,
    from: usize,
    /// Where the loser cannot have come to any more.
    to: usize,
}

/// What is wrong, and what was seen.
pub(super) type Wrong = (Check, String);

impl Ledger {
    pub(super) fn new(keys: usize) -> Self {
        Self { keys: (0..keys).map(|_| KeyLine::default()).collect(), ..Self::default() }
    }

    /// The number that the next document of a key gets.
    pub(super) fn next_number(&self, key: usize) -> usize {
        self.keys[key].documents.len()
    }

    /// The next document of a key was put.
    pub(super) fn put(
        &mut self,
        key: usize,
        shard: &ShardId,
        at: (SequenceNumber, u32),
        put: u128,
        is_owed: bool,
    ) {
        let id = self.documents.len();
        let line = self.shards.entry(shard.clone()).or_default();
        let place = line.documents.len();
        line.documents.push((at.0, at.1, id));
        self.documents.push(Document {
            shard: shard.clone(),
            place,
            put,
            is_owed,
            landed: 0,
            is_given_up: false,
            excused: 0,
        });
        self.keys[key].documents.push(id);
    }

    /// What was put before a moment, in milliseconds, is not on the source any more.
    pub(super) fn expire(&mut self, before: u128) {
        self.horizon = before;
    }

    /// How many documents were put on a shard so far.
    pub(super) fn count(&self, shard: &ShardId) -> usize {
        self.shards.get(shard).map_or(0, |line| line.documents.len())
    }

    /// A reader knows that it stands behind the first so many documents of a shard, which were all there were.
    pub(super) fn begin_at_tip(&mut self, shard: &ShardId, behind: usize) {
        self.shards.entry(shard.clone()).or_default().latest.get_or_insert(behind);
    }

    /// Whoever takes a shard that was read from behind its newest record, and has no checkpoint, begins so again.
    pub(super) fn forget_tip(&mut self, shard: &ShardId) {
        if let Some(line) = self.shards.get_mut(shard) {
            line.latest = None;
        }
    }

    /// The first checkpoint of a shard that was read from behind its newest record was made: whoever made it saw
    /// everything that came since.
    pub(super) fn owe_since_tip(&mut self, shard: &ShardId) {
        let Some(line) = self.shards.get_mut(shard) else { return };
        let Some(from) = line.latest.take() else { return };
        for (_, _, id) in &line.documents[from..] {
            self.documents[*id].is_owed = true;
        }
    }

    /// A document may come again for a reason of its own.
    pub(super) fn excuse(&mut self, key: usize, number: usize) {
        let id = self.keys[key].documents[number];
        self.documents[id].excused += 1;
    }

    /// A document is among the dead letters now, which is an outcome too.
    pub(super) fn kept(&mut self, key: usize, number: usize) {
        let id = self.keys[key].documents[number];
        self.documents[id].is_given_up = true;
    }

    /// A document landed on the sink. Answers whether it had before.
    ///
    /// # Errors
    /// If it is out of order, or there once too often.
    pub(super) fn landed(&mut self, key: usize, number: usize) -> Result<bool, Wrong> {
        let Self { documents, keys, shards, horizon } = self;
        let line = &mut keys[key];
        let id = line.documents[number];
        documents[id].landed += 1;
        let is_first = documents[id].landed == 1;
        let is_pending = |id: &usize| documents[*id].is_missing(*horizon);
        let ahead = line.documents[line.next..].iter().take_while(|id| !is_pending(id)).count();
        line.next += ahead;
        if is_first && line.next < number {
            let missing = line.next;
            return Err((
                Check::Order,
                format!("document {key}:{number} landed before {key}:{missing}, which has not yet"),
            ));
        }
        let document = &documents[id];
        let forced = shards[&document.shard].forced_over(document.place);
        let allowed = 1 + document.excused + forced;
        if document.landed > allowed {
            return Err((
                Check::Duplicate,
                format!(
                    "document {key}:{number} of {} is there {} times, excused={} forced={forced}",
                    document.shard, document.landed, document.excused
                ),
            ));
        }
        Ok(!is_first)
    }

    /// A document could not be handled, or not yet. Should its shard be given back now, the documents behind it are
    /// handled again, though lanes beside have handled them: as many as the rest of a batch.
    pub(super) fn held_up(&mut self, process: ProcessId, key: usize, number: usize, batch: usize) {
        let document = &self.documents[self.keys[key].documents[number]];
        let (from, to) = (document.place, document.place.saturating_add(batch));
        let line = self.shards.entry(document.shard.clone()).or_default();
        line.forced.push(Forced { loser: process, from, to });
    }

    /// A lease was taken from a holder that had not given it back.
    pub(super) fn forced(&mut self, shard: &ShardId, checkpoint: &Checkpoint, loser: ProcessId) {
        let line = self.shards.entry(shard.clone()).or_default();
        let from = line.covered_by(checkpoint);
        line.forced.push(Forced { loser, from, to: usize::MAX });
    }

    /// A process handles nothing of a shard any more, or of any shard.
    pub(super) fn gone(&mut self, process: ProcessId, shard: Option<&ShardId>) {
        for (_, line) in self.shards.iter_mut().filter(|(id, _)| shard.is_none_or(|shard| *id == shard)) {
            let read = line.documents.len();
            for forced in line.forced.iter_mut().filter(|forced| forced.loser == process) {
                forced.to = forced.to.min(read);
            }
        }
    }

    /// Whether everything that a checkpoint covers has an outcome.
    pub(super) fn covers(&mut self, shard: &ShardId, checkpoint: &Checkpoint) -> Result<(), Wrong> {
        let Self { documents, keys: _, shards, horizon } = self;
        let Some(line) = shards.get_mut(shard) else { return Ok(()) };
        let covered = line.covered_by(checkpoint);
        while line.done < covered {
            let (sequence, sub_sequence, id) = &line.documents[line.done];
            let document = &documents[*id];
            if document.is_missing(*horizon) {
                return Err((
                    Check::Lost,
                    format!(
                        "the checkpoint {checkpoint} of {shard} covers {sequence}:{sub_sequence}, which is neither on the sink nor given up"
                    ),
                ));
            }
            line.done += 1;
        }
        Ok(())
    }

    /// Whether a checkpoint covers everything that was put on a shard.
    pub(super) fn is_at_tip(&self, shard: &ShardId, checkpoint: &Checkpoint) -> bool {
        self.shards.get(shard).is_none_or(|line| {
            let owed =
                |(_, _, id): &&(SequenceNumber, u32, usize)| self.documents[*id].is_owed_still(self.horizon);
            let rest = &line.documents[line.covered_by(checkpoint)..];
            rest.iter().find(owed).is_none()
        })
    }

    /// The first document that is owed and has no outcome.
    pub(super) fn missing(&self) -> Option<String> {
        let id = self.documents.iter().position(|document| document.is_missing(self.horizon))?;
        let (key, line) =
            self.keys.iter().enumerate().find(|(_, line)| line.documents.binary_search(&id).is_ok())?;
        let number = line.documents.binary_search(&id).ok()?;
        Some(format!("document {key}:{number} of {} never landed", self.documents[id].shard))
    }
}

impl Document {
    /// Whether the application has to handle it, or to have handled it while it was there.
    fn is_owed_still(&self, horizon: u128) -> bool {
        self.is_owed && self.put >= horizon
    }

    fn is_missing(&self, horizon: u128) -> bool {
        self.is_owed_still(horizon) && self.landed == 0 && !self.is_given_up
    }
}

impl ShardLine {
    /// How many of the shard's documents a checkpoint covers.
    fn covered_by(&self, checkpoint: &Checkpoint) -> usize {
        match checkpoint {
            Checkpoint::ShardEnd => self.documents.len(),
            Checkpoint::At { sequence, sub_sequence } => self.documents.partition_point(|(at, sub, _)| {
                at < sequence || at == sequence && sub_sequence.is_none_or(|last| *sub <= last)
            }),
            _ => 0,
        }
    }

    fn forced_over(&self, place: usize) -> u32 {
        let over = self.forced.iter().filter(|forced| (forced.from..forced.to).contains(&place)).count();
        u32::try_from(over).unwrap_or(u32::MAX)
    }
}

/// The text of a document: JSON, so that every processor takes it.
pub(super) fn text(key: usize, number: usize) -> String {
    format!("[{key},{number}]")
}

/// Which document a text is.
pub(super) fn parse(data: &[u8]) -> Option<(usize, usize)> {
    let text = std::str::from_utf8(data).ok()?;
    let (key, number) = text.strip_prefix('[')?.strip_suffix(']')?.split_once(',')?;
    Some((key.trim().parse().ok()?, number.trim().parse().ok()?))
}

/// The partition key of a key's documents.
pub(super) fn partition_key(key: usize) -> String {
    format!("key-{key}")
}
