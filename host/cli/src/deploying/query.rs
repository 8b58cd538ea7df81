//! What is asked of the admin API in the query of a URL: written by the commands, read by the host.

use std::{collections::BTreeSet, time::Duration};

use tidemill_engine::{
    deploy::{Digest, Trial, Wish},
    limits,
};
use tidemill_runtime::Capability;

const KNOWN: &str =
    "pipeline, part, canary, canary-shards, shadow, promote-after, allow, why, by, wait, shard";

/// What is asked for. Where nothing is said the host decides, or asks back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The pipeline.
    pub pipeline: Option<String>,
    /// The part of it.
    pub part: Option<String>,
    /// How a component is tried; none for deploying it at once.
    pub trial: Option<Trial>,
    /// After how long without trouble it is promoted.
    pub promote_after: Option<Duration>,
    /// Capabilities that it may ask for.
    pub allow: BTreeSet<String>,
    /// Why.
    pub why: String,
    /// Who asks.
    pub by: Option<String>,
    /// How long to wait for what becomes of it.
    pub wait: Option<Duration>,
    /// The shard.
    pub shard: Option<String>,
}

impl Query {
    /// Reads what stands behind the question mark, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut query = Self::default();
        let mut trials = Trials::default();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            let value = value.into_owned();
            match &*name {
                "pipeline" => query.pipeline = Some(value),
                "part" => query.part = Some(value),
                "canary" => trials.percent = Some(percent(&value)?),
                "canary-shards" => trials.shards = list(&value),
                "shadow" => trials.shadow = flag(&value)?,
                "promote-after" => query.promote_after = Some(duration(&value)?),
                "allow" => query.allow = capabilities(list(&value))?,
                "why" => query.why = value,
                "by" => query.by = Some(value),
                "wait" => query.wait = Some(duration(&value)?.min(limits::DEPLOY_WAIT_LONGEST)),
                "shard" => query.shard = Some(value),
                _ => return Err(format!("unknown parameter, name={name} known={KNOWN}")),
            }
        }
        query.trial = trials.one()?;
        match query {
            Self { trial: None, promote_after: Some(_), .. } => {
                Err("promote-after is for a component on trial: say canary, canary-shards or shadow too"
                    .to_owned())
            }
            query => Ok(query),
        }
    }

    /// The same as text, to stand behind the question mark.
    pub fn text(&self) -> String {
        let mut text = form_urlencoded::Serializer::new(String::new());
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                text.append_pair(name, &value);
            }
        };
        let joined = |all: &BTreeSet<String>| all.iter().map(String::as_str).collect::<Vec<_>>().join(",");
        let written = |span: Duration| humantime::format_duration(span).to_string();
        add("pipeline", self.pipeline.clone());
        add("part", self.part.clone());
        match &self.trial {
            None => {}
            Some(Trial::Keys { percent }) => add("canary", Some(format!("{percent}%"))),
            Some(Trial::Shards(shards)) => add("canary-shards", Some(joined(shards))),
            Some(Trial::Shadow) => add("shadow", Some("true".to_owned())),
        }
        add("promote-after", self.promote_after.map(written));
        add("allow", (!self.allow.is_empty()).then(|| joined(&self.allow)));
        add("why", (!self.why.is_empty()).then(|| self.why.clone()));
        add("by", self.by.clone());
        add("wait", self.wait.map(written));
        add("shard", self.shard.clone());
        text.finish()
    }

    /// What is wished where a component comes along.
    pub fn deploying(&self, digest: Digest) -> Wish {
        let allow = self.allow.clone();
        match self.trial.clone() {
            None => Wish::Deploy { digest, allow },
            Some(trial) => Wish::Try { digest, trial, promote_after: self.promote_after, allow },
        }
    }
}

/// The ways to try a component, of which one can be chosen.
#[derive(Debug, Default)]
pub struct Trials {
    /// By partition keys.
    pub percent: Option<u8>,
    /// By shards.
    pub shards: BTreeSet<String>,
    /// Beside the other.
    pub shadow: bool,
}

impl Trials {
    /// The one that was chosen.
    pub fn one(self) -> Result<Option<Trial>, String> {
        let by_keys = self.percent.map(|percent| Trial::Keys { percent });
        let by_shards = (!self.shards.is_empty()).then_some(Trial::Shards(self.shards));
        let shadow = self.shadow.then_some(Trial::Shadow);
        let mut chosen: Vec<Trial> = by_keys.into_iter().chain(by_shards).chain(shadow).collect();
        if chosen.len() > 1 {
            return Err("canary, canary-shards and shadow exclude each other: choose one".to_owned());
        }
        Ok(chosen.pop())
    }
}

/// A share of the partition keys such as `10%`.
pub fn percent(text: &str) -> Result<u8, String> {
    let percent = text.strip_suffix('%').unwrap_or(text).parse().ok();
    let wrong = || format!("not a share of the partition keys: write it as 10%, got={text:?}");
    percent.filter(|percent| (1..=100).contains(percent)).ok_or_else(wrong)
}

/// Names with commas between them.
pub fn list(text: &str) -> BTreeSet<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Names of capabilities, or `all` for any.
pub fn capabilities(names: BTreeSet<String>) -> Result<BTreeSet<String>, String> {
    for name in names.iter().filter(|name| *name != "all") {
        name.parse::<Capability>().map_err(|error| error.to_string())?;
    }
    Ok(names)
}

/// A duration such as `10m`.
pub fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|_| format!("not a duration: write it as 30s or 10m, got={text:?}"))
}

fn flag(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| format!("neither true nor false, got={text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_as_it_is_written() {
        let trials = [
            None,
            Some(Trial::Keys { percent: 10 }),
            Some(Trial::Shards(["a".to_owned(), "b/c".to_owned()].into())),
            Some(Trial::Shadow),
        ];
        for trial in trials {
            let query = Query {
                pipeline: Some("orders".into()),
                part: Some("sink.default".into()),
                promote_after: trial.is_some().then_some(Duration::from_secs(600)),
                trial,
                allow: ["http".into(), "files".into()].into(),
                why: "faster & better = 100%".into(),
                by: Some("ann@desk".into()),
                wait: Some(Duration::from_millis(1_500)),
                shard: Some("shardId-000000000001".into()),
            };
            assert_eq!(Query::parse(&query.text()), Ok(query));
        }
        assert_eq!(Query::parse(""), Ok(Query::default()));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_what_could() {
        let cases = [
            ("pipelin=a", "unknown parameter, name=pipelin known=pipeline, part"),
            ("canary=0", "not a share of the partition keys"),
            ("canary=101%25", "not a share of the partition keys"),
            ("canary=10&shadow=true", "canary, canary-shards and shadow exclude each other"),
            ("promote-after=10m", "promote-after is for a component on trial"),
            ("canary=1&promote-after=soon", "not a duration"),
            ("shadow=yes", "neither true nor false"),
            ("allow=htpp", ""),
        ];
        for (text, expected) in cases {
            let refused = Query::parse(text).unwrap_err();
            assert!(refused.starts_with(expected), "{refused}");
        }
    }
}
