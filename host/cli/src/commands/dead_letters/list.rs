//! `tidemill dead-letters list`: a line a letter.

use serde_json::Value;
use tidemill_backends::dead_letters::form;
use tidemill_engine::dead_letter::DeadLetter;

use super::{
    filter::Filter,
    place::Which,
    reading::{Item, Reading, Scope},
};
use crate::{
    args::ConnectionFlags,
    exit::Exit,
    failure::Failure,
    output::{self, Reader},
};

/// Characters of a reason that the table shows.
const REASON: usize = 60;

/// List what was given up and not redriven, the oldest first
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    filter: Filter,
    /// On a stream: also those that were redriven and are still there
    #[arg(long)]
    all: bool,
    /// Print one JSON object a line, as letters are kept, with their ids
    #[arg(long)]
    json: bool,
}

/// Prints every letter that the filter lets through.
pub async fn run(args: Args, flags: ConnectionFlags) -> Result<Exit, Failure> {
    let Args { which, filter, all, json } = args;
    let opened = which.open(&flags).await?;
    let scope = if all { Scope::All } else { Scope::NotRedriven };
    let mut reading = Reading::begin(&opened, &flags, scope).await?;
    let (mut table, mut shown, mut exit) = (output::table(COLUMNS), 0, Exit::Ok);
    while shown < filter.limit() {
        let letter = match reading.next().await? {
            None => break,
            Some(Item::Letter(letter)) if opened.is_meant(&letter) && filter.lets_through(&letter) => letter,
            Some(Item::Letter(_)) => continue,
            Some(Item::Unreadable(reason)) => {
                exit = Exit::Partial;
                output::note(&reason);
                continue;
            }
        };
        shown += 1;
        if !json {
            table.add_row(cells(&letter));
        } else if output::write(format!("{}\n", object(&letter)).as_bytes())? == Reader::Left {
            return Ok(exit);
        }
    }
    if !json {
        output::line(&if shown == 0 { "there are no dead letters".to_owned() } else { table.trim_fmt() })?;
    }
    Ok(exit)
}

/// A letter as it is kept, with its id.
pub fn object(letter: &DeadLetter) -> Value {
    let mut object: Value = serde_json::from_str(&form::write(letter)).expect("a letter is written as JSON");
    object["id"] = form::id(letter).into();
    object
}

/// A text of others on one line, without what would steer a terminal.
pub fn plain(text: &str, most: usize) -> String {
    let is_long = text.chars().nth(most).is_some();
    let plain = text.chars().take(most).map(|c| if c.is_control() { ' ' } else { c });
    plain.chain(is_long.then_some('…')).collect()
}

const COLUMNS: [&str; 10] =
    ["id", "failed", "stream", "shard", "sequence", "key", "kind", "attempts", "component", "reason"];

fn cells(letter: &DeadLetter) -> [String; 10] {
    let DeadLetter { sequence, sub_sequence, .. } = letter;
    let place = if *sub_sequence == 0 { sequence.to_string() } else { format!("{sequence}:{sub_sequence}") };
    [
        form::id(letter),
        output::moment(letter.at),
        letter.stream.to_string(),
        letter.shard.to_string(),
        place,
        plain(&letter.partition_key, REASON),
        letter.kind.clone(),
        letter.attempts.to_string(),
        letter.by.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
        plain(&letter.reason, REASON),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_others_stays_on_its_line_and_steers_no_terminal() {
        assert_eq!(plain("one\ntwo\x1b[31m", 60), "one two [31m");
        assert_eq!(plain("abcdef", 3), "abc…");
        assert_eq!(plain("äbc", 3), "äbc");
    }
}
