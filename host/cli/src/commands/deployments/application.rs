//! Straight to the store that all hosts of an application look at.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use bytes::Bytes;
use tidemill_engine::{
    deploy::{self, Deployment, Deployments, Digest, NotDeployed, Part, Request, Wish},
    time::Clock,
};

use super::{unknown_part, whoami};
use crate::{
    args::ConnectionFlags,
    config::{Config, Name, StoreKind},
    deploying::parts,
    exit::Exit,
    failure::Failure,
    host::leases::Stores,
};

/// An application with its open store.
pub struct Application {
    /// What is wanted.
    pub deployments: Arc<dyn Deployments>,
    stores: Stores,
    config: Config,
}

impl Application {
    /// Opens the store that the settings name.
    pub async fn open(settings: &Path, name: &Name, flags: &ConnectionFlags) -> Result<Self, Failure> {
        let config = Config::load(settings)?;
        if config.application != *name {
            let own = &config.application;
            let message = format!("the settings are those of another application, application={own}");
            return Err(Failure::new(Exit::Usage, message).help("name its own settings with --settings FILE"));
        }
        let through_host = "leave --application out to deploy through the admin API of the running host";
        if config.lease_store() == StoreKind::Memory {
            let message = "leases.store = \"memory\" is seen by its own host alone";
            return Err(Failure::new(Exit::Usage, message).help(through_host));
        }
        let is_file = config.lease_store() == StoreKind::File;
        let stores = Stores::open(&config, flags).await;
        let stores = stores.map_err(|failure| if is_file { failure.help(through_host) } else { failure })?;
        Ok(Self { deployments: stores.deployments(), stores, config })
    }

    /// The part that is meant.
    pub fn part(&self, pipeline: Option<&str>, role: Option<&str>) -> Result<Part, Failure> {
        let known = parts::of_config(&self.config);
        parts::choose(known.iter().map(|known| &known.part), pipeline, role).map_err(unknown_part)
    }

    /// Has all hosts do what is wished.
    pub async fn order(
        &self,
        part: &Part,
        wish: Wish,
        why: &str,
        component: Option<(Digest, Bytes)>,
    ) -> Result<Deployment, Failure> {
        let request = Request { wish, by: whoami(), why: why.to_owned(), at: Clock::system().now() };
        let done = deploy::deploy(&*self.deployments, part, request, component).await;
        done.map_err(|error| {
            let exit = match error {
                NotDeployed::NoChange(_) => Exit::Usage,
                NotDeployed::Store(_) => Exit::Surroundings,
            };
            Failure::caused(exit, &error)
        })
    }

    /// The hosts that work on a pipeline, as far as its leases tell.
    pub async fn workers(&self, part: &Part) -> BTreeSet<String> {
        let Some(name) = self.config.pipelines.keys().find(|name| name.as_str() == part.pipeline) else {
            return BTreeSet::new();
        };
        let leases = self.stores.of_pipeline(name).list().await.unwrap_or_default();
        leases.into_iter().filter_map(|lease| Some(lease.owner?.as_str().to_owned())).collect()
    }

    /// How often the hosts look.
    pub fn interval(&self) -> std::time::Duration {
        self.config.deploy.interval
    }
}
