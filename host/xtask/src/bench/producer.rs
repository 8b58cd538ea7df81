//! `cargo xtask bench producer`: what putting costs.

use std::fs;

use anyhow::{Context, Result};

use super::{StreamFlags, documents, figures, local::Local, measured::Cost, peer};
use crate::repository::{self, Repository, cargo};

/// Measures the producer alone, then the whole program beside async-kinesis.
pub fn run(repository: &Repository, flags: &StreamFlags) -> Result<()> {
    let mut alone = cargo();
    alone
        .args(["bench", "--package", "tidemill-engine", "--bench", "producer"])
        .current_dir(&repository.root);
    repository::run(&mut alone)?;

    let binary = flags.binary(repository)?;
    let folder = repository.target.join("bench");
    fs::create_dir_all(&folder).context("cannot write into the target folder")?;
    let mut rows = Vec::new();
    for preset in &flags.presets {
        let file = folder.join("documents.jsonl");
        documents::write(&file, flags.count(preset))?;
        // One endpoint for each, so that none works on what another left behind.
        let local = Local::start(&binary)?;
        local.create("ours")?;
        let ours = local.put("ours", preset, &file, flags.count(preset))?;
        let theirs = if flags.no_python {
            None
        } else {
            let count = flags.peer_count(preset);
            local.create("theirs")?;
            let mut put = peer::program(repository, "peer_streams.py")?;
            put.args(["put", local.url(), "theirs", preset]).arg(&file).arg(count.to_string());
            Some(peer::cost(&mut put, count)?)
        };
        rows.push((preset.as_str(), ours, theirs));
    }
    println!("\nto put documents of {} bytes onto 4 shards", documents::BYTES);
    print(&rows);
    Ok(())
}

/// What one preset cost here and there.
pub type Row<'a> = (&'a str, Cost, Option<Cost>);

/// Prints costs side by side.
pub fn print(rows: &[Row<'_>]) {
    let header =
        ["preset", "documents", "CPU-s/million", "async-kinesis", "ratio", "documents/s", "async-kinesis"];
    let mut table = figures::table(1, &header);
    for (preset, ours, theirs) in rows {
        let ratio = theirs.map(|theirs| theirs.cpu_per_million() / ours.cpu_per_million());
        table.add_row([
            (*preset).to_owned(),
            figures::short(ours.documents as f64),
            figures::short(ours.cpu_per_million()),
            figures::or_dash(theirs.map(|theirs| figures::short(theirs.cpu_per_million()))),
            figures::or_dash(ratio.map(figures::times)),
            figures::short(ours.rate()),
            figures::or_dash(theirs.map(|theirs| figures::short(theirs.rate()))),
        ]);
    }
    println!("{table}");
}
