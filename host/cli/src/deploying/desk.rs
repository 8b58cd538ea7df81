//! Where wishes for the parts of this host come in, and where is seen what became of them.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use serde::Serialize;
use tidemill_engine::{
    deploy::{self, Deployment, Deployments, Digest, Followed, NotDeployed, Part, Request, Slot, Wish},
    time::Clock,
};
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

use super::parts;

/// The parts of this host, and the store of what is wanted of them.
#[derive(Debug)]
pub struct Desk {
    /// This process.
    pub worker: String,
    /// Tells the date.
    pub clock: Clock,
    /// What the application wants.
    pub deployments: Arc<dyn Deployments>,
    /// The parts.
    pub places: Vec<Place>,
}

/// One part of this host.
#[derive(Debug)]
pub struct Place {
    /// Which.
    pub part: Part,
    /// Has its follower look at once.
    pub nudge: Arc<Notify>,
    /// What its follower last knew of it.
    pub followed: watch::Receiver<Followed>,
    /// What runs in it.
    pub slot: Arc<dyn Slot>,
}

impl Place {
    /// How it is now.
    pub fn status(&self) -> Followed {
        Followed { slot: self.slot.status(), ..self.followed.borrow().clone() }
    }
}

/// What somebody wishes of a part, with the component where it takes one.
pub struct Order {
    /// What.
    pub wish: Wish,
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
    /// The component's bytes.
    pub component: Option<(Digest, Bytes)>,
}

/// What became of a wish on this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// It runs.
    Applied,
    /// It was not let in, and what ran before goes on.
    Refused {
        /// Why, for people.
        why: String,
    },
    /// Something else is wanted by now.
    Superseded {
        /// The version of that.
        by_version: u64,
        /// Why, as whoever wanted it said.
        why: String,
    },
    /// It is under way.
    Pending,
}

impl Desk {
    /// The part that is meant.
    pub fn place(&self, pipeline: Option<&str>, role: Option<&str>) -> Result<&Place, String> {
        let part = parts::choose(self.places.iter().map(|place| &place.part), pipeline, role)?;
        Ok(self.places.iter().find(|place| place.part == part).expect("it was chosen from them"))
    }

    /// Has all hosts do what is wished, and waits no longer than this until this one has.
    ///
    /// # Cancel safety
    /// What was wished may be wanted or not.
    pub async fn order(
        &self,
        place: &Place,
        order: Order,
        wait: Duration,
    ) -> Result<(Deployment, Outcome), NotDeployed> {
        let Order { wish, by, why, component } = order;
        let request = Request { wish, by, why, at: self.clock.now() };
        let deployment = deploy::deploy(&*self.deployments, &place.part, request, component).await?;
        place.nudge.notify_one();
        let mut status = place.followed.clone();
        let settled = timeout(
            wait,
            status.wait_for(|followed| outcome(followed, deployment.version) != Outcome::Pending),
        );
        // A follower that is gone, and one that takes longer, leave it under way.
        let outcome = match settled.await {
            Ok(Ok(followed)) => outcome(&followed, deployment.version),
            _ => Outcome::Pending,
        };
        Ok((deployment, outcome))
    }
}

/// What became of a version, by how a host shows itself.
pub fn outcome(followed: &Followed, version: u64) -> Outcome {
    match (&followed.refused, &followed.wanted) {
        (Some(refused), _) if refused.version == version => Outcome::Refused { why: refused.why.clone() },
        _ if followed.applied == version => Outcome::Applied,
        (_, Some(wanted)) if wanted.version > version => {
            Outcome::Superseded { by_version: wanted.version, why: wanted.why.clone() }
        }
        _ => Outcome::Pending,
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Applied => f.write_str("runs"),
            Self::Refused { why } => write!(f, "refused, and what ran before goes on: {why}"),
            Self::Superseded { by_version, why } => write!(f, "not any more: version {by_version}: {why}"),
            Self::Pending => f.write_str("still under way"),
        }
    }
}
