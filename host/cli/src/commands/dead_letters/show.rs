//! `tidemill dead-letters show`: everything about one letter.

use std::fmt::Write;

use tidemill_backends::dead_letters::form;
use tidemill_engine::dead_letter::{DeadLetter, Payload};

use super::{
    list::plain,
    place::Which,
    reading::{Item, Reading, Scope},
};
use crate::{args::ConnectionFlags, exit::Exit, failure::Failure, output};

/// Bytes on one line of data that is no text.
const HEX_LINE: usize = 16;

/// Show everything about a letter, its data too
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its id, as `list` prints it
    id: String,
    #[command(flatten)]
    which: Which,
    /// Print the data alone, as it is
    #[arg(long)]
    data: bool,
}

/// Prints the letters of that id: more than one where a record failed anew.
pub async fn run(args: Args, flags: ConnectionFlags) -> Result<Exit, Failure> {
    let Args { id, which, data } = args;
    let opened = which.open(&flags).await?;
    let mut reading = Reading::begin(&opened, &flags, Scope::All).await?;
    let mut shown = 0;
    while let Some(item) = reading.next().await? {
        let Item::Letter(letter) = item else { continue };
        if form::id(&letter) != id || !opened.is_meant(&letter) {
            continue;
        }
        if data {
            output::write(&letter.data).map(|_| ())?;
            return Ok(Exit::Ok);
        }
        let between = if shown == 0 { "" } else { "\n" };
        output::line(&format!("{between}{}", described(&letter).trim_end()))?;
        shown += 1;
    }
    if shown > 0 {
        return Ok(Exit::Ok);
    }
    Err(Failure::new(Exit::Surroundings, format!("there is no such dead letter: id={id}"))
        .help("`tidemill dead-letters list` prints the ids of those that are there"))
}

fn described(letter: &DeadLetter) -> String {
    let DeadLetter { pipeline, stream, shard, sequence, sub_sequence, attempts, data, .. } = letter;
    let hash_key = letter.explicit_hash_key.map_or_else(|| "none".to_owned(), |key| key.to_string());
    let component = letter.by.as_deref().map_or_else(
        || "none".to_owned(),
        |by| format!("{}, digest {}, generation {}", by.component, by.digest, by.generation),
    );
    let payload = match letter.payload {
        Payload::Document => "a document",
        Payload::Record => "a whole Kinesis record",
    };
    let lines = [
        ("id", form::id(letter)),
        ("failed", output::moment(letter.at)),
        ("kind", plain(&letter.kind, usize::MAX)),
        ("attempts", attempts.to_string()),
        ("component", component),
        ("pipeline", pipeline.to_string()),
        ("stream", stream.to_string()),
        ("shard", shard.to_string()),
        ("sequence", format!("{sequence}, sub-sequence {sub_sequence}")),
        ("arrived", output::moment(letter.arrival)),
        ("key", plain(&letter.partition_key, usize::MAX)),
        ("hash key", hash_key),
        ("payload", format!("{payload}, {} bytes", data.len())),
    ];
    let mut text = lines.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name:<11} {value}");
        text
    });
    text.push_str("reason\n");
    text.push_str(&indented(&letter.reason));
    text.push_str("data\n");
    text.push_str(&form::text_of(data).map_or_else(|| hexadecimal(data), indented));
    text
}

fn indented(text: &str) -> String {
    let line = |line: &str| format!("  {}\n", plain(line, usize::MAX));
    text.lines().map(line).collect()
}

fn hexadecimal(data: &[u8]) -> String {
    let mut text = String::new();
    for (at, line) in data.chunks(HEX_LINE).enumerate() {
        let _ = write!(text, "  {:08x} ", at * HEX_LINE);
        for byte in line {
            let _ = write!(text, " {byte:02x}");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_that_is_no_text_is_shown_in_hexadecimal() {
        let shown = hexadecimal(&(0..18).map(|byte| byte * 15).collect::<Vec<u8>>());
        let expected = "  00000000  00 0f 1e 2d 3c 4b 5a 69 78 87 96 a5 b4 c3 d2 e1\n  00000010  f0 ff\n";
        assert_eq!(shown, expected);
    }
}
