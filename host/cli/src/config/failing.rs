//! `on-failure` and `handler.breaker`: what happens when a handler fails.

use std::{fmt, num::NonZeroU32, time::Duration};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};
use tidemill_engine::{
    consumer::{BreakerSettings, OnFailure},
    limits,
};

use super::units;

/// What becomes of records that cannot be handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailureConfig {
    /// They are kept as dead letters.
    DeadLetter,
    /// Their shard stops before them.
    StopShard,
    /// They are counted and passed over.
    Drop,
}

impl OnFailureConfig {
    /// What is wrong with it where there is a place for dead letters or none, and what to do.
    pub fn validate(self, has_place: bool) -> Result<(), (&'static str, &'static str)> {
        if self == Self::DeadLetter && !has_place {
            return Err((
                "on-failure = \"dead-letter\" and no place for dead letters",
                "add one, such as dead-letters = { file = \"failed.jsonl\" }, or have the shard stop",
            ));
        }
        Ok(())
    }
}

impl From<OnFailureConfig> for OnFailure {
    fn from(config: OnFailureConfig) -> Self {
        match config {
            OnFailureConfig::DeadLetter => Self::DeadLetter,
            OnFailureConfig::StopShard => Self::StopShard,
            OnFailureConfig::Drop => Self::Drop,
        }
    }
}

/// `breaker`: when a shard pauses whose handler keeps failing; `false` is never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerConfig(pub Option<BreakerSettings>);

impl Default for BreakerConfig {
    fn default() -> Self {
        Self(Some(BreakerSettings::default()))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct BreakerKeys {
    #[serde(default = "failures")]
    failures: NonZeroU32,
    #[serde(default = "pause", deserialize_with = "units::positive_duration")]
    pause: Duration,
    #[serde(default = "longest_pause", deserialize_with = "units::positive_duration")]
    longest_pause: Duration,
}

impl<'de> Deserialize<'de> for BreakerConfig {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(TableOrSwitch)
    }
}

struct TableOrSwitch;

impl<'de> Visitor<'de> for TableOrSwitch {
    type Value = BreakerConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table such as { failures = 30, pause = \"30s\" }, or false")
    }

    fn visit_bool<E: Error>(self, is_on: bool) -> Result<BreakerConfig, E> {
        Ok(if is_on { BreakerConfig::default() } else { BreakerConfig(None) })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<BreakerConfig, A::Error> {
        let BreakerKeys { failures, pause, longest_pause } =
            Deserialize::deserialize(MapAccessDeserializer::new(map))?;
        if pause > longest_pause {
            return Err(Error::custom(format!(
                "the pause of a breaker is its longest-pause or shorter: pause={} longest-pause={}",
                humantime::format_duration(pause),
                humantime::format_duration(longest_pause)
            )));
        }
        let failures = failures.get();
        Ok(BreakerConfig(Some(BreakerSettings { failures, pause, longest_pause })))
    }
}

/// How long reads are gathered to fill a batch: nothing up to [`limits::BATCH_WINDOW_LONGEST`].
pub fn batch_window<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
    let (window, longest) = (units::duration(input)?, limits::BATCH_WINDOW_LONGEST);
    if window > longest {
        let longest = humantime::format_duration(longest);
        return Err(Error::custom(format!(
            "reads are gathered for {longest} at the most: shorten batch-window"
        )));
    }
    Ok(window)
}

fn failures() -> NonZeroU32 {
    NonZeroU32::new(limits::BREAKER_FAILURES).expect("the default is not zero")
}

fn pause() -> Duration {
    limits::BREAKER_PAUSE.0
}

fn longest_pause() -> Duration {
    limits::BREAKER_PAUSE.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Keys {
        #[serde(default)]
        breaker: BreakerConfig,
        #[serde(default, deserialize_with = "batch_window")]
        batch_window: Duration,
    }

    fn parse(text: &str) -> Result<Keys, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_breaker_is_a_table_or_switched_off() {
        let breaker = |text| parse(text).unwrap().breaker.0;
        let default = BreakerSettings::default();
        assert_eq!(breaker(""), Some(default));
        assert_eq!(breaker("breaker = true"), Some(default));
        assert_eq!(breaker("breaker = false"), None);
        let pause = Duration::from_secs(5);
        assert_eq!(
            breaker("breaker = { failures = 3, pause = \"5s\" }"),
            Some(BreakerSettings { failures: 3, pause, ..default })
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_would() {
        for (text, expected) in [
            ("breaker = 3", "invalid type: integer `3`, expected a table such as"),
            ("breaker = { zzz = 3 }", "unknown field `zzz`, expected one of `failures`, `pause`"),
            ("breaker = { failures = 0 }", "invalid value: integer `0`, expected a nonzero u32"),
            (
                "breaker = { pause = \"10m\" }",
                "the pause of a breaker is its longest-pause or shorter: pause=10m",
            ),
            ("batch-window = \"6m\"", "reads are gathered for 5m at the most"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
        assert_eq!(parse("batch-window = \"0s\"").unwrap().batch_window, Duration::ZERO);
    }
}
