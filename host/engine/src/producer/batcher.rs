//! Collects documents until sending them is worth a request. Pure: time comes in, decisions go out.

use std::time::Duration;

use tokio::time::Instant;

use super::{document_size, groups::Member};
use crate::processor::Document;

/// Documents that wait for company.
#[derive(Debug)]
pub(super) struct Batcher {
    linger: Duration,
    enough_documents: usize,
    enough_bytes: usize,
    documents: Vec<Document>,
    members: Vec<Member>,
    bytes: usize,
    opened: Option<Instant>,
}

impl Batcher {
    /// A batcher that closes after `linger`, at this many documents or at this many bytes.
    pub(super) fn new(linger: Duration, enough_documents: usize, enough_bytes: usize) -> Self {
        Self {
            linger,
            enough_documents,
            enough_bytes,
            documents: Vec::new(),
            members: Vec::new(),
            bytes: 0,
            opened: None,
        }
    }

    /// Adds the documents of a group.
    pub(super) fn add(&mut self, documents: Vec<Document>, group: u64, now: Instant) {
        self.bytes += documents.iter().map(document_size).sum::<usize>();
        self.members.extend((0_u32..).take(documents.len()).map(|index| Member { group, index }));
        if self.documents.is_empty() {
            self.documents = documents;
        } else {
            self.documents.extend(documents);
        }
        if !self.documents.is_empty() {
            self.opened.get_or_insert(now);
        }
    }

    /// Whether to send what is there, now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let enough = self.documents.len() >= self.enough_documents || self.bytes >= self.enough_bytes;
        !self.documents.is_empty() && (enough || self.due_at().is_some_and(|due| due <= now))
    }

    /// When what is there will be due without further documents.
    pub(super) fn due_at(&self) -> Option<Instant> {
        self.opened.map(|opened| opened + self.linger)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    /// Takes everything out, in the order it came.
    pub(super) fn take(&mut self) -> (Vec<Document>, Vec<Member>) {
        self.bytes = 0;
        self.opened = None;
        (std::mem::take(&mut self.documents), std::mem::take(&mut self.members))
    }

    /// Puts documents back before those that are here; they were put earlier, and waited long enough.
    pub(super) fn put_back(&mut self, mut documents: Vec<Document>, mut members: Vec<Member>, now: Instant) {
        if documents.is_empty() {
            return;
        }
        self.bytes += documents.iter().map(document_size).sum::<usize>();
        documents.append(&mut self.documents);
        members.append(&mut self.members);
        (self.documents, self.members) = (documents, members);
        self.opened = now.checked_sub(self.linger).or(Some(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(count: usize) -> Vec<Document> {
        vec![Document { data: "0123456789".into(), partition_key: None, explicit_hash_key: None }; count]
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_due_by_count_by_bytes_or_by_time() {
        let now = Instant::now();
        let mut batcher = Batcher::new(Duration::from_secs(1), 3, 1_000);
        assert!(!batcher.is_due(now + Duration::from_secs(9)), "nothing is there");
        batcher.add(documents(2), 0, now);
        assert!(!batcher.is_due(now));
        assert!(batcher.is_due(now + Duration::from_secs(1)));
        batcher.add(documents(1), 1, now);
        assert!(batcher.is_due(now), "three documents are enough");
        let (taken, members) = batcher.take();
        assert_eq!((taken.len(), members[2]), (3, Member { group: 1, index: 0 }));
        assert_eq!(batcher.due_at(), None);

        let mut batcher = Batcher::new(Duration::from_secs(1), 1_000, 20);
        batcher.add(documents(2), 0, now);
        assert!(batcher.is_due(now), "twenty bytes are enough");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_put_back_comes_first_and_is_due() {
        let now = Instant::now() + Duration::from_secs(9);
        let mut batcher = Batcher::new(Duration::from_secs(1), 3, 1_000);
        batcher.add(documents(1), 1, now);
        batcher.put_back(documents(1), vec![Member { group: 0, index: 4 }], now);
        assert!(batcher.is_due(now));
        let (taken, members) = batcher.take();
        assert_eq!(taken.len(), 2);
        assert_eq!(members, [Member { group: 0, index: 4 }, Member { group: 1, index: 0 }]);
    }
}
