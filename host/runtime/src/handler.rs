//! A component as a handler.
//!
//! Each lane of a shard has an instance of its own. A call takes the lane's instance out, and puts it back when the guest
//! answered. An instance that trapped, ran past its deadline or broke the contract is not put back, and neither is one
//! whose call was dropped half way: the lane's next batch meets a fresh one.
//!
//! A batch reads once which generations are in use. While one of them has to prove itself, [`contest`] says who handles
//! what.

use std::sync::Arc;

use async_trait::async_trait;
use tidemill_engine::{
    batch::Batch,
    deploy::{self, Applied, Artifact, Refused, SlotStatus, Verdict, Wanted},
    handler::{Closed, Handler, HandlerError, HandlerErrorKind, Outcome},
    record::ShardId,
};

use crate::{
    bindings::life::Ending,
    component::Inspection,
    contract::Role,
    engine::Engine,
    error::ComponentError,
    settings::HandlerSettings,
    slot::{First, Generation, Slot, not_started},
};

mod call;
mod contest;
mod difference;
mod division;
mod lane;
mod life;
mod run;
mod shadow;
mod swap;

pub use call::HandlerContract;

use lane::{Lane, Lanes};
use shadow::Shadows;

/// A component that handles batches, and that another can take the place of while it does.
#[derive(Debug)]
pub struct ComponentHandler {
    pub(crate) slot: Arc<Slot<HandlerContract>>,
    lanes: Lanes,
    pub(crate) shadows: Shadows,
}

impl ComponentHandler {
    /// Compiles and checks a component, and makes one instance of it to see that it can be made.
    ///
    /// It compiles on threads of its own, about a second for each megabyte. It may be dropped at any await; a compilation
    /// under way then ends unheard.
    pub async fn load(
        engine: &Engine,
        artifact: &Arc<Artifact>,
        settings: HandlerSettings,
    ) -> Result<Self, ComponentError> {
        let (first, mut instance) = First::load(engine, artifact, Role::Handler, settings.grants()).await?;
        let begun = life::begin(&first.generation, &mut instance, None).await;
        begun.map_err(|fault| not_started(&artifact.from, fault))?;
        life::end(&first.generation, instance, None, Ending::Left).await;
        let rollout = settings.rollout.clone();
        let slot = first.into_slot(settings, rollout);
        Ok(Self { slot, lanes: Lanes::default(), shadows: Shadows::default() })
    }

    /// The component's name and the start of its digest, as errors and logs call it.
    pub fn label(&self) -> Arc<str> {
        self.slot.label()
    }

    /// What the component is.
    pub fn inspection(&self) -> Inspection {
        self.slot.inspection()
    }

    /// Waits until the components that were replaced are gone with all of their memory, but no longer than their batches
    /// may take; answers whether they are. Cancel safe.
    pub async fn drained(&self) -> bool {
        self.slot.drained().await
    }

    /// Where another generation has the lane than the one whose instance keeps records of it in memory, those have to be
    /// read again.
    fn enter(
        &self,
        lane: &Lane,
        generation: &Generation<HandlerContract>,
        batch: &Batch,
    ) -> Result<(), HandlerError> {
        let uncovered = batch.info.uncovered;
        self.lanes.enter(lane, generation.id, uncovered).map_err(|older| HandlerError {
            handler: generation.label.to_string(),
            kind: HandlerErrorKind::Swapped,
            message: format!(
                "what no checkpoint covers is read again, records={uncovered} generation={} before={older}",
                generation.id
            ),
            by: Some(Arc::clone(&generation.deployed)),
        })
    }
}

#[async_trait]
impl Handler for ComponentHandler {
    async fn handle(&self, batch: &Batch) -> Result<Outcome, HandlerError> {
        let line_up = self.slot.line_up();
        let lane = Lane::of(&batch.info);
        self.enter(&lane, contest::met_by(&line_up, &batch.info), batch)?;
        let answer = match &line_up.contest {
            None => run::run(&self.slot, &line_up.stable, &lane, batch).await,
            Some(contest) => {
                let answer = contest::handle(self, contest, &lane, batch).await;
                self.slot.judge(contest);
                answer
            }
        };
        if answer.as_ref().is_ok_and(|outcome| outcome.failures.is_empty()) {
            self.slot.remember(|sample| sample.renew(|| swap::sample_of(batch)));
        }
        answer
    }

    async fn shard_closed(&self, stream: &str, shard: &ShardId, why: Closed) {
        let is_of_shard = |lane: &Lane| *lane.stream == *stream && lane.shard == *shard;
        for generation in self.slot.line_up().generations() {
            for (lane, instance) in generation.instances.remove(is_of_shard) {
                life::end(generation, instance, Some(lane.served()), why.into()).await;
            }
        }
        self.shadows.forget(is_of_shard);
        self.lanes.forget(is_of_shard);
    }
}

#[async_trait]
impl deploy::Slot for ComponentHandler {
    async fn apply(&self, wanted: &Wanted) -> Result<Applied, Refused> {
        deploy::Slot::apply(&*self.slot, wanted).await
    }

    async fn verdict(&self) -> Verdict {
        self.slot.next_verdict().await
    }

    fn status(&self) -> SlotStatus {
        SlotStatus { shards: self.lanes.generations(), ..self.slot.slot_status() }
    }
}
