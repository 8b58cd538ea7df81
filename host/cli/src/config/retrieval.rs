//! `retrieval` and `consumer-name` of a source: who moves first, reader or service.

use std::fmt;

use serde::Deserialize;
use tidemill_engine::{consumer::Retrieval, limits};

use super::{Name, SourceConfig};
use crate::{exit::Exit, failure::Failure};

/// `retrieval`: how the shards of a stream are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetrievalConfig {
    /// With GetRecords.
    #[default]
    Polling,
    /// With SubscribeToShard.
    FanOut,
    /// With SubscribeToShard, and with GetRecords while that fails.
    Auto,
}

/// The name of a registered consumer: 1 to 128 characters of `a-zA-Z0-9_.-`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ConsumerName(String);

impl TryFrom<String> for ConsumerName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        if (1..=limits::CONSUMER_NAME_CHARS).contains(&text.len()) && text.bytes().all(allowed) {
            return Ok(Self(text));
        }
        Err(format!(
            "not the name of a consumer: 1 to 128 characters of a-z A-Z 0-9 _ . - are allowed, got={text:?}"
        ))
    }
}

impl fmt::Display for ConsumerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl SourceConfig {
    /// How the engine is to read it. The registered consumer is called after application and pipeline unless it has a
    /// name, so that pipelines do not take subscriptions from each other.
    ///
    /// # Errors
    /// A name of a consumer that there is none of, or that is too long.
    pub fn retrieval(&self, application: &Name, pipeline: &Name) -> Result<Retrieval, Failure> {
        let consumer = match &self.consumer_name {
            Some(name) => Ok(name.clone()),
            None => ConsumerName::try_from(format!("{application}.{pipeline}")),
        };
        match (self.retrieval, consumer) {
            (RetrievalConfig::Polling, _) if self.consumer_name.is_some() => Err(Failure::new(
                Exit::Settings,
                format!("pipeline {pipeline} has a consumer-name and polls, which needs no consumer"),
            )
            .help("set retrieval = \"fan-out\" or \"auto\", or leave the name out")),
            (RetrievalConfig::Polling, _) => Ok(Retrieval::Polling),
            (RetrievalConfig::FanOut, Ok(name)) => Ok(Retrieval::FanOut(name.0)),
            (RetrievalConfig::Auto, Ok(name)) => Ok(Retrieval::Auto(name.0)),
            (_, Err(reason)) => Err(Failure::new(Exit::Settings, reason)
                .help(format!("give the source of pipeline {pipeline} a consumer-name"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn retrieval(application: &str, keys: &str) -> Result<Retrieval, Failure> {
        let text = format!(
            "application = \"{application}\"\n[pipelines.orders]\nsource = {{ stream = \"s\"{keys} }}\n\
             handler = {{ component = \"filter.wasm\" }}\n"
        );
        let config: Config =
            toml::from_str(&text).map_err(|error| Failure::new(Exit::Settings, error.to_string()))?;
        let (name, pipeline) = config.pipelines.iter().next().unwrap();
        pipeline.source.retrieval(&config.application, name)
    }

    #[test]
    fn a_consumer_is_called_after_application_and_pipeline_unless_it_has_a_name() {
        assert_eq!(retrieval("app", "").unwrap(), Retrieval::Polling);
        let fan_out = retrieval("app", ", retrieval = \"fan-out\"").unwrap();
        assert_eq!(fan_out, Retrieval::FanOut("app.orders".into()));
        let named = retrieval("app", ", retrieval = \"auto\", consumer-name = \"c\"").unwrap();
        assert_eq!(named, Retrieval::Auto("c".into()));
        let long = retrieval(&"a".repeat(64), ", retrieval = \"auto\"").unwrap();
        assert_eq!(long, Retrieval::Auto(format!("{}.orders", "a".repeat(64))));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (keys, words) in [
            (", consumer-name = \"c\"", "polls"),
            (", retrieval = \"fan-out\", consumer-name = \"a b\"", "not the name of a consumer"),
            (", retrieval = \"push\"", "unknown variant `push`"),
        ] {
            let message = retrieval("app", keys).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
    }
}
