//! `dead-letters`: where a pipeline keeps the records that it gave up.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, de::Error};
use toml::Table;

use super::{ProcessorConfig, RedisConfig, SinkConfig};

/// `dead-letters`: a stream, a file, or a list of Redis.
#[derive(Clone, Debug)]
pub enum DeadLettersConfig {
    /// A stream, and how letters get onto it.
    Stream(Box<SinkConfig>),
    /// A file of lines.
    File(PathBuf),
    /// A list of Redis.
    Redis(RedisListConfig),
}

/// A list of Redis.
#[derive(Clone, Debug)]
pub struct RedisListConfig {
    /// Its key.
    pub key: String,
    /// Where Redis is; none for the one that keeps the leases.
    pub server: Option<RedisConfig>,
}

impl DeadLettersConfig {
    /// Files that it names, to be looked for in the folder of the settings.
    pub fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        match self {
            Self::File(path) => Some(path),
            Self::Redis(list) => list.server.as_mut().and_then(|server| server.ca.as_mut()),
            Self::Stream(_) => None,
        }
        .into_iter()
    }

    /// What no single key can know, given the Redis that keeps the leases: what is wrong, and what to do.
    pub fn validate(&self, leases: Option<&RedisConfig>) -> Result<(), (String, &'static str)> {
        let Self::Redis(list) = self else { return Ok(()) };
        match (&list.server, leases) {
            (Some(server), _) => server.validate_servers("dead-letters"),
            (None, Some(_)) => Ok(()),
            (None, None) => Err((
                "dead-letters in Redis, and no Redis is named".to_owned(),
                "add url = \"redis://HOST:6379\" beside its key, or keep the leases in Redis too",
            )),
        }
    }
}

impl<'de> Deserialize<'de> for DeadLettersConfig {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let mut keys = Table::deserialize(input)?;
        let named: Vec<&str> =
            ["stream", "file", "redis"].into_iter().filter(|name| keys.contains_key(*name)).collect();
        let known = match *named {
            ["stream"] => {
                return stream(keys).map(|sink| Self::Stream(sink.into())).map_err(D::Error::custom);
            }
            ["file"] => "file",
            ["redis"] => "redis",
            _ => {
                return Err(D::Error::custom(
                    "dead letters go to one place: write { stream = \"orders-failed\" }, { file = \"failed.jsonl\" } or \
                     { redis = \"orders-failed\" }",
                ));
            }
        };
        let Some(toml::Value::String(value)) = keys.remove(known) else {
            return Err(D::Error::custom(format!("`{known}` has to be a text")));
        };
        if value.is_empty() {
            return Err(D::Error::custom(format!("`{known}` is empty")));
        }
        if known == "redis" {
            return redis(value, keys).map(Self::Redis).map_err(D::Error::custom);
        }
        match keys.keys().next() {
            None => Ok(Self::File(value.into())),
            Some(key) => Err(D::Error::custom(format!("unknown field `{key}`, expected `file`"))),
        }
    }
}

fn stream(keys: Table) -> Result<SinkConfig, String> {
    if keys.contains_key("processor") {
        return Err(
            "dead letters have no processor: each is a record of its own, written as it is".to_owned()
        );
    }
    let mut sink: SinkConfig =
        keys.try_into().map_err(|error: toml::de::Error| error.message().to_owned())?;
    sink.producer.processor = plain();
    Ok(sink)
}

fn redis(key: String, keys: Table) -> Result<RedisListConfig, String> {
    if keys.is_empty() {
        return Ok(RedisListConfig { key, server: None });
    }
    if keys.contains_key("prefix") {
        return Err("dead letters have no prefix: `redis` is the whole key of the list".to_owned());
    }
    let server = keys.try_into().map_err(|error: toml::de::Error| error.message().to_owned())?;
    Ok(RedisListConfig { key, server: Some(server) })
}

/// Each line a record of its own, as it is.
fn plain() -> ProcessorConfig {
    "string".parse().expect("it is a preset")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<DeadLettersConfig, String> {
        let table: Table = toml::from_str(&format!("it = {text}")).unwrap();
        table["it"].clone().try_into().map_err(|error: toml::de::Error| error.message().to_owned())
    }

    fn refused(text: &str) -> String {
        read(text).map(drop).expect_err("the settings were taken")
    }

    #[test]
    fn letters_go_to_a_stream_a_file_or_a_list() {
        let stream = read("{ stream = 'orders-failed', create = { shards = 2 }, linger = '10ms' }").unwrap();
        let DeadLettersConfig::Stream(sink) = stream else { panic!("it is a stream") };
        assert_eq!((sink.stream.name(), sink.producer.create.unwrap().shards.get()), ("orders-failed", 2));
        assert_eq!(sink.producer.processor.to_string(), "string");
        let file = read("{ file = 'failed.jsonl' }").unwrap();
        assert!(matches!(file, DeadLettersConfig::File(path) if path.ends_with("failed.jsonl")));
        let list = |text: &str| match read(text) {
            Ok(DeadLettersConfig::Redis(list)) => list,
            other => panic!("it is a list: {other:?}"),
        };
        assert!(list("{ redis = 'failed' }").server.is_none());
        let own = list("{ redis = 'failed', url = 'redis://a' }");
        assert_eq!((own.key.as_str(), own.server.unwrap().url.as_deref()), ("failed", Some("redis://a")));
    }

    #[test]
    fn what_names_no_one_place_is_refused_with_what_to_do() {
        for text in ["{}", "{ file = 'a', redis = 'b' }", "{ stream = 's', file = 'a' }", "{ path = 'a' }"] {
            assert!(refused(text).starts_with("dead letters go to one place: write { stream = "), "{text}");
        }
        let cases = [
            ("{ file = 'a', linger = '1s' }", "unknown field `linger`, expected `file`"),
            ("{ file = '' }", "`file` is empty"),
            ("{ redis = 1 }", "`redis` has to be a text"),
            ("{ redis = 'a', prefix = 'b' }", "dead letters have no prefix"),
            ("{ redis = 'a', color = 'b' }", "unknown field `color`, expected one of `url`"),
            ("{ stream = 's', processor = 'json' }", "dead letters have no processor"),
            ("{ stream = 's', color = 'b' }", "unknown field `color`, expected one of `stream`"),
            ("{ stream = 'not a stream' }", "not a stream name"),
        ];
        for (text, expected) in cases {
            let told = refused(text);
            assert!(told.starts_with(expected), "{text}: {told}");
        }
    }

    #[test]
    fn a_list_needs_a_redis() {
        let validate = |text: &str, leases| read(text).unwrap().validate(leases);
        let leases = RedisConfig { url: Some("redis://a".to_owned()), ..RedisConfig::default() };
        assert!(validate("{ redis = 'failed' }", None).unwrap_err().0.ends_with("no Redis is named"));
        assert_eq!(validate("{ redis = 'failed' }", Some(&leases)), Ok(()));
        assert_eq!(validate("{ redis = 'failed', url = 'redis://b' }", None), Ok(()));
        assert!(validate("{ redis = 'failed', url = 'redis//b' }", None).is_err());
        assert!(validate("{ redis = 'failed', cluster = true }", None).is_err());
    }
}
