//! Batches whose emitted documents are on their way: the checkpoint follows the oldest of them.

use std::collections::VecDeque;

use crate::{
    lease::Checkpoint,
    limits,
    producer::{BatchTicket, PutError},
};

/// Handled batches in order, each with the tickets it waits for.
#[derive(Debug, Default)]
pub(super) struct Outstanding {
    batches: VecDeque<Handled>,
}

/// A batch that was handled.
#[derive(Debug)]
pub(super) struct Handled {
    /// Where the work is done up to once the tickets resolve; none where it is as far as before.
    pub checkpoint: Option<Checkpoint>,
    /// How many user records that covers.
    pub documents: u64,
    /// What was emitted for it.
    pub tickets: Vec<BatchTicket>,
}

impl Outstanding {
    pub(super) fn push(&mut self, handled: Handled) {
        self.batches.push_back(handled);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.batches.len() >= limits::UNACKNOWLEDGED_BATCHES
    }

    /// The checkpoint of the oldest batch, once all it emitted is acknowledged, and how many user records it covers.
    /// An error if one of them failed: that batch is not done, so no later one may be checkpointed either, and all
    /// are forgotten. Waits for ever when there is no batch.
    ///
    /// # Cancel safety
    /// Safe: tickets that resolved are not asked again.
    pub(super) async fn next(&mut self) -> Result<(Option<Checkpoint>, u64), PutError> {
        let Some(oldest) = self.batches.front_mut() else { return std::future::pending().await };
        while let Some(ticket) = oldest.tickets.last_mut() {
            let settled = ticket.await;
            oldest.tickets.pop();
            if let Some(error) = settled.into_iter().find_map(Result::err) {
                self.batches.clear();
                return Err(error);
            }
        }
        let done = self.batches.pop_front().expect("the oldest batch is still there");
        Ok((done.checkpoint, done.documents))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt;
    use tokio::sync::oneshot;

    use super::*;
    use crate::{producer::Settled, record::Placed};

    fn placed() -> Settled {
        let sequence = "1".to_owned().try_into().unwrap();
        Ok(Arc::new(Placed { shard: "shardId-000000000000".into(), sequence }))
    }

    /// Three batches of one document each, and what resolves their tickets.
    fn three() -> (Outstanding, Vec<oneshot::Sender<Vec<Settled>>>) {
        let mut outstanding = Outstanding::default();
        let mut replies = Vec::new();
        for at in 1..=3 {
            let (reply, ticket) = BatchTicket::channel(1);
            let checkpoint = Some(Checkpoint::AtTimestamp(crate::time::UnixMillis(at)));
            outstanding.push(Handled { checkpoint, documents: 1, tickets: vec![ticket] });
            replies.push(reply);
        }
        (outstanding, replies)
    }

    #[test]
    fn i2_a_checkpoint_waits_for_everything_before_it() {
        let (mut outstanding, mut replies) = three();
        replies.remove(1).send(vec![placed()]).unwrap();
        assert!(outstanding.next().now_or_never().is_none(), "the first batch is not acknowledged");
        replies.remove(0).send(vec![placed()]).unwrap();
        for at in 1..=2 {
            let (checkpoint, _) = outstanding.next().now_or_never().unwrap().unwrap();
            assert_eq!(checkpoint, Some(Checkpoint::AtTimestamp(crate::time::UnixMillis(at))));
        }
        assert!(outstanding.next().now_or_never().is_none());
    }

    #[test]
    fn i2_nothing_behind_a_failed_document_is_checkpointed() {
        let (mut outstanding, mut replies) = three();
        replies.remove(1).send(vec![placed()]).unwrap();
        replies.remove(0).send(vec![Err(PutError::Closed)]).unwrap();
        assert_eq!(outstanding.next().now_or_never().unwrap(), Err(PutError::Closed));
        assert!(outstanding.is_empty());
    }
}
