//! Loading the components of one pipeline, each from what it begins with.

use std::sync::Arc;

use tidemill_engine::deploy::{Artifact, Part, Slot};
use tidemill_runtime::{ComponentHandler, Role};

use super::{
    component::{self, LazyEngine},
    processor::{self, Given, LoadedProcessor},
};
use crate::{
    config::{HandlerConfig, ProcessorConfig},
    deploying::{
        beginning::{Beginning, Beginnings},
        following::Deployable,
        parts,
    },
    failure::Failure,
};

/// Loads components and remembers where another can take the place of each.
pub struct Loading<'a> {
    /// Compiles them.
    pub engine: &'a LazyEngine,
    /// The pipeline.
    pub pipeline: &'a str,
    /// What they begin with.
    pub beginnings: &'a Beginnings,
    /// What was loaded.
    pub deployables: Vec<Deployable>,
}

impl Loading<'_> {
    /// Loads the handler.
    pub async fn handler(&mut self, config: &HandlerConfig) -> Result<Arc<ComponentHandler>, Failure> {
        let beginning = self.beginnings.of(self.pipeline, parts::HANDLER);
        let part = self.part(parts::HANDLER);
        let loaded = component::load(self.engine, part.clone(), config, beginning.artifact()).await;
        let handler = match loaded {
            Err(failure) if beginning.deployed.is_some() => {
                self.not_loaded(parts::HANDLER, &failure);
                component::load(self.engine, part, config, &beginning.file).await?
            }
            loaded => loaded?,
        };
        self.add(parts::HANDLER, Arc::clone(&handler) as _, beginning.clone());
        Ok(handler)
    }

    /// Loads the processor of a source or a sink.
    pub async fn processor(
        &mut self,
        place: &str,
        config: &ProcessorConfig,
    ) -> Result<LoadedProcessor, Failure> {
        let kinds = processor::parts(config).into_iter().map(|(_, kind)| kind);
        let beginnings: Vec<(Role, String, Beginning)> = kinds
            .map(|kind| {
                let role = parts::role_of(place, config, kind);
                let beginning = self.beginnings.of(self.pipeline, &role).clone();
                (kind, role, beginning)
            })
            .collect();
        let artifacts = |of: fn(&Beginning) -> &Arc<Artifact>| -> Vec<Given> {
            let given = |(kind, role, beginning): &(Role, String, Beginning)| {
                let (part, artifact) = (Some(self.part(role)), Arc::clone(of(beginning)));
                Given { role: *kind, part, artifact }
            };
            beginnings.iter().map(given).collect()
        };
        let loaded = LoadedProcessor::load_from(self.engine, config, &artifacts(Beginning::artifact)).await;
        let loaded = match loaded {
            Err(failure) if beginnings.iter().any(|(_, _, beginning)| beginning.deployed.is_some()) => {
                self.not_loaded(place, &failure);
                let files = artifacts(|beginning| &beginning.file);
                LoadedProcessor::load_from(self.engine, config, &files).await?
            }
            loaded => loaded?,
        };
        for (kind, role, beginning) in beginnings {
            let slot = loaded.slots().iter().find(|(of, _)| *of == kind).map(|(_, slot)| Arc::clone(slot));
            self.add(&role, slot.expect("every component has a slot"), beginning);
        }
        Ok(loaded)
    }

    fn add(&mut self, role: &str, slot: Arc<dyn Slot>, beginning: Beginning) {
        let part = self.part(role);
        self.deployables.push(Deployable { part, slot, beginning, controls: Vec::new() });
    }

    fn part(&self, role: &str) -> Part {
        Part { pipeline: self.pipeline.to_owned(), role: role.to_owned() }
    }

    fn not_loaded(&self, part: &str, failure: &Failure) {
        tracing::error!(
            pipeline = self.pipeline, part, why = %failure,
            "what is deployed cannot be loaded: the file that the settings name runs"
        );
    }
}
