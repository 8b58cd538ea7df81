//! `tidemill checkpoints show`: a line a lease.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidemill_engine::{
    kinesis::Shard,
    lease::{
        Checkpoint, Lease, WorkerId,
        moves::{Outlook, Wish},
    },
    record::ShardId,
    time::{Clock, UnixMillis},
};

use super::opened::{Opened, Purpose, Which};
use crate::{args::ConnectionFlags, exit::Exit, failure::Failure, output};

/// Show who reads which shard, and how far it is
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

/// Prints the leases of every pipeline, or of the one that is named.
pub async fn run(args: Args, flags: ConnectionFlags) -> Result<Exit, Failure> {
    let now = Clock::system().now();
    let mut rows = Vec::new();
    for opened in args.which.open_all(&flags, Purpose::Look).await? {
        let leases = opened.list().await?;
        tell_what_has_no_lease(&opened, &leases);
        rows.extend(leases.iter().map(|lease| Row::new(&opened, lease, &leases, now)));
    }
    if args.json {
        let rows: Vec<Value> = rows.iter().map(Row::object).collect();
        output::line(&Value::Array(rows).to_string())?;
    } else if rows.is_empty() {
        output::line("there are no leases: nothing was read yet")?;
    } else {
        output::line(&table(&rows))?;
    }
    Ok(Exit::Ok)
}

/// A lease with what can be said of it.
struct Row<'a> {
    pipeline: String,
    lease: Lease,
    state: &'a str,
    age_ms: Option<u64>,
}

impl Row<'_> {
    fn new(opened: &Opened, lease: &Lease, all: &[Lease], now: UnixMillis) -> Self {
        let written = match &lease.checkpoint {
            Checkpoint::At { sequence, .. } => sequence.written(),
            _ => None,
        };
        Self {
            pipeline: opened.pipeline.to_string(),
            lease: lease.clone(),
            state: state(opened, lease, all),
            age_ms: written.map(|at| now.millis_since(at)),
        }
    }

    fn object(&self) -> Value {
        let Self { pipeline, lease, state, age_ms } = self;
        json!({
            "pipeline": pipeline,
            "stream": &*lease.key.stream,
            "shard": lease.key.shard.as_str(),
            "state": state,
            "owner": lease.owner.as_ref().map(WorkerId::as_str),
            "wanted_by": lease.wanted_by.as_ref().map(WorkerId::as_str),
            "counter": lease.counter,
            "checkpoint": lease.checkpoint.to_string(),
            "age_ms": age_ms,
            "parents": lease.parents.iter().map(ShardId::as_str).collect::<Vec<_>>(),
            "load": lease.load,
        })
    }

    fn cells(&self) -> [String; 8] {
        let Self { pipeline, lease, state, age_ms } = self;
        let parents: Vec<&str> = lease.parents.iter().map(ShardId::as_str).collect();
        let dash = || "-".to_owned();
        [
            pipeline.clone(),
            lease.key.shard.to_string(),
            (*state).to_owned(),
            lease.owner.as_ref().map_or_else(dash, ToString::to_string),
            lease.checkpoint.to_string(),
            age_ms.map_or_else(dash, age),
            if parents.is_empty() { dash() } else { parents.join(" ") },
            format!("{}/s", bytesize::ByteSize(lease.load)),
        ]
    }
}

/// In a word, what is going on with a shard.
fn state(opened: &Opened, lease: &Lease, all: &[Lease]) -> &'static str {
    let is_listed = |shards: &Vec<Shard>| shards.iter().any(|shard| shard.id == lease.key.shard);
    let ended: BTreeMap<&ShardId, bool> =
        all.iter().map(|lease| (&lease.key.shard, lease.checkpoint == Checkpoint::ShardEnd)).collect();
    let waits = lease.parents.iter().any(|parent| ended.get(parent) == Some(&false));
    match lease {
        _ if !opened.shards.as_ref().is_none_or(is_listed) => "gone",
        Lease { checkpoint: Checkpoint::ShardEnd, .. } => "ended",
        Lease { owner: Some(_), .. } => "held",
        _ if waits => "waiting",
        _ => "free",
    }
}

/// Shards without a lease are worth a word once there are leases: before the first read, all of them are.
fn tell_what_has_no_lease(opened: &Opened, leases: &[Lease]) {
    if leases.is_empty() {
        return;
    }
    let nothing = Wish::Each(BTreeMap::new());
    let outlook = Outlook::new(&opened.stream.name().into(), nothing, leases, opened.shards.as_deref());
    outlook.findings.iter().for_each(|finding| output::note(&finding.to_string()));
}

fn table(rows: &[Row<'_>]) -> String {
    let header = ["pipeline", "shard", "state", "owner", "checkpoint", "age", "parents", "load"];
    let mut table = output::table(header);
    table.add_rows(rows.iter().map(Row::cells));
    table.trim_fmt()
}

/// Whole seconds, and no more than two units of them.
fn age(ms: u64) -> String {
    let seconds = std::time::Duration::from_secs(ms / 1_000);
    let text = humantime::format_duration(seconds).to_string();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}
