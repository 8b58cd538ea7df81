//! What becomes of verdicts: a rollback or a promotion for all hosts, or for a changed file the one before it.

use std::sync::Arc;

use super::{Decision, Follower, Tried, all};
use crate::deploy::{
    DeployError, Deployment, NotDeployed, NotLetIn, Request, Verdict, Wanted, Wish, deploying::deploy_after,
};

impl Follower {
    /// Does what a verdict asks for, or remembers it until the store can be told.
    pub(super) async fn judge(&mut self, verdict: Verdict) {
        let (wanted, applied) = {
            let status = self.status.borrow();
            (status.wanted.clone(), status.applied)
        };
        let version = wanted.as_ref().map_or(0, |wanted| wanted.version);
        if version != applied {
            // It is of what runs because the wanted one was not let in, and speaks for nobody else.
            return;
        }
        let is_deployed =
            wanted.is_some_and(|wanted| wanted.component.is_some() || wanted.candidate.is_some());
        match verdict {
            Verdict::Bad(why) if is_deployed => {
                self.trial = None;
                self.decision = Some(Decision { version, wish: Wish::RollBack, why });
            }
            Verdict::Bad(why) => self.go_back_to_the_file_before(version, &why).await,
            Verdict::Good => {
                if let Some(trial) = &mut self.trial
                    && !trial.is_good
                {
                    trial.is_good = true;
                    tracing::info!(part = %self.part, version, "the candidate does well");
                }
            }
        }
    }

    /// A changed file does badly: nobody but this host knows of it, so it goes back by itself.
    async fn go_back_to_the_file_before(&mut self, version: u64, why: &str) {
        let Some(before) = self.base_ran.1.take() else { return };
        tracing::warn!(
            part = %self.part, why, file = self.base.from,
            "the changed file does badly: what ran before it runs again until the file changes once more"
        );
        let wanted = Wanted { component: Arc::clone(&before), candidate: None, allow: all() };
        if let Err(why) = self.apply(version, wanted).await {
            tracing::error!(part = %self.part, %why, "what ran before cannot run again");
            return;
        }
        self.tried = Some(Tried { version, file: Some(before.digest.clone()) });
        self.base_ran.0 = Arc::clone(&before);
        self.base = before;
        self.status.send_modify(|followed| {
            followed.refused = Some(NotLetIn { version, why: why.to_owned() });
        });
    }

    /// Writes what was decided, unless somebody else has wanted something else meanwhile.
    pub(super) async fn tell(&mut self) -> Result<(), DeployError> {
        let Some(Decision { version, wish, why }) = self.decision.clone() else { return Ok(()) };
        let history = self.deployments.history(&self.part).await?;
        if history.first().is_some_and(|current| current.version == version) {
            let request = Request { wish, by: self.worker.clone(), why, at: self.clock.now() };
            // After this history and no later one: a second rollback would lead back too far.
            match deploy_after(&*self.deployments, &self.part, &history, request, None).await {
                Ok(Deployment { version, event, why, .. }) => {
                    tracing::warn!(part = %self.part, version, ?event, why, "told all hosts");
                }
                // Somebody else was first: what they want is looked at next.
                Err(NotDeployed::Store(DeployError::Conflict(_))) => {}
                Err(NotDeployed::Store(error)) => return Err(error),
                Err(NotDeployed::NoChange(reason)) => {
                    tracing::warn!(part = %self.part, %reason, "it does badly, and there is nothing else to run");
                }
            }
        }
        self.decision = None;
        Ok(())
    }
}
