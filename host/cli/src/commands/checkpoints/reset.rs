//! `tidemill checkpoints reset`: shards go to another place.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    str::FromStr,
};

use tidemill_engine::{
    lease::{Checkpoint, moves::Wish, plan},
    record::ShardId,
};

use super::{change::How, lines, opened::Which};
use crate::{args::ConnectionFlags, config::Start, exit::Exit, failure::Failure};

/// Move checkpoints of all or some shards to another place
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to: trim-horizon, latest, a date such as 2026-01-31T12:00:00Z or seconds since 1970; SHARD=CHECKPOINT,
    /// for one shard and as often as wanted, where a number means that its record is done; or a file that `export` wrote
    #[arg(long, value_name = "PLACE", required = true)]
    to: Vec<Target>,
    /// Only this shard, as often as wanted; goes with trim-horizon, latest and dates
    #[arg(long = "shard", value_name = "SHARD")]
    shards: Vec<String>,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    how: How,
}

/// Where checkpoints are to go.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Start(plan::Start),
    Shard(ShardId, Checkpoint),
    File(PathBuf),
}

/// Moves what the command line says.
pub async fn run(args: Args, flags: ConnectionFlags) -> Result<Exit, Failure> {
    let Args { to, shards, which, how } = args;
    let only: BTreeSet<ShardId> = shards.into_iter().map(ShardId::from).collect();
    let opened = which.open(&flags, how.purpose()).await?;
    let wish = match &*to {
        [Target::Start(start)] => Wish::Start { start: *start, only },
        _ if !only.is_empty() => {
            return Err(contradiction("--shard goes with one place for all: trim-horizon, latest or a date"));
        }
        [Target::File(path)] => Wish::Recorded(lines::parse(&lines::read(path)?, opened.stream.name())?),
        targets => Wish::Each(each(targets)?),
    };
    how.fulfil(wish, &opened).await
}

fn each(targets: &[Target]) -> Result<BTreeMap<ShardId, Checkpoint>, Failure> {
    let mut places = BTreeMap::new();
    for target in targets {
        let Target::Shard(shard, checkpoint) = target else {
            return Err(contradiction("--to is given several times, and not each is SHARD=CHECKPOINT"));
        };
        if places.insert(shard.clone(), checkpoint.clone()).is_some() {
            return Err(contradiction(&format!("a shard has two places: shard={shard}")));
        }
    }
    Ok(places)
}

fn contradiction(message: &str) -> Failure {
    Failure::new(Exit::Usage, message).help("`tidemill checkpoints reset --help` shows what goes together")
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((shard, place)) = text.split_once('=') {
            let checkpoint = place.parse().map_err(|error| format!("{error}"))?;
            return Ok(Self::Shard(shard.into(), checkpoint));
        }
        match text.parse::<Start>() {
            Ok(Start(start)) => Ok(Self::Start(start)),
            Err(_) if text == "-" || PathBuf::from(text).exists() => Ok(Self::File(text.into())),
            Err(error) => Err(format!("{error}; nor is it a file, nor SHARD=CHECKPOINT")),
        }
    }
}

#[cfg(test)]
mod tests {
    use tidemill_engine::time::UnixMillis;

    use super::*;

    #[test]
    fn a_target_is_a_place_for_all_a_place_for_one_or_a_file() {
        let target = |text: &str| text.parse::<Target>().unwrap();
        assert_eq!(target("latest"), Target::Start(plan::Start::Latest));
        let date = Target::Start(plan::Start::AtTimestamp(UnixMillis(1_700_000_000_000)));
        assert_eq!(target("2023-11-14T22:13:20Z"), date);
        assert_eq!(target("a=shard-end"), Target::Shard("a".into(), Checkpoint::ShardEnd));
        assert_eq!(target("-"), Target::File("-".into()));
        let refused = "nowhere".parse::<Target>().unwrap_err();
        assert!(refused.starts_with("not a place to start") && refused.ends_with("nor SHARD=CHECKPOINT"));
        assert!("a=here".parse::<Target>().unwrap_err().starts_with("not a checkpoint: expected"));
    }

    #[test]
    fn one_shard_cannot_go_to_two_places() {
        let to = |shard: &str| Target::Shard(shard.into(), Checkpoint::Latest);
        assert_eq!(each(&[to("a"), to("b")]).unwrap().len(), 2);
        assert_eq!(each(&[to("a"), to("a")]).unwrap_err().to_string(), "a shard has two places: shard=a");
        let mixed = [to("a"), Target::Start(plan::Start::Latest)];
        assert!(each(&mixed).unwrap_err().to_string().starts_with("--to is given several times"));
    }
}
