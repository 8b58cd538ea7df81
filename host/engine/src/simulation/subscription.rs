//! A subscription as one process sees it: events are late, and the connection breaks.

use std::sync::Arc;

use async_trait::async_trait;

use super::world::World;
use crate::kinesis::{KinesisError, Subscription, SubscriptionEvent};

/// A subscription over the network.
#[derive(Debug)]
pub(super) struct SimulatedSubscription {
    world: Arc<World>,
    inner: Box<dyn Subscription>,
    is_cut: bool,
}

impl SimulatedSubscription {
    pub(super) fn new(world: Arc<World>, inner: Box<dyn Subscription>) -> Self {
        Self { world, inner, is_cut: false }
    }
}

#[async_trait]
impl Subscription for SimulatedSubscription {
    async fn next(&mut self) -> Option<Result<SubscriptionEvent, KinesisError>> {
        if self.is_cut {
            return None;
        }
        let trip = self.world.network.trip();
        // An event that was not given out comes with the next call, so the wait is before it is taken.
        trip.waste().await;
        if trip.fault.is_some() {
            self.is_cut = true;
            self.world.diary().counts.subscriptions_cut += 1;
            let cut = KinesisError::from_code("SubscribeToShard", "InternalFailure", "the connection broke");
            return Some(Err(cut));
        }
        self.inner.next().await
    }
}
