//! From what is wanted of a slot to what runs in it.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tidemill_engine::{
    deploy::{self, Applied, Artifact, Digest, Refused, SlotStatus, Trial, Verdict, Wanted},
    limits,
};
use tokio::time::Instant;

use super::{Contest, Generation, LineUp, Slot, Swap, compile, refused};
use crate::{capability::newly_asked, component::Compiled, fault::Fault};

/// What was made so far for what is wanted: it outlasts another look at the line-up.
struct Made<C: Swap> {
    generations: Vec<Arc<Generation<C>>>,
    took: Duration,
}

#[async_trait]
impl<C: Swap> deploy::Slot for Slot<C> {
    async fn apply(&self, wanted: &Wanted) -> Result<Applied, Refused> {
        let _turn = self.applying.lock().await;
        // Generations that are on their way out have memory too; a new one waits until they are gone.
        self.drained().await;
        let mut made = Made { generations: Vec::new(), took: Duration::ZERO };
        loop {
            // A verdict may change the line-up meanwhile, once: nothing but this begins another contest.
            let now = self.line_up();
            let Some(next) = self.next(&now, wanted, &mut made).await? else {
                let (generation, compiled_in) = (now.stable.id, made.took);
                return Ok(Applied { has_changed: false, generation, compiled_in });
            };
            let (generation, label) = (next.stable.id, Arc::clone(&next.stable.label));
            let trial = next.candidate().map(|(candidate, trial)| format!("{} {trial:?}", candidate.label));
            if self.publish(&now, next, None) {
                tracing::info!(component = %label, generation, trial, "a component was deployed");
                return Ok(Applied { has_changed: true, generation, compiled_in: made.took });
            }
        }
    }

    async fn verdict(&self) -> Verdict {
        self.next_verdict().await
    }

    fn status(&self) -> SlotStatus {
        self.slot_status()
    }
}

impl<C: Swap> Slot<C> {
    /// The line-up that is wanted after this one; none where it is the same.
    async fn next(
        &self,
        now: &LineUp<C>,
        wanted: &Wanted,
        made: &mut Made<C>,
    ) -> Result<Option<LineUp<C>>, Refused> {
        if is_as_wanted(now, wanted) {
            return Ok(None);
        }
        let goes_back = now.previous().is_some_and(|previous| is_of(previous, &wanted.component.digest));
        let stable = self.generation(now, &wanted.component, &wanted.allow, made).await?;
        let is_new = !Arc::ptr_eq(&stable, &now.stable);
        let until = Instant::now() + self.rollout.probation;
        let contest = match &wanted.candidate {
            Some((artifact, trial)) => {
                C::may_try(&self.settings, trial).map_err(Refused)?;
                if artifact.digest == wanted.component.digest {
                    return Err(refused("the candidate is what runs already: deploy another component"));
                }
                let candidate = self.generation(now, artifact, &wanted.allow, made).await?;
                self.warm(&candidate, &now.stable).await?;
                Some(Contest::trial(candidate, Arc::clone(&stable), trial.clone(), until))
            }
            None if is_new && !goes_back && !self.rollout.probation.is_zero() => {
                Some(Contest::probation(Arc::clone(&stable), Arc::clone(&now.stable), until))
            }
            None => None,
        };
        if is_new {
            self.warm(&stable, &now.stable).await?;
        }
        Ok(Some(LineUp { stable, contest: contest.map(Arc::new) }))
    }

    /// A generation with this component: one that is in use, or that was made before, or a new one.
    async fn generation(
        &self,
        now: &LineUp<C>,
        artifact: &Arc<Artifact>,
        allow: &BTreeSet<String>,
        made: &mut Made<C>,
    ) -> Result<Arc<Generation<C>>, Refused> {
        let candidate = now.candidate().map(|(candidate, _)| candidate);
        let mut known = std::iter::once(&now.stable).chain(candidate).chain(&made.generations);
        if let Some(found) = known.find(|generation| is_of(generation, &artifact.digest)) {
            return Ok(Arc::clone(found));
        }
        let generation = match now.previous().filter(|previous| is_of(previous, &artifact.digest)) {
            Some(previous) => previous.again(self.next_id()),
            None => {
                let begun = Instant::now();
                let compiled = compile::<C>(&self.engine, artifact, self.role).await.map_err(refused)?;
                made.took += begun.elapsed();
                self.check(&compiled, artifact, &now.stable, allow)?;
                let id = self.next_id();
                let of_compiled =
                    |grants| Generation::new(id, &artifact.from, compiled.clone(), grants, &self.gone);
                self.try_out(of_compiled(self.grants.withheld()), &now.stable).await?;
                of_compiled(self.grants.clone())
            }
        };
        let generation = Arc::new(generation);
        made.generations.push(Arc::clone(&generation));
        Ok(generation)
    }

    /// Whether the bytes are what they are called, and ask for nothing new that nobody allowed.
    fn check(
        &self,
        compiled: &Compiled<C>,
        artifact: &Artifact,
        running: &Generation<C>,
        allow: &BTreeSet<String>,
    ) -> Result<(), Refused> {
        let (found, from) = (&compiled.inspection.digest, &artifact.from);
        if *found != artifact.digest {
            let wanted = &artifact.digest;
            return Err(refused(format!(
                "the component was damaged on its way: deploy it again, digest={found} wanted={wanted} from={from}"
            )));
        }
        let asked = newly_asked(&running.compiled.inspection, &compiled.inspection);
        let is_allowed = |name: &str| allow.contains(name) || allow.contains("all");
        let missing: Vec<&str> =
            asked.iter().map(|one| one.name()).filter(|name| !is_allowed(name)).collect();
        if !missing.is_empty() {
            let missing = missing.join(",");
            return Err(refused(format!(
                "the component asks for what the running one does not: look at its imports and deploy it with \
                 --allow {missing}, from={from}"
            )));
        }
        Ok(())
    }

    /// Makes it handle a sample, out of everybody's way.
    async fn try_out(&self, tried: Generation<C>, running: &Generation<C>) -> Result<(), Refused> {
        let from = Arc::clone(&tried.from);
        let sample = self.sample.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let done = C::try_out(&Arc::new(tried), running, &self.settings, sample, &self.rollout).await;
        done.map_err(|Fault { kind, message }| {
            refused(format!("the component was tried out and {kind}: {message}, from={from}"))
        })
    }

    /// Makes instances for the places that are in use, so that none waits for one at its first batch.
    async fn warm(&self, generation: &Generation<C>, running: &Generation<C>) -> Result<(), Refused> {
        let ready = generation.instances.places(usize::MAX, |_| true);
        let is_cold = |place: &C::Place| !ready.contains(place);
        for place in running.instances.places(limits::WARMED_INSTANCES, is_cold) {
            let instance = C::begin(generation, &place).await;
            let instance = instance.map_err(|Fault { kind, message }| {
                refused(format!("an instance of the component could not be made: it {kind}: {message}"))
            })?;
            generation.instances.put(&place, instance);
        }
        Ok(())
    }
}

fn is_as_wanted<C: Swap>(now: &LineUp<C>, wanted: &Wanted) -> bool {
    let wanted_candidate: Option<(&Digest, &Trial)> =
        wanted.candidate.as_ref().map(|(artifact, trial)| (&artifact.digest, trial));
    let candidate = now.candidate().map(|(candidate, trial)| (&candidate.deployed.digest, trial));
    is_of(&now.stable, &wanted.component.digest) && wanted_candidate == candidate
}

fn is_of<C: Swap>(generation: &Generation<C>, digest: &Digest) -> bool {
    generation.deployed.digest == *digest
}
