//! `tidemill resume`: shards that pause or are stopped go on.

use bytes::Bytes;

use super::Hosts;
use crate::{deploying::query::Query, exit::Exit, failure::Failure, output};

/// Have shards go on that pause because their handler keeps failing, or that stopped at a record
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    hosts: Hosts,
    /// The pipeline; all of them without it
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
    /// The shard; all that wait without it
    #[arg(long, value_name = "SHARD")]
    shard: Option<String>,
}

/// Tells every host that was named.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    let query = Query { pipeline: args.pipeline, shard: args.shard, ..Query::default() };
    for client in args.hosts.clients()? {
        let answer = client.post("/resume", &query, Bytes::new()).await?;
        output::line(&format!("{}: resumed={}", client.url(), answer["resumed"]))?;
    }
    Ok(Exit::Ok)
}
