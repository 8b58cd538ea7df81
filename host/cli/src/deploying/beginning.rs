//! What each part of a starting host begins with: what the application wants, and else the file that the settings name.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use tidemill_engine::deploy::{Artifact, Deployments, Part};

use super::parts::{self, ConfiguredPart};
use crate::{config::Config, exit::Exit, failure::Failure, host::component};

/// What all parts begin with.
#[derive(Debug, Default)]
pub struct Beginnings(BTreeMap<Part, Beginning>);

/// What one part begins with.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// Where the file is that the settings name.
    pub path: PathBuf,
    /// The file.
    pub file: Arc<Artifact>,
    /// What the application wants in its place.
    pub deployed: Option<Arc<Artifact>>,
}

impl Beginnings {
    /// Reads the files and asks the store, so that no host begins with what was replaced long ago.
    pub async fn ask(config: &Config, deployments: &dyn Deployments) -> Result<Self, Failure> {
        let mut beginnings = BTreeMap::new();
        for ConfiguredPart { part, file: path } in parts::of_config(config) {
            let file = component::artifact(&path).await?;
            let deployed = deployed(&part, &file, deployments).await?;
            beginnings.insert(part, Beginning { path, file, deployed });
        }
        Ok(Self(beginnings))
    }

    /// What a part begins with.
    pub fn of(&self, pipeline: &str, role: &str) -> &Beginning {
        let part = Part { pipeline: pipeline.to_owned(), role: role.to_owned() };
        self.0.get(&part).expect("every part of the settings was asked for")
    }
}

impl Beginning {
    /// What is loaded first.
    pub fn artifact(&self) -> &Arc<Artifact> {
        self.deployed.as_ref().unwrap_or(&self.file)
    }
}

/// What is wanted in place of a file, if that is something else and can be had.
async fn deployed(
    part: &Part,
    file: &Artifact,
    deployments: &dyn Deployments,
) -> Result<Option<Arc<Artifact>>, Failure> {
    let unusable = |error| Failure::caused(Exit::Surroundings, &error);
    let wanted = deployments.current(part).await.map_err(unusable)?;
    let Some((version, digest)) = wanted.and_then(|wanted| Some((wanted.version, wanted.component?))) else {
        return Ok(None);
    };
    if digest == file.digest {
        return Ok(None);
    }
    let found = deployments.download(&digest).await.map_err(unusable)?;
    let artifact = found.map(|bytes| Artifact::new(format!("deployed {}", digest.short()), bytes));
    let Some(artifact) = artifact.filter(|artifact| artifact.digest == digest) else {
        tracing::error!(
            %part, version, ?digest,
            "the store does not keep what is deployed: the file of the settings runs until it is deployed again"
        );
        return Ok(None);
    };
    tracing::info!(
        %part, version, ?digest, file = file.from,
        "what is deployed runs in place of the file that the settings name"
    );
    Ok(Some(Arc::new(artifact)))
}
