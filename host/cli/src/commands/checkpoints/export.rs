//! `tidemill checkpoints export`: checkpoints to a file, or back to async-kinesis.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use tidemill_backends::dialects::{
    async_kinesis::{Seen, sequence_of},
    running,
};
use tidemill_engine::{
    kinesis::Shard,
    lease::{Checkpoint, Lease},
    limits,
    record::ShardId,
    sequence::SequenceNumber,
    time::Clock,
};

use super::{
    change::How,
    dialect::{self, Target, To, Where},
    lines,
    opened::{Opened, Purpose, Which},
};
use crate::{args::ConnectionFlags, exit::Exit, failure::Failure, output};

/// Write checkpoints to a file, or to where async-kinesis goes on from them
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file, to be written anew; - for stdout
    #[arg(required_unless_present = "to", conflicts_with = "to")]
    file: Option<PathBuf>,
    /// The library
    #[arg(long, value_enum)]
    to: Option<To>,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    place: Where,
}

/// Writes what the command line says.
pub async fn run(args: Args, flags: ConnectionFlags) -> Result<Exit, Failure> {
    let Args { file, to, place, which, how } = args;
    let opened = which.open(&flags, Purpose::Look).await?;
    match (file, to) {
        (Some(file), _) => to_file(&file, &how, &opened.list().await?),
        (None, Some(to)) => {
            // Two applications at work on one stream handle every record twice.
            how.must_not_run(&opened).await?;
            let target = place.target(to, &opened, &flags).await?;
            back(&target, &how, &opened).await
        }
        (None, None) => unreachable!("one of them is required"),
    }
}

fn to_file(file: &Path, how: &How, leases: &[Lease]) -> Result<Exit, Failure> {
    let text = lines::write(leases);
    if file == Path::new("-") || how.is_dry() {
        output::line(text.trim_end())?;
        return Ok(Exit::Ok);
    }
    fs::write(file, text).map_err(|error| {
        Failure::new(
            Exit::Surroundings,
            format!("cannot write the checkpoints: {error}: file={}", file.display()),
        )
    })?;
    output::line(&format!("{} checkpoints written to {}", leases.len(), file.display()))?;
    Ok(Exit::Ok)
}

/// What one shard is to have.
struct Entry {
    shard: ShardId,
    checkpoint: Checkpoint,
    sequence: Option<SequenceNumber>,
}

async fn back(target: &Target, how: &How, opened: &Opened) -> Result<Exit, Failure> {
    let entries = entries(&opened.list().await?, opened.shards.as_deref())?;
    if !how.is_daring() {
        let found = running(target.dialect(), Clock::system(), limits::FAILOVER).await;
        if let (_, Some(holder)) = found.map_err(|error| dialect::failed(&error))? {
            let message = format!("async-kinesis is running: nothing was written, holder={}", holder.name);
            return Err(Failure::new(Exit::Surroundings, message)
                .help("stop it, and wait until it counts as gone, a minute after its last sign of life"));
        }
    }
    let seen = target.writable().states().await.map_err(|error| dialect::failed(&error))?;
    tell_what_stays(&entries, &seen);
    let mut failed = 0_usize;
    for entry in &entries {
        let before = seen.get(&entry.shard);
        let line = described(entry, before);
        if how.is_dry() {
            output::line(&format!("would be {line}"))?;
            continue;
        }
        match target.writable().write(&entry.shard, before, entry.sequence.as_ref()).await {
            Ok(()) => output::line(&line)?,
            Err(error) => {
                failed += 1;
                output::note(&format!("not written: {error}"));
            }
        }
    }
    if failed == 0 {
        return Ok(Exit::Ok);
    }
    Err(Failure::new(Exit::Partial, format!("some checkpoints were not written: failed={failed}"))
        .help("stop async-kinesis and give the command again"))
}

/// What async-kinesis is to have of each lease, or the first that it has no word for.
fn entries(leases: &[Lease], shards: Option<&[Shard]>) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    for lease in leases {
        let shard = &lease.key.shard;
        let listed = shards.and_then(|shards| shards.iter().find(|listed| listed.id == *shard));
        if listed.is_none() && shards.is_some() {
            output::note(&format!("left out, because the stream no longer has the shard: shard={shard}"));
            continue;
        }
        let sequence = sequence_of(&lease.checkpoint, listed)
            .map_err(|error| Failure::new(Exit::Surroundings, format!("{error}, shard={shard}")))?;
        if sequence.is_none() {
            let checkpoint = &lease.checkpoint;
            output::note(&format!(
                "async-kinesis starts it by its own iterator_type, here it is {checkpoint}: shard={shard}"
            ));
        }
        entries.push(Entry { shard: shard.clone(), checkpoint: lease.checkpoint.clone(), sequence });
    }
    Ok(entries)
}

fn tell_what_stays(entries: &[Entry], seen: &BTreeMap<ShardId, Seen>) {
    for shard in seen.keys().filter(|shard| entries.iter().all(|entry| entry.shard != **shard)) {
        output::note(&format!("async-kinesis keeps what it has: shard={shard}"));
    }
}

fn described(entry: &Entry, before: Option<&Seen>) -> String {
    let Entry { shard, checkpoint, .. } = entry;
    let before = before.map(|seen| seen.state.sequence.as_deref().unwrap_or("nothing done"));
    match before {
        None => format!("created {shard}: {checkpoint}"),
        Some(before) => format!("moved {shard}: {before} -> {checkpoint}"),
    }
}
