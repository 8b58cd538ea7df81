//! `tidemill streams`: create, list, describe and delete streams.

use std::num::NonZeroU32;

use clap::Subcommand;
use serde_json::{Value, json};
use tidemill_engine::{
    kinesis::{Kinesis, KinesisError, Shard, ShardFilter, StreamMode, StreamSummary, list_all_shards},
    record::ShardId,
    stream::StreamRef,
};

use crate::{args::ConnectionFlags, endpoint, exit::Exit, failure::Failure, output};

/// Create, list, describe and delete streams
#[derive(Debug, Subcommand)]
pub enum Args {
    /// Create a stream and wait until it is active
    Create {
        /// Name of the stream
        stream: StreamRef,
        /// Shards to open with
        #[arg(long, default_value = "1", conflicts_with = "on_demand")]
        shards: NonZeroU32,
        /// Let the service scale the stream
        #[arg(long)]
        on_demand: bool,
    },
    /// List the names of the streams
    List {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show a stream and its shards
    Describe {
        /// Name or ARN of the stream
        stream: StreamRef,
        /// Print a JSON object
        #[arg(long)]
        json: bool,
    },
    /// Delete a stream with all its records
    Delete {
        /// Name or ARN of the stream
        stream: StreamRef,
        /// Yes, delete it
        #[arg(long)]
        yes: bool,
    },
}

/// Makes the call and prints what came of it.
pub async fn run(args: Args, connection: ConnectionFlags) -> Result<Exit, Failure> {
    if let Args::Delete { stream, yes: false } = &args {
        return Err(Failure::new(
            Exit::Usage,
            format!("deleting loses every record of the stream: stream={stream}"),
        )
        .help("say --yes if you mean it"));
    }
    let kinesis = endpoint::open(&connection.settings()).await?;
    let kinesis = &*kinesis;
    match args {
        Args::Create { stream, shards, on_demand } => {
            let mode = if on_demand {
                StreamMode::OnDemand
            } else {
                StreamMode::Provisioned { shards: shards.get() }
            };
            let summary = endpoint::create_stream(kinesis, &stream, mode).await?;
            output::line(&format!("created {} with {} shards", summary.name, summary.open_shards))?;
        }
        Args::List { json } => list(kinesis, json).await?,
        Args::Describe { stream, json } => describe(kinesis, &stream, json).await?,
        Args::Delete { stream, .. } => {
            let deleted = kinesis.delete_stream(&stream).await;
            deleted.map_err(|error| Failure::of_stream(&stream, &error))?;
            output::line(&format!("deleting {}", stream.name()))?;
        }
    }
    Ok(Exit::Ok)
}

async fn list(kinesis: &dyn Kinesis, as_json: bool) -> Result<(), Failure> {
    let names = all_names(kinesis).await.map_err(|error| Failure::of_call(&error))?;
    if as_json {
        return output::line(&json!(names).to_string());
    }
    names.iter().try_for_each(|name| output::line(name))
}

async fn all_names(kinesis: &dyn Kinesis) -> Result<Vec<String>, KinesisError> {
    let mut names = Vec::new();
    loop {
        let page = kinesis.list_streams(names.last().map(String::as_str)).await?;
        let is_last = !page.more || page.names.is_empty();
        names.extend(page.names);
        if is_last {
            return Ok(names);
        }
    }
}

async fn describe(kinesis: &dyn Kinesis, stream: &StreamRef, as_json: bool) -> Result<(), Failure> {
    let failed = |error| Failure::of_stream(stream, &error);
    let summary = kinesis.describe_stream_summary(stream).await.map_err(failed)?;
    let shards = list_all_shards(kinesis, stream, ShardFilter::All).await.map_err(failed)?;
    if as_json {
        return output::line(&as_object(&summary, &shards).to_string());
    }
    output::line(&as_text(&summary, &shards))
}

fn as_object(summary: &StreamSummary, shards: &[Shard]) -> Value {
    let shard = |shard: &Shard| {
        json!({
            "id": shard.id.as_str(),
            "open": shard.ending_sequence.is_none(),
            "parent": shard.parent.as_ref().map(ShardId::as_str),
            "adjacent_parent": shard.adjacent_parent.as_ref().map(ShardId::as_str),
            "first_hash_key": shard.range.start.to_string(),
            "last_hash_key": shard.range.end.to_string(),
        })
    };
    json!({
        "name": summary.name,
        "arn": summary.arn,
        "status": summary.status.as_str(),
        "on_demand": summary.on_demand,
        "open_shards": summary.open_shards,
        "retention_hours": summary.retention_hours,
        "max_record_bytes": summary.max_record_bytes,
        "created_ms": summary.created.0,
        "shards": shards.iter().map(shard).collect::<Vec<_>>(),
    })
}

fn as_text(summary: &StreamSummary, shards: &[Shard]) -> String {
    let mode = if summary.on_demand { "on demand" } else { "provisioned" };
    let mut lines = vec![
        format!("name        {}", summary.name),
        format!("arn         {}", summary.arn),
        format!("status      {}", summary.status.as_str()),
        format!("mode        {mode}"),
        format!("retention   {} h", summary.retention_hours),
        format!("max record  {}", bytesize::ByteSize(summary.max_record_bytes as u64)),
        format!("shards      {} open, {} in all", summary.open_shards, shards.len()),
    ];
    for shard in shards {
        let state = if shard.ending_sequence.is_none() { "open  " } else { "closed" };
        let parents: Vec<&str> =
            shard.parent.iter().chain(&shard.adjacent_parent).map(ShardId::as_str).collect();
        let from =
            if parents.is_empty() { String::new() } else { format!("  from {}", parents.join(" and ")) };
        lines.push(format!("  {}  {state}{from}", shard.id).trim_end().to_owned());
    }
    lines.join("\n")
}
