//! `tidemill checkpoints import`: checkpoints from a file or from another library.

use std::{collections::BTreeMap, path::PathBuf};

use tidemill_backends::dialects::{Found, Place, Row, running};
use tidemill_engine::{
    lease::{Checkpoint, moves::Wish, plan},
    limits,
    record::ShardId,
    time::Clock,
};

use super::{
    change::How,
    dialect::{self, From, Where},
    lines,
    opened::{Opened, Which},
};
use crate::{args::ConnectionFlags, config::Start, exit::Exit, failure::Failure, output};

/// Take checkpoints over from a file that `export` wrote, or from another library
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file; - for stdin
    #[arg(required_unless_present = "from", conflicts_with = "from")]
    file: Option<PathBuf>,
    /// The library
    #[arg(long, value_enum)]
    from: Option<From>,
    /// Where shards start of which the library has no number, in place of the pipeline's `start`
    #[arg(long, value_name = "PLACE", requires = "from")]
    start: Option<Start>,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    place: Where,
}

/// Takes over what the command line says.
pub async fn run(args: Args, flags: ConnectionFlags) -> Result<Exit, Failure> {
    let Args { file, from, start, place, which, how } = args;
    let opened = which.open(&flags, how.purpose()).await?;
    let places = match (file, from) {
        (Some(file), _) => lines::parse(&lines::read(&file)?, opened.stream.name())?,
        (None, Some(from)) => {
            // Whether this application runs is known sooner than whether the other one does.
            how.must_not_run(&opened).await?;
            let found = read(from, place, &how, &opened, &flags).await?;
            let start = start.map_or(opened.start, |start| start.0);
            places(found, start)?
        }
        (None, None) => unreachable!("one of them is required"),
    };
    how.fulfil(Wish::Recorded(places), &opened).await
}

/// What the other library keeps, once nobody writes it any more.
async fn read(
    from: From,
    place: Where,
    how: &How,
    opened: &Opened,
    flags: &ConnectionFlags,
) -> Result<Found, Failure> {
    let dialect = place.source(from, opened, flags).await?;
    let read = if how.is_daring() {
        dialect.read().await.map(|found| (found, None))
    } else {
        running(&*dialect, Clock::system(), limits::FAILOVER).await
    };
    let (found, alive) = read.map_err(|error| dialect::failed(&error))?;
    if let Some(holder) = alive {
        let message = format!("the other library is running, and would move on: holder={}", holder.name);
        return Err(Failure::new(Exit::Surroundings, message).help(
            "stop it, and wait until it counts as gone; or say --force, and records may be handled twice",
        ));
    }
    for passed_over in &found.passed_over {
        output::note(&format!("passed over, {passed_over}"));
    }
    if found.rows.is_empty() {
        return Err(Failure::new(Exit::Surroundings, "there is no checkpoint of this stream")
            .help("look at the name, the table and the stream of the pipeline"));
    }
    Ok(found)
}

/// The checkpoint of each shard.
fn places(found: Found, start: plan::Start) -> Result<BTreeMap<ShardId, Checkpoint>, Failure> {
    let mut places = BTreeMap::new();
    for Row { shard, place, .. } in found.rows {
        let checkpoint = match place {
            Place::At(checkpoint) => checkpoint,
            Place::Moment if !matches!(start, plan::Start::AtTimestamp(_)) => {
                let message =
                    format!("the library starts at a date that only its settings have: shard={shard}");
                return Err(Failure::new(Exit::Surroundings, message).help("give the date: --start DATE"));
            }
            Place::Start | Place::Moment => {
                let checkpoint = begin(start);
                output::note(&format!("nothing is done yet, so it starts at {checkpoint}: shard={shard}"));
                checkpoint
            }
        };
        if places.insert(shard.clone(), checkpoint).is_some() {
            let message = format!("the shard is there twice, of two streams of one name: shard={shard}");
            return Err(Failure::new(Exit::Surroundings, message)
                .help("export to a file by hand: docs/migration.md says what is in it"));
        }
    }
    Ok(places)
}

fn begin(start: plan::Start) -> Checkpoint {
    match start {
        plan::Start::TrimHorizon => Checkpoint::TrimHorizon,
        plan::Start::Latest => Checkpoint::Latest,
        plan::Start::AtTimestamp(at) => Checkpoint::AtTimestamp(at),
    }
}

#[cfg(test)]
mod tests {
    use tidemill_engine::time::UnixMillis;

    use super::*;

    fn found(places: &[(&str, Place)]) -> Found {
        let row = |(shard, place): &(&str, Place)| Row {
            shard: (*shard).into(),
            place: place.clone(),
            holder: None,
        };
        Found { rows: places.iter().map(row).collect(), passed_over: vec![] }
    }

    #[test]
    fn what_has_no_number_starts_where_the_pipeline_starts() {
        let found = found(&[("a", Place::Start), ("b", Place::At(Checkpoint::ShardEnd))]);
        let expected = BTreeMap::from([("a".into(), Checkpoint::Latest), ("b".into(), Checkpoint::ShardEnd)]);
        assert_eq!(places(found, plan::Start::Latest).unwrap(), expected);
    }

    #[test]
    fn a_date_that_nobody_told_is_asked_for() {
        let at = |start| places(found(&[("a", Place::Moment)]), start);
        assert!(at(plan::Start::TrimHorizon).unwrap_err().help_text().unwrap().contains("--start DATE"));
        let date = UnixMillis(5);
        let expected = BTreeMap::from([("a".into(), Checkpoint::AtTimestamp(date))]);
        assert_eq!(at(plan::Start::AtTimestamp(date)).unwrap(), expected);
    }

    #[test]
    fn a_shard_that_is_there_twice_is_refused() {
        let twice = found(&[("a", Place::Start), ("a", Place::Start)]);
        let refused = places(twice, plan::Start::Latest).unwrap_err().to_string();
        assert!(refused.ends_with("shard=a"), "{refused}");
    }
}
