//! The host's own functions that guests call: each counted, and told apart by instance.

use bytestring::ByteString;
use tracing::Level;

use crate::{
    bindings::imports::tidemill::streams::{configuration, logging, metrics, positions, types},
    series::Measured,
    state::State,
};

impl logging::Host for State {
    fn log(&mut self, level: logging::Level, message: String) -> wasmtime::Result<()> {
        self.calls.count()?;
        let level = match level {
            logging::Level::Trace => Level::TRACE,
            logging::Level::Debug => Level::DEBUG,
            logging::Level::Info => Level::INFO,
            logging::Level::Warn => Level::WARN,
            logging::Level::Error => Level::ERROR,
        };
        self.log.line(level, &message);
        Ok(())
    }
}

impl configuration::Host for State {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        self.calls.count()?;
        Ok(self.grants.sandbox.config.get(&key).cloned())
    }

    fn get_all(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        self.calls.count()?;
        let config = &self.grants.sandbox.config;
        Ok(config.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
    }
}

impl metrics::Host for State {
    fn counter(&mut self, name: String, labels: Vec<metrics::Label>, more: u64) -> wasmtime::Result<()> {
        self.measure(Measured::Counter(more), name, labels)
    }

    fn gauge(&mut self, name: String, labels: Vec<metrics::Label>, value: f64) -> wasmtime::Result<()> {
        self.measure(Measured::Gauge(value), name, labels)
    }

    fn histogram(&mut self, name: String, labels: Vec<metrics::Label>, value: f64) -> wasmtime::Result<()> {
        self.measure(Measured::Histogram(value), name, labels)
    }
}

impl State {
    fn measure(
        &mut self,
        measured: Measured,
        name: String,
        labels: Vec<metrics::Label>,
    ) -> wasmtime::Result<()> {
        self.calls.count()?;
        if let Err(notice) = self.grants.series.measure(measured, name, labels) {
            self.log.line(Level::WARN, &notice);
        }
        Ok(())
    }
}

impl positions::Host for State {
    fn sequence_number(&mut self, raw_index: u32) -> wasmtime::Result<Option<String>> {
        self.calls.count()?;
        let sequence = self.places.sequences.get(raw_index as usize);
        Ok(sequence.map(|sequence| sequence.as_str().to_owned()))
    }

    fn explicit_hash_key(&mut self, raw_index: u32, sub_index: u32) -> wasmtime::Result<Option<String>> {
        self.calls.count()?;
        let attributes = self.places.attributes.get(&(raw_index, sub_index));
        let hash_key = attributes.and_then(|attributes| attributes.explicit_hash_key);
        Ok(hash_key.map(|hash_key| hash_key.0.to_string()))
    }

    fn tags(&mut self, raw_index: u32, sub_index: u32) -> wasmtime::Result<Vec<types::Tag>> {
        self.calls.count()?;
        let attributes = self.places.attributes.get(&(raw_index, sub_index));
        let text = |text: &ByteString| text.to_string();
        let tags = attributes.iter().flat_map(|attributes| &attributes.tags);
        Ok(tags.map(|(key, value)| types::Tag { key: text(key), value: value.as_ref().map(text) }).collect())
    }
}

impl types::Host for State {}
