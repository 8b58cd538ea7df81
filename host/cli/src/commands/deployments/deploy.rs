//! `tidemill deploy`: another component for one part, on all hosts of its application.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use bytes::Bytes;
use tidemill_engine::{
    deploy::{Artifact, Part},
    limits,
};

use super::{
    Way, Which,
    change::{self, Change},
};
use crate::{
    args::ConnectionFlags,
    config::{CacheConfig, WasmStack},
    deploying::{
        parts,
        query::{self, Query, Trials},
    },
    exit::Exit,
    failure::Failure,
    host::component,
};

/// Have the hosts of an application run another component, at once or on trial
///
/// The component is checked before anything is sent. Each host compiles it beside what runs and swaps it between two
/// batches; what a host cannot use is refused, and what ran before goes on.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Try it on so many of a hundred partition keys, such as 10%
    #[arg(long, value_name = "PERCENT", value_parser = query::percent, group = "trial")]
    canary: Option<u8>,
    /// Try it on these shards
    #[arg(long, value_name = "SHARDS", value_delimiter = ',', group = "trial")]
    canary_shards: Vec<String>,
    /// Try it beside the running one: what it answers is compared and not used
    #[arg(long, group = "trial")]
    shadow: bool,
    /// Promote it by itself after so long without trouble, such as 10m
    #[arg(long, value_name = "TIME", value_parser = query::duration, requires = "trial")]
    promote_after: Option<Duration>,
    /// Capabilities that it may ask for though the running one does not, such as http,files
    #[arg(long, value_name = "CAPABILITIES", value_delimiter = ',')]
    allow: Vec<String>,
    #[command(flatten)]
    change: Change,
    /// The component's file
    component: PathBuf,
}

/// Checks, deploys, waits, and says what became of it.
pub async fn run(args: Args, flags: ConnectionFlags) -> Result<Exit, Failure> {
    let artifact = component::artifact(&args.component).await?;
    if artifact.bytes.len() > limits::COMPONENT_BYTES {
        let most = bytesize::ByteSize(limits::COMPONENT_BYTES as u64);
        return Err(Failure::new(Exit::Component, format!("the component is too large, most={most}")));
    }
    let wanted = args.query()?;
    let way = args.which.way(&flags).await?;
    let part = change::part(&way, &args.which).await?;
    args.check(&part).await?;
    let component = Some((artifact.digest.clone(), artifact.bytes.clone()));
    let wish = wanted.deploying(artifact.digest.clone());
    match way {
        Way::Hosts(clients) => {
            let query =
                Query { pipeline: Some(part.pipeline.clone()), part: Some(part.role.clone()), ..wanted };
            change::through_host(&clients, "/deploy", &part, query, body(&artifact)).await
        }
        Way::Application(application, clients) => {
            change::through_store(&application, &clients, &part, wish, component, &args.change).await
        }
    }
}

fn body(artifact: &Artifact) -> Bytes {
    artifact.bytes.clone()
}

impl Args {
    fn query(&self) -> Result<Query, Failure> {
        let shards: BTreeSet<String> = self.canary_shards.iter().cloned().collect();
        let trials = Trials { percent: self.canary, shards, shadow: self.shadow };
        let trial = trials.one().map_err(|error| Failure::new(Exit::Usage, error))?;
        let wrong = |error| Failure::new(Exit::Usage, error);
        let allow = query::capabilities(query::list(&self.allow.join(","))).map_err(wrong)?;
        Ok(Query { trial, promote_after: self.promote_after, allow, ..self.change.query(self.which.query()) })
    }

    /// Whether the component fits the part.
    async fn check(&self, part: &Part) -> Result<(), Failure> {
        let engine = component::engine(&CacheConfig::default(), WasmStack::default())?;
        component::inspect(&engine, &self.component, parts::kind_of(part)).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use tidemill_engine::deploy::Trial;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn parsed(line: &str) -> Result<Query, String> {
        let words = ["deploy"].into_iter().chain(line.split(' '));
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        line.args.query().map_err(|error| error.to_string())
    }

    #[test]
    fn the_ways_to_deploy_are_read_and_exclude_each_other() {
        assert_eq!(parsed("x.wasm").unwrap().trial, None);
        let canary = parsed("--canary 10% --promote-after 10m --allow http,files x.wasm").unwrap();
        assert_eq!(
            (canary.trial, canary.promote_after),
            (Some(Trial::Keys { percent: 10 }), Some(Duration::from_secs(600)))
        );
        assert_eq!(canary.allow, ["http".to_owned(), "files".to_owned()].into());
        let shards = parsed("--canary-shards a,b x.wasm").unwrap();
        assert_eq!(shards.trial, Some(Trial::Shards(["a".to_owned(), "b".to_owned()].into())));
        assert_eq!(parsed("--shadow x.wasm").unwrap().trial, Some(Trial::Shadow));
        for wrong in [
            "--shadow --canary 1% x.wasm",
            "--promote-after 1m x.wasm",
            "--canary 0% x.wasm",
            "--allow htpp x.wasm",
            "--canary x.wasm",
        ] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
