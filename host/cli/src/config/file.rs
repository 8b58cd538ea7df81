//! From the file to the settings: what is wrong in it is shown at its place, with the nearest key that exists.

use std::{fs, io, ops::Range, path::Path, sync::Arc};

use miette::{NamedSource, SourceSpan};

use super::{
    AdminConfig, Config, DeadLettersConfig, Endpoint, IngestConfig, IngestStreamConfig, PipelineConfig,
    StoreKind,
};
use crate::{exit::Exit, failure::Failure};

/// How much of a word must agree for it to be what was meant, 0 to 1.
const LIKENESS: f64 = 0.75;

impl Config {
    /// Reads the file. Paths in it are relative to its folder.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        let mut config = Self::parse(&path.display().to_string(), &text)?;
        config.resolve(path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    fn parse(name: &str, text: &str) -> Result<Self, Failure> {
        let config: Self = toml::from_str(text).map_err(|error| misread(name, text, &error))?;
        config.validate()?;
        Ok(config)
    }

    fn resolve(&mut self, folder: &Path) {
        let streams = self.ingest.iter_mut().flat_map(|ingest| ingest.streams.values_mut());
        let ingest = streams.flat_map(IngestStreamConfig::paths);
        let pipelines = self.pipelines.values_mut().flat_map(PipelineConfig::paths);
        let ca = self.leases.redis.iter_mut().flat_map(|redis| &mut redis.ca);
        let kept = self.kinesis.data_dir.iter_mut().chain(&mut self.leases.path).chain(ca);
        let paths = pipelines.chain(kept).chain(ingest).chain(self.deploy.paths());
        for path in paths {
            *path = folder.join(&*path);
        }
        let letters = self.pipelines.values_mut().filter_map(|pipeline| pipeline.dead_letters.as_mut());
        for path in letters.flat_map(DeadLettersConfig::paths) {
            *path = folder.join(&*path);
        }
        let default_leases = folder.join("tidemill.redb");
        if self.lease_store() == StoreKind::File {
            self.leases.path.get_or_insert(default_leases);
        }
    }

    /// What no single setting can know.
    fn validate(&self) -> Result<(), Failure> {
        if self.pipelines.is_empty() && self.ingest.is_none() {
            return Err(contradiction("there is no pipeline to run").help(
                "add one: [pipelines.NAME] with source, handler and sink; or [ingest] to take documents over HTTP",
            ));
        }
        self.ingest.iter().try_for_each(IngestConfig::validate)?;
        self.admin.iter().try_for_each(AdminConfig::validate)?;
        self.deploy.validate()?;
        let embedded = self.kinesis.endpoint == Endpoint::Embedded;
        if !embedded && (self.kinesis.data_dir.is_some() || self.kinesis.port != 0) {
            return Err(contradiction("kinesis.data-dir and kinesis.port belong to the embedded Kinesis")
                .help("set kinesis.endpoint = \"embedded\", or leave them out"));
        }
        self.leases.validate(self.lease_store())?;
        if self.lease_store() != StoreKind::Memory && self.has_fleeting_streams() {
            return Err(contradiction(
                "leases would outlive the streams: the embedded Kinesis keeps its streams in memory",
            )
            .help("set kinesis.data-dir to keep the streams too, or leases.store = \"memory\""));
        }
        self.pipelines.iter().try_for_each(|(name, pipeline)| {
            let twice =
                pipeline.sink.is_some() && pipeline.sinks.keys().any(|sink| sink.as_str() == "default");
            if twice {
                return Err(contradiction(format!("pipeline {name} has both `sink` and `sinks.default`"))
                    .help("they are the same sink: leave one of them out"));
            }
            pipeline.source.retrieval(&self.application, name)?;
            if let Some(letters) = &pipeline.dead_letters {
                letters
                    .validate(self.leases.redis.as_ref())
                    .map_err(|(wrong, help)| contradiction(format!("pipeline {name}: {wrong}")).help(help))?;
            }
            let has_place = pipeline.dead_letters.is_some();
            pipeline
                .on_failure
                .map_or(Ok(()), |on_failure| on_failure.validate(has_place))
                .and_then(|()| pipeline.handler.validate())
                .map_err(|(wrong, help)| contradiction(format!("pipeline {name} has {wrong}")).help(help))
        })
    }

    /// What keeps the leases: as set, or else a file unless the streams are in memory only too.
    pub fn lease_store(&self) -> StoreKind {
        let fitting = if self.has_fleeting_streams() { StoreKind::Memory } else { StoreKind::File };
        self.leases.store.unwrap_or(fitting)
    }

    fn has_fleeting_streams(&self) -> bool {
        self.kinesis.endpoint == Endpoint::Embedded && self.kinesis.data_dir.is_none()
    }
}

fn contradiction(message: impl Into<String>) -> Failure {
    Failure::new(Exit::Settings, message)
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let failure =
        Failure::new(Exit::Settings, format!("cannot read the settings: {error}: file={}", path.display()));
    match error.kind() {
        io::ErrorKind::NotFound => failure.help("name the file: `tidemill run path/to/tidemill.toml`"),
        _ => failure,
    }
}

fn misread(name: &str, text: &str, error: &toml::de::Error) -> Failure {
    let place = error.span().unwrap_or(0..0);
    let (line, column) = line_and_column(text, place.start);
    let (message, help) = in_our_words(error.message());
    let mut failure =
        Failure::new(Exit::Settings, format!("{message}: file={name} line={line} column={column}"));
    if let Some(help) = help {
        failure = failure.help(help);
    }
    let text: Arc<str> = text.into();
    failure.at(NamedSource::new(name, Arc::clone(&text)), first_line_of(&text, place))
}

/// A message of the parser, with what to do where the parser knows what would have been right.
fn in_our_words(message: &str) -> (String, Option<String>) {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let Some((given, known)) = quoted.split_first() else { return (message.to_owned(), None) };
    let choice = |what: &str, lead: &str| {
        let list = format!("{lead}: {}", known.join(", "));
        let help = meant(given, known).map_or(list.clone(), |word| format!("did you mean `{word}`? {list}"));
        (format!("unknown {what} `{given}`"), Some(help))
    };
    let is_unknown = |what: &&str| message.starts_with(&format!("unknown {what} "));
    if message.starts_with("unknown field") {
        choice("key", "known here")
    } else if message.starts_with("unknown variant") {
        choice("value", "expected one of")
    } else if let Some(what) = ["processor", "aggregator", "serializer"].into_iter().find(is_unknown) {
        choice(what, "expected one of")
    } else if message.starts_with("missing field") {
        let help = format!("add `{given}`; docs/settings.md has every key");
        (format!("the key `{given}` is missing"), Some(help))
    } else {
        (message.to_owned(), None)
    }
}

fn meant<'a>(given: &str, known: &[&'a str]) -> Option<&'a str> {
    let scored = known.iter().map(|word| (strsim::jaro_winkler(given, word), *word));
    let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (best.0 >= LIKENESS).then_some(best.1)
}

fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(at)];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// A place that covers many lines is shown by its first one.
fn first_line_of(text: &str, place: Range<usize>) -> SourceSpan {
    let covered = text.get(place.clone()).unwrap_or("");
    let length = covered.find('\n').unwrap_or(covered.len());
    (place.start, length).into()
}

#[cfg(test)]
mod tests;
