//! `[ingest]`: documents over HTTP, from programs in any language.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use serde::Deserialize;
use tidemill_engine::{limits, stream::StreamRef};

use super::{ProducerConfig, producer::Keys, units};
use crate::{exit::Exit, failure::Failure};

/// `[ingest]`: where it listens, and which streams it fills.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "the table [ingest]", default)]
pub struct IngestConfig {
    /// Where it listens; port 0 for any.
    pub listen: SocketAddr,
    /// Whether other machines may reach it, though nobody is asked who they are.
    pub allow_remote: bool,
    /// Bytes of one request's body.
    #[serde(deserialize_with = "units::bytes")]
    pub body_bytes: usize,
    /// The streams, by the name that stands in the URL.
    pub streams: BTreeMap<String, IngestStreamConfig>,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, limits::INGEST_PORT).into(),
            allow_remote: false,
            body_bytes: limits::INGEST_BODY_BYTES,
            streams: BTreeMap::new(),
        }
    }
}

impl IngestConfig {
    /// What no single setting can know.
    pub fn validate(&self) -> Result<(), Failure> {
        let wrong = |message: String| Failure::new(Exit::Settings, message);
        if self.streams.is_empty() {
            return Err(wrong("ingest has no stream to put to".to_owned())
                .help("add one: [ingest.streams.NAME], where NAME is the stream's name"));
        }
        for (name, stream) in &self.streams {
            if stream.stream.is_none() {
                stream_named(name).map_err(|error| wrong(format!("[ingest.streams.{name}]: {error}")))?;
            }
        }
        if !self.listen.ip().is_loopback() && !self.allow_remote {
            let listen = self.listen;
            return Err(wrong(format!("other machines could put without being asked who they are: listen={listen}"))
                .help("listen on 127.0.0.1, or say ingest.allow-remote = true (--allow-remote) behind something that asks"));
        }
        Ok(())
    }
}

impl IngestStreamConfig {
    /// The files and folders that it names.
    pub fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let components = self.producer.processor.components().map(|part| &mut part.component);
        components.chain(self.spool.as_mut().map(|spool| &mut spool.folder))
    }

    /// The stream, by the name that stands in the URL unless the settings say another.
    pub fn stream(&self, name: &str) -> Result<StreamRef, Failure> {
        match &self.stream {
            Some(stream) => Ok(stream.clone()),
            None => stream_named(name).map_err(|error| Failure::new(Exit::Settings, error)),
        }
    }
}

fn stream_named(name: &str) -> Result<StreamRef, String> {
    name.parse::<StreamRef>().map_err(|error| error.to_string())
}

/// `[ingest.streams.NAME]`: a stream that is filled over HTTP.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "Keys")]
pub struct IngestStreamConfig {
    /// Name or ARN, where it is not the name that stands in the URL.
    pub stream: Option<StreamRef>,
    /// How documents get onto it.
    pub producer: ProducerConfig,
    /// The folder of its spool.
    pub spool: Option<SpoolConfig>,
}

/// Where entries wait that did not reach the stream in time.
#[derive(Clone, Debug)]
pub struct SpoolConfig {
    /// The folder.
    pub folder: PathBuf,
    /// Bytes of entries, data and keys.
    pub limit_bytes: u64,
}

impl SpoolConfig {
    /// A spool of the default size.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, limit_bytes: limits::SPOOL_BYTES }
    }
}

impl TryFrom<Keys> for IngestStreamConfig {
    type Error = String;

    fn try_from(mut keys: Keys) -> Result<Self, String> {
        let limit = keys.spool_limit.take();
        let mut spool = keys.spool.take().map(SpoolConfig::new);
        match (&mut spool, limit) {
            (Some(spool), Some(limit)) => spool.limit_bytes = limit as u64,
            (None, Some(_)) => return Err("spool-limit is set, and there is no spool".to_owned()),
            (_, None) => {}
        }
        Ok(Self { stream: keys.stream.take(), producer: keys.try_into()?, spool })
    }
}
