//! Dead letters as one process keeps them: over the network, and each is taken down in the moment that it is kept.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    ledger,
    network::{Fault, NoAnswer},
    process::ProcessId,
    world::World,
};
use crate::dead_letter::{DeadLetter, DeadLetterError, DeadLetters};

/// The place for the dead letters of a process.
#[derive(Debug)]
pub(super) struct SimulatedLetters {
    pub world: Arc<World>,
    pub process: ProcessId,
}

#[async_trait]
impl DeadLetters for SimulatedLetters {
    async fn put(&self, letters: &[DeadLetter]) -> Result<(), DeadLetterError> {
        let (world, process, letters) = (Arc::clone(&self.world), self.process, letters.to_vec());
        let trip = self.world.network.trip();
        self.world.diary().counts.calls += 1;
        if matches!(trip.fault, Some(Fault::Refused | Fault::IteratorExpired)) {
            self.world.diary().counts.refused += 1;
            trip.waste().await;
            return Err(DeadLetterError("the place was told to refuse".to_owned()));
        }
        let effect = async move { letters.iter().for_each(|letter| world.keep(process, letter)) };
        trip.make(effect).await.map_err(|NoAnswer| {
            self.world.diary().counts.answers_lost += 1;
            DeadLetterError("the place did not answer".to_owned())
        })
    }
}

impl World {
    fn keep(&self, process: ProcessId, letter: &DeadLetter) {
        let Some((key, number)) = ledger::parse(&letter.data) else { return };
        self.ledger().kept(key, number);
        self.diary().counts.letters += 1;
        self.note(format_args!("{process} gives {key}:{number} of {} up", letter.shard));
    }
}
