//! `cargo xtask bench`: how fast it is, beside async-kinesis doing the same work in the same run.
//!
//! Everything is compiled for release. It prints figures and judges none of them; it fails only where a count is wrong.

mod codecs;
mod consumer;
mod documents;
mod figures;
mod local;
mod measured;
mod peer;
mod producer;
mod shards;
mod swaps;

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;

use crate::repository::Repository;

/// The presets that a bench runs unless told otherwise.
const PRESETS: [&str; 7] = ["string", "json", "json-line", "json-list", "msgpack", "kpl-json", "kpl-string"];

/// What is measured.
#[derive(Subcommand)]
pub enum Bench {
    /// Documents encoded and decoded a second: native, as a component, and by async-kinesis
    Codecs(codecs::Flags),
    /// Putting: the producer alone, then `tidemill put` beside async-kinesis on one endpoint
    Producer(StreamFlags),
    /// Reading: `tidemill run` with a component beside async-kinesis on one endpoint
    Consumer(StreamFlags),
    /// Memory and processor time of a process that reads many shards: the engine alone, then `tidemill run`
    Shards(shards::Flags),
    /// Components replaced under load: the pause, the memory, and the time from deployment to first batch
    Swaps,
}

/// How a bench on streams is run.
#[derive(clap::Args)]
pub struct StreamFlags {
    /// Documents for presets that aggregate; a fifth of them for those with a record for each, and a tenth of either
    /// for async-kinesis
    #[arg(long, default_value_t = 1_000_000)]
    documents: usize,
    /// Presets to measure
    #[arg(long, value_delimiter = ',', default_values_t = ["json", "json-line", "msgpack", "kpl-json"].map(str::to_owned))]
    presets: Vec<String>,
    /// Leave async-kinesis away
    #[arg(long)]
    no_python: bool,
    /// A binary `tidemill` that is built already; without it, one is built for release
    #[arg(long, value_name = "FILE")]
    host: Option<PathBuf>,
}

impl StreamFlags {
    /// The binary to measure.
    fn binary(&self, repository: &Repository) -> Result<PathBuf> {
        self.host.clone().map_or_else(|| repository.build_host(), Ok)
    }

    /// How many documents a preset is given.
    fn count(&self, preset: &str) -> usize {
        let is_aggregated = !matches!(preset, "string" | "json");
        if is_aggregated { self.documents } else { self.documents / 5 }
    }

    /// How many of them async-kinesis is given.
    fn peer_count(&self, preset: &str) -> usize {
        self.count(preset) / 10
    }
}

/// Measures.
pub fn run(repository: &Repository, bench: &Bench) -> Result<()> {
    match bench {
        Bench::Codecs(flags) => codecs::run(repository, flags),
        Bench::Producer(flags) => producer::run(repository, flags),
        Bench::Consumer(flags) => consumer::run(repository, flags),
        Bench::Shards(flags) => shards::run(repository, flags),
        Bench::Swaps => swaps::run(repository),
    }
}
