//! Checkpoints as lines of JSON: one object a shard. This is a form that people keep, so it only ever grows.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    path::Path,
};

use serde::{Deserialize, Serialize};
use tidemill_engine::{
    lease::{Checkpoint, Lease},
    record::ShardId,
};

use crate::{exit::Exit, failure::Failure};

/// One line.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    stream: String,
    shard: String,
    checkpoint: String,
    #[serde(default)]
    parents: Vec<String>,
}

/// The leases as lines.
pub fn write(leases: &[Lease]) -> String {
    let line = |lease: &Lease| {
        let line = Line {
            stream: lease.key.stream.to_string(),
            shard: lease.key.shard.to_string(),
            checkpoint: lease.checkpoint.to_string(),
            parents: lease.parents.iter().map(ToString::to_string).collect(),
        };
        serde_json::to_string(&line).expect("the struct has no map and no way to fail") + "\n"
    };
    leases.iter().map(line).collect()
}

/// The text of a file, or of stdin where it is `-`.
pub fn read(path: &Path) -> Result<String, Failure> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(path)
    };
    text.map_err(|error| {
        let message = format!("cannot read the checkpoints: {error}: file={}", path.display());
        Failure::new(Exit::Surroundings, message)
    })
}

/// The checkpoints in a text, which all have to be of one stream.
pub fn parse(text: &str, stream: &str) -> Result<BTreeMap<ShardId, Checkpoint>, Failure> {
    let mut places = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let refuse = |reason: String| {
            Failure::new(
                Exit::Surroundings,
                format!("the checkpoints cannot be used: line {number}: {reason}"),
            )
            .help("`tidemill checkpoints export` writes such lines; docs/migration.md says what is in them")
        };
        let line: Line = serde_json::from_str(line).map_err(|error| refuse(error.to_string()))?;
        if line.stream != stream {
            return Err(refuse(format!("it is of another stream: stream={} expected={stream}", line.stream)));
        }
        let checkpoint = line.checkpoint.parse().map_err(|error| refuse(format!("{error}")))?;
        let shard = ShardId::from(line.shard);
        if places.insert(shard.clone(), checkpoint).is_some() {
            return Err(refuse(format!("the shard was there before: shard={shard}")));
        }
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use tidemill_engine::lease::LeaseKey;

    use super::*;

    const LINE: &str = r#"{"stream":"orders","shard":"shardId-000000000002","checkpoint":"4959:3","parents":["shardId-000000000000"]}"#;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let places = parse(LINE, "orders").unwrap();
        let lease = Lease {
            key: LeaseKey { stream: "orders".into(), shard: "shardId-000000000002".into() },
            owner: Some("host".into()),
            wanted_by: None,
            counter: 9,
            checkpoint: places[&ShardId::from("shardId-000000000002")].clone(),
            load: 5,
            parents: vec!["shardId-000000000000".into()],
        };
        assert_eq!(write(&[lease]), format!("{LINE}\n"));
    }

    #[test]
    fn lines_may_lack_parents_be_empty_and_have_more_than_is_known() {
        let text =
            "\n{\"stream\":\"orders\",\"shard\":\"a\",\"checkpoint\":\"latest\",\"color\":\"red\"}\n\n";
        assert_eq!(parse(text, "orders").unwrap(), BTreeMap::from([("a".into(), Checkpoint::Latest)]));
    }

    #[test]
    fn a_line_that_cannot_be_used_is_told_with_its_number() {
        let refusal = |text: &str, stream| parse(text, stream).unwrap_err().to_string();
        let begins = "the checkpoints cannot be used: line 2: ";
        for (text, expected) in [
            (format!("{LINE}\n{LINE}"), "the shard was there before: shard=shardId-000000000002"),
            (format!("{LINE}\n{}", LINE.replace("4959", "x")), "not a checkpoint: expected"),
            (format!("{LINE}\n{}", LINE.replace("\"shard\"", "\"shart\"")), "missing field `shard`"),
            (
                format!("\n{}", LINE.replace("orders", "paid")),
                "it is of another stream: stream=paid expected=orders",
            ),
        ] {
            let refused = refusal(&text, "orders");
            assert!(refused.starts_with(&format!("{begins}{expected}")), "{refused}");
        }
    }
}
