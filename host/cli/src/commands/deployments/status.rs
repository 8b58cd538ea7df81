//! `tidemill status`: what runs where, and what waits.

use serde_json::Value;

use super::Hosts;
use crate::{deploying::query::Query, exit::Exit, failure::Failure, output};

/// Show what each host runs: the generation of each shard, what is on trial, and what waits
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    hosts: Hosts,
    /// Print what the hosts answer, as a JSON array
    #[arg(long)]
    json: bool,
}

/// Asks every host that was named.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    let mut hosts = Vec::new();
    for client in args.hosts.clients()? {
        hosts.push(client.get("/status", &Query::default()).await?);
    }
    if args.json {
        output::line(&Value::Array(hosts).to_string())?;
        return Ok(Exit::Ok);
    }
    for host in &hosts {
        output::line(shown(host).trim_end())?;
    }
    Ok(Exit::Ok)
}

/// One host: its parts, and below them its shards.
fn shown(host: &Value) -> String {
    let mut text = format!("{} of {}\n", text(&host["worker"]), text(&host["application"]));
    text += &table(
        ["part", "version", "generation", "component", "on trial", "state"],
        list(&host["parts"]).iter().map(part_cells),
    );
    let shards: Vec<[String; 6]> =
        list(&host["parts"]).iter().flat_map(|part| shard_rows(part, host)).collect();
    if !shards.is_empty() {
        text += "\n";
        text +=
            &table(["pipeline", "stream", "shard", "generation", "component", "state"], shards.into_iter());
    }
    text + "\n"
}

fn part_cells(part: &Value) -> [String; 6] {
    let slot = &part["slot"];
    let state = match (&part["refused"], &part["unavailable"]) {
        (Value::Null, Value::Null) => "as wanted".to_owned(),
        (Value::Null, why) => format!("not known what is wanted: {}", text(why)),
        (refused, _) => format!("refused version {}: {}", refused["version"], text(&refused["why"])),
    };
    let version = part["wanted"]["version"].as_u64().map_or("-".to_owned(), |version| version.to_string());
    [
        text(&part["part"]),
        version,
        slot["component"]["generation"].to_string(),
        short(&slot["component"]["digest"]),
        trial(slot),
        state,
    ]
}

fn trial(slot: &Value) -> String {
    if slot["candidate"].is_null() {
        return "-".to_owned();
    }
    let figures = &slot["figures"];
    let counted = if figures.is_null() {
        String::new()
    } else {
        format!(", {} batches, {} failed", figures["batches"], figures["failed"])
    };
    let how = match &slot["trial"] {
        Value::String(word) => word.clone(),
        trial => trial.as_object().and_then(|trial| trial.keys().next().cloned()).unwrap_or_default(),
    };
    format!("{} ({how}{counted})", short(&slot["candidate"]["digest"]))
}

/// A row for each shard of a handler, and for those that wait before their first batch.
fn shard_rows(part: &Value, host: &Value) -> Vec<[String; 6]> {
    let slot = &part["slot"];
    let name = text(&part["part"]);
    let Some((pipeline, "handler")) = name.split_once('/') else { return Vec::new() };
    let digest = |generation: &Value| {
        let of =
            [&slot["component"], &slot["candidate"]].into_iter().find(|one| one["generation"] == *generation);
        of.map_or_else(|| "an older one".to_owned(), |one| short(&one["digest"]))
    };
    let handled = slot["shards"].as_object().into_iter().flatten();
    let mut rows: Vec<[String; 6]> = handled
        .map(|(place, generation)| {
            let (stream, shard) = place.rsplit_once('/').unwrap_or(("-", place));
            let state = waits(host, pipeline, stream, shard).unwrap_or_else(|| "at work".to_owned());
            [
                pipeline.to_owned(),
                stream.to_owned(),
                shard.to_owned(),
                generation.to_string(),
                digest(generation),
                state,
            ]
        })
        .collect();
    for shown in list(&host["pipelines"]).iter().filter(|shown| shown["pipeline"] == pipeline) {
        for waiting in list(&shown["paused"]).iter().chain(list(&shown["stopped"])) {
            let (stream, shard) = (text(&shown["stream"]), text(&waiting["shard"]));
            if !rows.iter().any(|row| row[1] == stream && row[2] == shard) {
                let state = waits(host, pipeline, &stream, &shard).unwrap_or_default();
                rows.push([pipeline.to_owned(), stream, shard, "-".to_owned(), "-".to_owned(), state]);
            }
        }
    }
    rows
}

/// Why a shard waits, if it does.
fn waits(host: &Value, pipeline: &str, stream: &str, shard: &str) -> Option<String> {
    let mut pipelines = list(&host["pipelines"]).iter();
    let shown = pipelines.find(|shown| shown["pipeline"] == pipeline && shown["stream"] == stream)?;
    let of = |list_name: &str| list(&shown[list_name]).iter().find(|one| one["shard"] == shard);
    let paused = of("paused").map(|one| format!("paused: {}", text(&one["reason"])));
    paused.or_else(|| of("stopped").map(|one| format!("stopped: {}", text(&one["reason"]))))
}

fn table<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut table = output::table(header);
    table.add_rows(rows);
    table.trim_fmt() + "\n"
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn short(digest: &Value) -> String {
    text(digest).chars().take(8).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_host_is_shown_by_its_parts_and_its_shards() {
        let generation =
            |number: u64, byte: &str| json!({ "generation": number, "digest": byte.repeat(32), "from": "f" });
        let host = json!({
            "worker": "host-1", "application": "orders",
            "pipelines": [{
                "pipeline": "paid", "stream": "in", "paused": [],
                "stopped": [{ "shard": "shardId-2", "reason": "seq=7" }, { "shard": "shardId-9", "reason": "seq=8" }],
            }],
            "parts": [{
                "part": "paid/handler", "applied": 3, "wanted": { "version": 3 }, "refused": null, "unavailable": null,
                "slot": {
                    "component": generation(1, "aa"), "candidate": generation(2, "bb"),
                    "trial": { "keys": { "percent": 10 } },
                    "shards": { "in/shardId-1": 2, "in/shardId-2": 1 },
                    "figures": { "batches": 12, "failed": 1 },
                },
            }],
        });
        let expected = [
            "host-1 of orders",
            " part          version  generation  component  on trial                               state",
            " paid/handler  3        1           aaaaaaaa   bbbbbbbb (keys, 12 batches, 1 failed)  as wanted",
            "",
            " pipeline  stream  shard      generation  component  state",
            " paid      in      shardId-1  2           bbbbbbbb   at work",
            " paid      in      shardId-2  1           aaaaaaaa   stopped: seq=7",
            " paid      in      shardId-9  -           -          stopped: seq=8",
            "",
            "",
        ];
        assert_eq!(
            shown(&host).split('\n').map(str::trim_end).collect::<Vec<_>>(),
            expected.map(str::trim_end)
        );
    }
}
